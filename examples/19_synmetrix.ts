import { SessionRef } from "@latchkey/core"
import { type Credentials, type PasswordChange, Synmetrix } from "@latchkey/synmetrix"
import { Effect, Layer, type Redacted } from "effect"
import { FetchHttpClient } from "effect/http"

/** Signs in, by a second factor where there is one, and keeps the session alive. */
export const signIn = <E, R>(
  credentials: Credentials,
  askForCode: Effect.Effect<Redacted.Redacted<string>, E, R>
) =>
  Effect.gen(function* () {
    const synmetrix = yield* Synmetrix
    const result = yield* synmetrix.login(credentials)
    const session =
      result._tag === "SecondFactorRequired"
        ? yield* synmetrix.submitTotp({ ticket: result.ticket, code: yield* askForCode })
        : result.session
    return yield* SessionRef.make(synmetrix, session)
  }).pipe(Effect.tapErrorTag("InvalidLogin", () => Effect.logWarning("wrong password, or wrong code")))

/** Renews the session once, should its access token be refused. */
export const changePassword = Effect.fn(function* (
  live: Effect.Success<ReturnType<typeof signIn>>,
  change: PasswordChange
) {
  const synmetrix = yield* Synmetrix
  yield* live.use((session) => synmetrix.changePassword(session, change))
})

/** Such as `https://app.synmetrix.org`. */
export const application = (url: string) =>
  Synmetrix.layer({ url }).pipe(Layer.provide(FetchHttpClient.layer))
