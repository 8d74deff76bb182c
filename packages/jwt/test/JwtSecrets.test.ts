import { assert, describe, it } from "@effect/vitest"
import type { InvalidRequest } from "@latchkey/core"
import { Canary } from "@latchkey/testing"
import * as HttpHandler from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { Effect, Exit, Redacted, Schema } from "effect"
import { HttpClient } from "effect/http"
import { Jwt, JwksCache, JwtKey, JwtVerifier } from "../src/index.ts"
import { encode, forge, forged, HS256, signed } from "./support/forge.ts"
import * as Keys from "./support/keys.ts"

const secret = Canary.make("secret-of-at-least-32-bytes-with-which-we-sign")
const claim = Canary.make("claim")
const query = Canary.make("query")

const canaries = [secret, claim, query]

const base = {
  algorithms: ["HS256"],
  issuer: Jwt.anyIssuer,
  audience: Jwt.anyAudience,
  withoutExpiry: "allowed"
} as const

/** In a token every part is told in base64url: these find it whole. */
const tokenOf = (claims: object = {}): Redacted.Redacted<string> => forged({ ...claims, it: claim.secret })

/** Every way to be refused, by tokens that hold the canary wherever a token can hold a text. */
const refused = (verify: (token: Redacted.Redacted<string>) => Effect.Effect<unknown, unknown>) =>
  Effect.forEach(
    [
      Redacted.make(claim.secret),
      Redacted.make(`${claim.secret}.${claim.secret}.${claim.secret}`),
      Redacted.make(`${encode(HS256)}.${encode(claim.secret)}.${encode(claim.secret)}`),
      Redacted.make(signed(encode(HS256), encode(claim.secret))),
      Redacted.make(claim.secret.repeat(1000)),
      forged({}, JSON.stringify({ alg: claim.secret })),
      forged({}, JSON.stringify({ alg: "HS256", crit: [claim.secret] })),
      forged({}, JSON.stringify({ alg: "HS256", typ: claim.secret })),
      forged({}, JSON.stringify({ alg: "HS256", kid: claim.secret })),
      forge(HS256, `{"it":"${claim.secret}`),
      tokenOf({ iss: claim.secret }),
      tokenOf({ iss: "me", aud: claim.secret }),
      tokenOf({ iss: "me", aud: "me", exp: -1000 }),
      tokenOf({ iss: "me", aud: "me", nbf: 99_999_999 }),
      tokenOf({ iss: "me", aud: "me", sub: [claim.secret] })
    ],
    (token) => Effect.exit(verify(token))
  )

const clean = <A>(name: string, program: Effect.Effect<A, unknown, Canary.Captured>) =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const result = yield* Effect.exit(Effect.withSpan(program, "around"))
      yield* Effect.logDebug("done", result)
      Canary.assertAbsent(canaries, result)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

describe("no token, no claim and no secret is shown", () => {
  const key = JwtKey.fromSecret({ algorithm: "HS256", secret: secret.redacted })

  clean(
    "by what verify refuses",
    Effect.gen(function* () {
      const hs256 = yield* Keys.hs256
      const named = yield* JwtKey.fromSecret({ algorithm: "HS256", secret: Keys.secret, id: "one" })
      for (const options of [
        {},
        { issuer: "me", audience: "me" },
        { issuer: "me", audience: "you" },
        { type: "JWT" }
      ]) {
        const exits = yield* refused((token) =>
          Jwt.verify(token, { ...base, keys: [named, hs256], ...options })
        )
        assert.isTrue(exits.some(Exit.isFailure))
        yield* Effect.logDebug(exits.filter(Exit.isFailure))
        Canary.assertAbsent(canaries, exits.filter(Exit.isFailure))
      }
    })
  )

  clean(
    "by what decode and claimsAs refuse",
    Effect.gen(function* () {
      const exits = yield* refused((token) =>
        Effect.flatMap(Jwt.decode(token), Jwt.claimsAs(Schema.Struct({ it: Schema.Int })))
      )
      assert.isTrue(exits.every(Exit.isFailure))
      return yield* Effect.failCause(exits.filter(Exit.isFailure)[11]?.cause ?? (yield* Effect.die("none")))
    })
  )

  clean(
    "by a key, by what it signs, and by a verifier",
    Effect.gen(function* () {
      const made = yield* key
      const token = yield* Jwt.sign({ it: claim.secret }, made)
      const verifier = yield* JwtVerifier.make({ ...base, keys: [made] })
      const { claims } = yield* verifier.verify(token)
      assert.strictEqual(claims["it"], claim.secret)
      yield* Effect.logDebug("all", made, token, verifier)
      return [made, token, verifier]
    })
  )

  for (const [name, failing] of [
    ["secret", JwtKey.fromSecret({ algorithm: "HS512", secret: secret.redacted })],
    ["PEM", JwtKey.fromPem({ algorithm: "RS256", pem: secret.redacted })],
    [
      "PEM that looks right",
      JwtKey.fromPem({
        algorithm: "RS256",
        pem: Redacted.make(`-----BEGIN PRIVATE KEY-----\n${secret.secret}\n-----END PRIVATE KEY-----`)
      })
    ],
    [
      "JWK",
      JwtKey.fromJwk({ jwk: Redacted.make({ kty: "EC", crv: "P-256", x: "AA", y: "AA", d: secret.secret }) })
    ],
    ["header", Effect.flatMap(Keys.hs256, (key) => Jwt.sign({}, key, { header: { jwk: secret.secret } }))]
  ] as const) {
    clean(
      `by a ${name} that is refused`,
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Effect.asVoid<unknown, InvalidRequest, never>(failing))
        assert.isTrue(Exit.isFailure(exit))
        yield* Effect.logDebug(exit)
        return exit
      })
    )
  }

  for (const answer of [
    HttpHandler.json(200, { keys: claim.secret }),
    HttpHandler.json(500, claim.secret),
    HttpHandler.text(200, "text/html", claim.secret),
    {
      ...HttpHandler.empty(302),
      headers: { location: `https://issuer.example/${encodeURIComponent(claim.secret)}` }
    }
  ]) {
    clean(
      `by a fetch of keys that ends with ${answer.status}, nor the query of the address`,
      Effect.scoped(
        Effect.gen(function* () {
          const memory = yield* HttpMemory.make({
            origin: "https://issuer.example",
            handler: () => Effect.succeed(answer)
          })
          const keys = yield* Effect.provideService(
            JwksCache.make({ url: `https://issuer.example/keys?p=${encodeURIComponent(query.secret)}` }),
            HttpClient.HttpClient,
            memory.client
          )
          const error = yield* Effect.flip(keys.refresh)
          assert.strictEqual((yield* memory.requests).length, 1)
          yield* Effect.logDebug(error, keys)
          return [error, keys]
        })
      )
    )
  }
})
