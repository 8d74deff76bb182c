/** What is read from access tokens. Nothing is sent. */
import { PermissionDenied } from "@latchkey/core/AuthError"
import * as Jwt from "@latchkey/jwt/Jwt"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Redacted from "effect/Redacted"
import type { Synmetrix } from "../Synmetrix.ts"
import * as Arguments from "./arguments.ts"
import * as Claims from "./claims.ts"

type Reading = Pick<Synmetrix["Service"], "authHeaders" | "parseAccessToken" | "verifyAccessToken">

export const make = (where: Arguments.Where, namespace: string | undefined): Reading => {
  const parse: Reading["parseAccessToken"] = (token) =>
    Effect.map(Jwt.decode(token, { where }), (decoded) => Claims.read(decoded, namespace))

  return {
    parseAccessToken: parse,
    verifyAccessToken: (token, { key, leeway }) =>
      Effect.map(
        Jwt.verify(token, {
          keys: [key],
          algorithms: [key.algorithm],
          // Synmetrix makes tokens of its own, with another issuer and an audience.
          issuer: Jwt.anyIssuer,
          audience: Jwt.anyAudience,
          where,
          ...(leeway !== undefined && { leeway })
        }),
        (verified) => Claims.read(verified, namespace)
      ),
    authHeaders: Effect.fnUntraced(function* (session, { role } = {}) {
      yield* Arguments.session(where, session)
      const token = yield* Arguments.accessToken(where, session)
      const { roles } = yield* parse(token)
      if (role !== undefined && !roles.includes(role)) {
        return yield* new PermissionDenied({ ...where, message: "the session does not have this role" })
      }
      return Headers.fromInput({
        authorization: `Bearer ${Redacted.value(token)}`,
        ...(role !== undefined && { "x-hasura-role": role })
      })
    })
  }
}
