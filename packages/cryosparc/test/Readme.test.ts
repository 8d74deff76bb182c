import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "@latchkey/core"
import { Effect, Layer, Redacted } from "effect"
import { CryoSparcEmulator, CryoSparcTest } from "../src/testing.ts"
import { instance, program } from "../../../examples/13_cryosparc-sign-in.ts"
import { aChangedPassword } from "../../../examples/14_cryosparc-in-a-test.ts"

const password = Redacted.make("correct-horse")

const store = Layer.fresh(SessionStore.layerMemory)

describe("README", () => {
  it.effect("signing in", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* program(password), { email: "ada@example.com" })
    }).pipe(Effect.provide(Layer.merge(CryoSparcTest.layer(), store)))
  )

  it.live("signing in, over a real connection", () =>
    Effect.gen(function* () {
      const { url } = yield* CryoSparcEmulator
      const answer = yield* program(password).pipe(Effect.provide([instance(url), store]))
      assert.deepStrictEqual(answer, { email: "ada@example.com" })
    }).pipe(Effect.provide(CryoSparcEmulator.layer()))
  )

  it.effect("in tests", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* aChangedPassword, [401, "InvalidLogin"])
    })
  )
})
