import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { Resonite } from "../src/index.ts"
import { Game, ResoniteEmulator, ResoniteTest } from "../src/testing.ts"
import { state, thisMachine } from "../../../examples/11_resonite-state.ts"
import { signIn } from "../../../examples/12_resonite-second-factor.ts"
import { aLogoutInTheGame } from "../../../examples/15_resonite-in-a-test.ts"

const password = Redacted.make("correct-horse")

const code = Redacted.make("123456")

describe("README", () => {
  it.effect("who is signed in", () =>
    Effect.gen(function* () {
      const game = yield* Game
      assert.strictEqual(yield* state, "nobody is signed in")
      yield* (yield* Resonite).login({ credential: "ada", password })
      yield* game.setSessionExpires(1893456000123456789n)
      assert.strictEqual(yield* state, "ada is signed in, until 2030-01-01T00:00:00.123Z or longer")
      yield* game.setSessionExpires(-1n)
      assert.strictEqual(yield* state, "ada is signed in")
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )

  it.live("who is signed in, over a real socket", () =>
    Effect.gen(function* () {
      const { directory } = yield* ResoniteEmulator
      const environment = ConfigProvider.layer(
        ConfigProvider.fromEnvRecord({ RESONITE_IO_SOCKET_DIR: directory })
      )
      const game = Layer.fresh(thisMachine).pipe(Layer.provide(environment))
      assert.strictEqual(yield* Effect.provide(state, game), "nobody is signed in")
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.effect("a second factor", () =>
    Effect.gen(function* () {
      let asked = 0
      const ask = Effect.sync(() => {
        asked++
        return code
      })
      assert.strictEqual((yield* signIn({ credential: "ada", password }, ask)).userName, "ada")
      assert.strictEqual(asked, 0)
      assert.strictEqual((yield* signIn({ credential: "grace", password }, ask)).userName, "grace")
      assert.strictEqual(asked, 1)
      const wrong = signIn({ credential: "grace", password }, Effect.succeed(Redacted.make("0")))
      assert.strictEqual((yield* Effect.flip(wrong))._tag, "InvalidLogin")
      const game = yield* Game
      yield* game.setStarting(true)
      const early = yield* Effect.flip(signIn({ credential: "grace", password }, ask))
      assert.strictEqual(early._tag, "FailedPrecondition")
      assert.strictEqual(asked, 1)
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )

  it.effect("in a test", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* aLogoutInTheGame, [true, false])
    })
  )
})
