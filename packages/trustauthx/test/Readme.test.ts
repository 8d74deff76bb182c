import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "@latchkey/core"
import { Effect, Layer, Redacted } from "effect"
import { Authority, TrustAuthXEmulator, TrustAuthXTest } from "../src/testing.ts"
import { application, aRevokedSession, cameBack, signIn } from "../../../examples/20_trustauthx.ts"
import { fails } from "../../../test/support/fails.ts"

const store = Layer.fresh(SessionStore.layerMemory)

const journey = Effect.gen(function* () {
  const authority = yield* Authority
  const code = yield* authority.signIn("uid_ann")
  assert.deepStrictEqual(yield* cameBack(code), { email: "ann+test@example.com", mayWrite: true })
  yield* fails("InvalidToken", cameBack(code))
})

describe("README", () => {
  it.effect("signing in", () => journey.pipe(Effect.provide(Layer.merge(TrustAuthXTest.layer(), store))))

  it.live("signing in, over a real connection", () =>
    journey.pipe(Effect.provide(Layer.merge(TrustAuthXEmulator.layer(), store)))
  )

  it.effect("the address of the login page needs no connection", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* signIn, "https://app.trustauthx.com/widget/login/?org_id=org_main")
    }).pipe(Effect.provide(application(Redacted.make("sk_main_0123456789abcdef"))))
  )

  it.effect("in tests", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* aRevokedSession, [true, false])
    })
  )
})
