import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as Deadline from "../src/Deadline.ts"
import { fails } from "../../../test/support/fails.ts"

const where = { provider: "acme", instance: "here" }

describe("Deadline", () => {
  it.effect("is what was given, or what holds otherwise, or 30 s", () =>
    Effect.gen(function* () {
      const minute = Duration.minutes(1)
      assert.deepStrictEqual(yield* Deadline.make(where, "2 seconds", minute), Duration.seconds(2))
      assert.deepStrictEqual(yield* Deadline.make(where, undefined, minute), minute)
      assert.deepStrictEqual(yield* Deadline.make(where, undefined), Duration.seconds(30))
    })
  )

  for (const given of [0, -1, Infinity, -Infinity, Number.NaN, "0 seconds"] as const) {
    it.effect(`${given} is InvalidRequest`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* fails("InvalidRequest", Deadline.make(where, given))).field, "timeout")
      })
    )
  }
})
