/** Whatever is done in whatever order, the store answers as a Map and a few numbers would. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { plainModel, Step } from "./plainModel.ts"
import { type Backing, everything } from "./samples.ts"

const Steps = Schema.Array(Step).check(Schema.isMaxLength(40))

export const model = (backing: Backing): void =>
  it.effect.prop(
    "any sequence of puts, removals, leases and pauses gives what a plain model gives",
    { steps: Steps },
    ({ steps }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* Effect.flatten(backing.open)
          const plain = plainModel(backing, store)
          for (const [n, step] of steps.entries()) {
            const [answer, expected] = yield* plain.take(step, n)
            assert.deepStrictEqual({ step, answer }, { step, answer: expected })
            const found = yield* everything(store)
            const sorted = backing.lacks("order")
              ? found.toSorted((a, b) => ((a?.session ?? "") < (b?.session ?? "") ? -1 : 1))
              : found
            assert.deepStrictEqual(sorted, plain.contents())
          }
        })
      ),
    // The size grows from run to run, so that most runs have the full length.
    { arbitrary: { runs: 40, size: 80 }, timeout: 60_000 }
  )
