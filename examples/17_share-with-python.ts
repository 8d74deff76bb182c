import { SessionKey, Sessions } from "@latchkey/core"
import { CryoSparc } from "@latchkey/cryosparc"
import { CryosparcSessionStore } from "@latchkey/store"
import { Effect, Layer, type Redacted } from "effect"
import { FetchHttpClient } from "effect/http"

/** Goes on with the session that the Python tools have left, or signs in and leaves one for them. */
export const signedIn = <E, R>(
  email: string,
  askForPassword: Effect.Effect<Redacted.Redacted<string>, E, R>
) =>
  Effect.gen(function* () {
    const cryosparc = yield* CryoSparc
    const sessions = yield* Sessions
    const key = new SessionKey({ provider: cryosparc.name, instance: cryosparc.instance, account: email })
    const held = yield* sessions.open(cryosparc, key)
    const signIn = Effect.gen(function* () {
      const secret = yield* askForPassword
      const login = cryosparc.login({ email, password: secret })
      return yield* sessions.signIn(cryosparc, { account: email, secret, login })
    })
    return yield* Effect.as(held.get, held).pipe(
      Effect.catchTag(["NotAuthenticated", "SessionExpired"], () => signIn)
    )
  })

/** Beside other stores: each `Sessions.layer` is on the store that it is given. */
export const layer = (url: string) =>
  Layer.merge(
    Layer.provide(CryoSparc.layer({ url }), FetchHttpClient.layer),
    Layer.provide(Sessions.layer, CryosparcSessionStore.layer())
  )
