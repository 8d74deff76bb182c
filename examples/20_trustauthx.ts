// #region sign-in
import { SessionRef } from "@latchkey/core"
import { TrustAuthX, TrustAuthXRoles } from "@latchkey/trustauthx"
import { Effect, Layer, type Redacted } from "effect"
import { FetchHttpClient } from "effect/http"

/** Where a browser is sent to sign in. It comes back to the application with `?code=`. */
export const signIn = Effect.flatMap(TrustAuthX, (trustauthx) => trustauthx.generateUrl())

export const cameBack = (code: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const trustauthx = yield* TrustAuthX
    const roles = yield* TrustAuthXRoles
    const user = yield* trustauthx.getUser(code)
    const live = yield* SessionRef.make(trustauthx, user.session) // renewed when it is due, and saved
    const data = yield* trustauthx.getUserData(yield* live.token)
    const mayWrite = yield* roles.validate("rol_edt_0000000000000002", "docs", "write")
    return { email: data.email, mayWrite }
  }).pipe(
    Effect.tapErrorTag("InvalidToken", () => Effect.logWarning("the code was refused: sign in again")),
    Effect.scoped
  )

export const application = (secretKey: Redacted.Redacted<string>) =>
  TrustAuthX.layer({ apiKey: "ak_main", secretKey, orgId: "org_main" }).pipe(
    Layer.provide(FetchHttpClient.layer)
  )
// #endregion sign-in

// #region in-a-test
import { Authority, TrustAuthXTest } from "@latchkey/trustauthx/testing"

export const aRevokedSession = Effect.gen(function* () {
  const trustauthx = yield* TrustAuthX
  const authority = yield* Authority
  const { accessToken } = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
  const before = yield* trustauthx.validateAccessToken(accessToken)
  yield* authority.revokeTokens("uid_ann")
  const after = yield* trustauthx.validateAccessToken(accessToken)
  return [before, after] // true, false
}).pipe(Effect.provide(TrustAuthXTest.layer()))
// #endregion in-a-test
