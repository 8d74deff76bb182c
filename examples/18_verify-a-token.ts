import { Jwt, JwksCache, JwtKey, JwtVerifier } from "@latchkey/jwt"
import { Effect, type Redacted, Schema } from "effect"

const User = Schema.Struct({ sub: Schema.String, scope: Schema.String })

// #region verify
/** To be built once, in the scope of the program. */
export const verifier = (issuer: string) =>
  Effect.gen(function* () {
    const keys = yield* JwksCache.make({ url: `${issuer}/.well-known/jwks.json` })
    return yield* JwtVerifier.make({
      keys,
      algorithms: ["ES256", "RS256"],
      issuer,
      audience: "https://api.example.com",
      type: "at+jwt"
    })
  })

export const userOf = (
  { verify }: JwtVerifier.JwtVerifier<JwksCache.JwksError>,
  token: Redacted.Redacted<string>
) =>
  verify(token).pipe(
    Effect.flatMap(Jwt.claimsAs(User)),
    Effect.tapErrorTag("InvalidToken", ({ check }) => Effect.logInfo(`a token was refused: ${check}`))
  )
// #endregion verify

// #region sign
/** Between two programs that share a secret of at least 32 bytes. */
export const selfMade = (secret: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const key = yield* JwtKey.fromSecret({ algorithm: "HS256", secret })
    const token = yield* Jwt.sign({ sub: "job-7", aud: "worker" }, key)
    return yield* Jwt.verify(token, {
      keys: [key],
      algorithms: ["HS256"],
      issuer: Jwt.anyIssuer,
      audience: "worker",
      withoutExpiry: "allowed"
    })
  })
// #endregion sign
