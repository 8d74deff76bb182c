// Run by `npm run pack-check` in an empty project: the packed verifier takes a token, and refuses another one.
import { Jwt, JwtKey, JwtVerifier } from "@latchkey/jwt"
import { Effect, Redacted } from "effect"
import assert from "node:assert/strict"

const program = Effect.gen(function* () {
  const secret = Redacted.make("a secret of at least 32 bytes, as it must be")
  const key = yield* JwtKey.fromSecret({ algorithm: "HS256", secret })
  const verifier = yield* JwtVerifier.make({
    keys: [key],
    algorithms: ["HS256"],
    issuer: "smoke",
    audience: Jwt.anyAudience,
    withoutExpiry: "allowed"
  })
  const { claims } = yield* verifier.verify(yield* Jwt.sign({ iss: "smoke", sub: "ada" }, key))
  const error = yield* Effect.flip(verifier.verify(yield* Jwt.sign({ iss: "fire" }, key)))
  return [claims.sub, error._tag, error.check]
})

assert.deepEqual(await Effect.runPromise(program), ["ada", "InvalidToken", "Issuer"])
