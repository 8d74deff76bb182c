import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "@latchkey/core"
import { Effect, Layer, Redacted } from "effect"
import { Synmetrix } from "../src/index.ts"
import { AuthServer, SynmetrixEmulator, SynmetrixTest } from "../src/testing.ts"
import { application, changePassword, signIn } from "../../../examples/19_synmetrix.ts"
import { aLinkByMail } from "../../../examples/23_synmetrix-in-a-test.ts"
import { fails } from "../../../test/support/fails.ts"

const password = Redacted.make("correct-horse")
const ada = { email: "ada@example.com", password }
const mfa = { email: "mfa@example.com", password }
const change = { oldPassword: password, newPassword: Redacted.make("battery-staple") }

const code = Effect.succeed(Redacted.make("123456"))

const store = Layer.fresh(SessionStore.layerMemory)

/** Signs in with a code and without one, and changes a password with a token that was refused. */
const all = Effect.gen(function* () {
  const server = yield* AuthServer
  const synmetrix = yield* Synmetrix
  yield* server.addAccount({ ...mfa, mfa: true })
  assert.strictEqual((yield* signIn(mfa, code)).key.account, "mfa@example.com")
  const live = yield* signIn(ada, Effect.die("nobody is asked"))
  yield* server.changeKey
  yield* changePassword(live, change)
  yield* synmetrix.login({ ...ada, password: change.newPassword })
  yield* fails("InvalidLogin", signIn(ada, code))
})

describe("README", () => {
  it.effect("signing in", () => Effect.provide(all, Layer.merge(SynmetrixTest.layer(), store)))

  it.live("signing in, over a real connection", () =>
    Effect.gen(function* () {
      const { url } = yield* SynmetrixEmulator
      yield* all.pipe(Effect.provide([application(url), store]))
    }).pipe(Effect.provide(SynmetrixEmulator.layer()))
  )

  it.effect("in tests", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* aLinkByMail, ["LinkSent", "ada@example.com", "InvalidToken"])
    })
  )
})
