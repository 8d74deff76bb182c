/** What the shared secret is for: it signs the one token that names the application, and verifies what the service signs. */
import type { InvalidRequest, InvalidToken } from "@latchkey/core/AuthError"
import * as AuthError from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as Jwt from "@latchkey/jwt/Jwt"
import * as JwtKey from "@latchkey/jwt/JwtKey"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"

/** Claims hold tokens, whose length nobody has promised. */
const MAX_BYTES = 64 * 1024

export interface SignedKey {
  /** Never ends, and goes with every request: as secret as a password. */
  readonly token: Redacted.Redacted<string>
  /** The claims of what the service signed; fails with `InvalidToken`, whose `check` was not passed. */
  readonly verify: (token: Redacted.Redacted<string>) => Effect.Effect<Jwt.Claims, InvalidToken>
}

export const make = Effect.fnUntraced(function* (
  where: Where,
  given: {
    readonly apiKey: string
    readonly secretKey: Redacted.Redacted<string>
    readonly leeway: Duration.Duration
  }
): Effect.fn.Return<SignedKey, InvalidRequest> {
  const key = yield* JwtKey.fromSecret({
    algorithm: "HS256",
    secret: given.secretKey,
    shortSecret: "allowed",
    where
  }).pipe(Effect.mapError((error) => unusable(where, error.message)))
  const token = yield* Jwt.sign({ api_key: given.apiKey }, key, { where })
  const policy = {
    keys: [key],
    algorithms: ["HS256"],
    issuer: Jwt.anyIssuer,
    audience: Jwt.noAudience,
    leeway: given.leeway,
    withoutExpiry: "allowed",
    maxBytes: MAX_BYTES,
    where
  } as const
  return {
    token,
    verify: (received) =>
      Effect.map(
        Effect.catchTag(Jwt.verify(received, policy), "InvalidRequest", (error) =>
          // The policy is ours, and sound.
          Effect.die(error)
        ),
        ({ claims }) => claims
      )
  }
})

const unusable = (where: Where, message: string): InvalidRequest =>
  new AuthError.InvalidRequest({ ...where, message, field: "secretKey" })
