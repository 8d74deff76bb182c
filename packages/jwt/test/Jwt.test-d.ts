import { expectTypeOf, test } from "@effect/vitest"
import type {
  InvalidRequest,
  InvalidResponse,
  InvalidToken,
  ServerError,
  TransportError
} from "@latchkey/core"
import type { Effect, Redacted, Scope } from "effect"
import { Schema } from "effect"
import type { HttpClient } from "effect/http"
import { Jwt, JwksCache, JwtKey, JwtVerifier } from "../src/index.ts"

declare const keys: ReadonlyArray<JwtKey.JwtKey>
declare const token: Redacted.Redacted<string>
declare const jwks: JwksCache.JwksCache

const { anyAudience, anyIssuer, noAudience } = Jwt

const options = { keys, algorithms: ["HS256"], issuer: "https://a.example", audience: "me" } as const

test("S13: algorithms have to be told, at least one, and never none", () => {
  const { algorithms: _algorithms, ...rest } = options
  // @ts-expect-error: missing
  void Jwt.verify(token, rest)
  // @ts-expect-error: empty
  void Jwt.verify(token, { ...rest, algorithms: [] })
  // @ts-expect-error: none
  void Jwt.verify(token, { ...rest, algorithms: ["none"] })
  // @ts-expect-error: missing
  void JwtVerifier.make(rest)
})

test("S13: a key is for an algorithm of its kind", () => {
  // @ts-expect-error: a secret does not sign by RS256
  void JwtKey.fromSecret({ algorithm: "RS256", secret: token })
  // @ts-expect-error: a public key is no secret
  void JwtKey.fromPem({ algorithm: "HS256", pem: "" })
  // @ts-expect-error: a secret is redacted
  void JwtKey.fromSecret({ algorithm: "HS256", secret: "secret" })
  // @ts-expect-error: nobody makes a key by hand
  const key: JwtKey.JwtKey = { algorithm: "HS256", id: undefined, canSign: true, canVerify: true }
  expectTypeOf(key).toExtend<JwtKey.JwtKey>()
})

test("S16: issuer and audience have to be told, or opted out of by name", () => {
  const { audience: _audience, ...noAudienceTold } = options
  const { issuer: _issuer, ...noIssuerTold } = options
  // @ts-expect-error: missing
  void Jwt.verify(token, noAudienceTold)
  // @ts-expect-error: missing
  void Jwt.verify(token, noIssuerTold)
  // @ts-expect-error: undefined
  void Jwt.verify(token, { ...options, issuer: undefined })
  // @ts-expect-error: empty
  void Jwt.verify(token, { ...options, audience: [] })
  // @ts-expect-error: no audience is no issuer
  void Jwt.verify(token, { ...options, issuer: noAudience })
  void Jwt.verify(token, { ...options, issuer: anyIssuer, audience: anyAudience })
  void Jwt.verify(token, { ...options, issuer: ["a", "b"], audience: noAudience })
})

test("tokens are redacted, going in and coming out", () => {
  // @ts-expect-error: plain
  void Jwt.verify("token", options)
  // @ts-expect-error: plain
  void Jwt.decode("token")
  expectTypeOf(Jwt.sign).returns.toEqualTypeOf<Effect.Effect<Redacted.Redacted<string>, InvalidRequest>>()
})

test("each operation says how it can fail", () => {
  expectTypeOf(Jwt.decode).returns.toEqualTypeOf<Effect.Effect<Jwt.Decoded, InvalidToken>>()
  expectTypeOf(Jwt.verify(token, options)).toEqualTypeOf<
    Effect.Effect<Jwt.Verified, InvalidToken | InvalidRequest>
  >()
  expectTypeOf(Jwt.verify(token, { ...options, keys: jwks })).toEqualTypeOf<
    Effect.Effect<
      Jwt.Verified,
      InvalidToken | InvalidRequest | TransportError | ServerError | InvalidResponse
    >
  >()
  expectTypeOf(JwtVerifier.make(options)).toEqualTypeOf<
    Effect.Effect<JwtVerifier.JwtVerifier, InvalidRequest>
  >()
  expectTypeOf(JwksCache.make).returns.toEqualTypeOf<
    Effect.Effect<JwksCache.JwksCache, InvalidRequest, HttpClient.HttpClient | Scope.Scope>
  >()
  expectTypeOf(Jwt.claimsAs(Schema.Struct({ sub: Schema.String }))).returns.toEqualTypeOf<
    Effect.Effect<{ readonly sub: string }, InvalidToken>
  >()
})

test("what was only decoded does not pass for verified", () => {
  expectTypeOf<Jwt.Decoded>().not.toExtend<Jwt.Verified>()
})
