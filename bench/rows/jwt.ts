/** What it costs to know that a token is good: never seen, seen before, and of a key that nobody knows. */
import { Jwt, JwksCache, JwtKey, JwtVerifier } from "@latchkey/jwt"
import { Effect, Redacted, Scope } from "effect"
import { FetchHttpClient } from "effect/http"
import { createVerifier } from "fast-jwt"
import { createRemoteJWKSet, customFetch, importSPKI, jwtVerify } from "jose"
import jsonwebtoken from "jsonwebtoken"
import {
  createHmac,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  timingSafeEqual,
  verify,
  type webcrypto
} from "node:crypto"
import { setTimeout } from "node:timers/promises"
import { type Candidate, type Row, timed } from "../measure.ts"

const TOKENS = 1000
const LOOKS = 100_000
const UNKNOWN = 200
const FETCH_MILLIS = 50

const issuer = "https://issuer.example"
const audience = "https://api.example.com"
const wanted = { issuer, audience } as const

const SECRET = "0123456789abcdef".repeat(4)
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
const PRIVATE = privateKey.export({ format: "pem", type: "pkcs8" }).toString()
const PUBLIC = publicKey.export({ format: "pem", type: "spki" }).toString()

const claims = (index: number) => ({
  iss: issuer,
  aud: audience,
  sub: `user-${index}`,
  exp: Math.floor(Date.now() / 1000) + 86_400,
  iat: Math.floor(Date.now() / 1000),
  jti: `${index}-`.padEnd(36, "0"),
  scope: "read write offline_access"
})

const tokensOf = (key: JwtKey.JwtKey) =>
  Effect.runPromise(
    Effect.forEach(
      Array.from({ length: TOKENS }, (_, index) => claims(index)),
      (one) => Jwt.sign(one, key)
    )
  )

/** The least: the signature by `node:crypto`, and the claims that were asked for. */
const leastOf = (isGood: (input: string, signature: Buffer) => boolean) => (token: string) => {
  const at = token.lastIndexOf(".")
  const input = token.slice(0, at)
  if (!isGood(input, Buffer.from(token.slice(at + 1), "base64url"))) throw new Error("bad")
  const payload = JSON.parse(Buffer.from(input.slice(input.indexOf(".") + 1), "base64url").toString())
  if (payload.iss !== issuer || payload.aud !== audience || payload.exp * 1000 <= Date.now()) {
    throw new Error("bad")
  }
  return payload
}

/** Every candidate gives what it made to this, so that none can be optimised away. */
let last: unknown

const inTurn = (tokens: ReadonlyArray<Redacted.Redacted<string>>, check: (token: string) => unknown) => {
  const plain = tokens.map(Redacted.value)
  return () =>
    timed(TOKENS, async () => {
      for (const token of plain) last = await check(token)
    })
}

const inAFiber = (
  tokens: ReadonlyArray<Redacted.Redacted<string>>,
  check: (token: Redacted.Redacted<string>) => Effect.Effect<unknown, unknown>
) => {
  return () =>
    timed(TOKENS, () =>
      Effect.runPromise(
        Effect.gen(function* () {
          for (const token of tokens) last = yield* check(token)
        })
      )
    )
}

const firstSight = async (
  algorithm: "HS256" | "ES256",
  signs: JwtKey.JwtKey,
  verifies: JwtKey.JwtKey,
  least: (token: string) => unknown,
  peers: { readonly jose: webcrypto.CryptoKey; readonly others: string }
): Promise<ReadonlyArray<Row>> => {
  const tokens = await tokensOf(signs)
  const options = { ...wanted, algorithms: [algorithm] } as const
  const ours = (target?: number): Candidate => ({
    name: "Jwt.verify",
    ...(target !== undefined && { target }),
    measure: inAFiber(tokens, (token) => Jwt.verify(token, { ...options, keys: [verifies] }))
  })
  const jose: Candidate = {
    name: "jose",
    measure: inTurn(tokens, (token) =>
      jwtVerify(token, peers.jose, { issuer, audience, algorithms: [algorithm] })
    )
  }
  const fast = createVerifier({
    key: peers.others,
    algorithms: [algorithm],
    allowedIss: issuer,
    allowedAud: audience
  })
  return [
    {
      name: `JWT, first sight, ${algorithm}`,
      limit: { name: "limit: node:crypto, JSON.parse", measure: inTurn(tokens, least) },
      candidates: [
        ours(),
        jose,
        {
          name: "jsonwebtoken",
          measure: inTurn(tokens, (token) =>
            jsonwebtoken.verify(token, peers.others, { issuer, audience, algorithms: [algorithm] })
          )
        },
        { name: "fast-jwt", measure: inTurn(tokens, fast) }
      ]
    },
    { name: `JWT, first sight, ${algorithm}, beside jose`, limit: jose, candidates: [ours(1.05)] }
  ]
}

/** As everybody gets it here: out of a request, a text that nobody has looked at, and redacted. */
const arriving = (tokens: ReadonlyArray<Redacted.Redacted<string>>) => {
  const bytes = tokens.map((token) => Buffer.from(Redacted.value(token)))
  let turn = 0
  return () => Redacted.make((bytes[turn++ % bytes.length] ?? Buffer.alloc(0)).toString("latin1"))
}

const seenBefore = async (key: JwtKey.JwtKey): Promise<Row> => {
  const tokens = (await tokensOf(key)).slice(0, 500)
  const verifier = await Effect.runPromise(
    JwtVerifier.make({ ...wanted, keys: [key], algorithms: ["HS256"] })
  )
  const fast = createVerifier({ key: SECRET, algorithms: ["HS256"], cache: 1000 })
  const map = new Map<string, Jwt.Verified>()
  for (const token of tokens) {
    map.set(Redacted.value(token), await Effect.runPromise(verifier.verify(token)))
    fast(Redacted.value(token))
  }
  const next = arriving(tokens)
  return {
    name: "JWT, seen before",
    limit: {
      name: "limit: Map by token, and Date.now()",
      measure: () =>
        timed(LOOKS, () =>
          Effect.runPromise(
            Effect.gen(function* () {
              for (let index = 0; index < LOOKS; index++) {
                const found = map.get(Redacted.value(next()))
                if ((found?.claims.exp ?? 0) * 1000 > Date.now()) last = found
              }
              yield* Effect.void
            })
          )
        )
    },
    candidates: [
      {
        name: "JwtVerifier.verify, inside a fiber",
        target: 2,
        measure: () =>
          timed(LOOKS, () =>
            Effect.runPromise(
              Effect.gen(function* () {
                for (let index = 0; index < LOOKS; index++) {
                  last = yield* verifier.verify(next())
                }
              })
            )
          )
      },
      {
        name: "fast-jwt with its cache",
        measure: () =>
          timed(LOOKS, async () => {
            for (let index = 0; index < LOOKS; index++) last = fast(Redacted.value(next()))
          })
      }
    ],
    close: async () => {
      if (last === undefined) throw new Error("nothing was measured")
    }
  }
}

const refused = async (check: Promise<unknown>) => {
  if (
    await check.then(
      () => true,
      () => false
    )
  )
    throw new Error("a token of an unknown key was accepted")
}

const unknownKeys = async (): Promise<Row> => {
  const set = JSON.stringify({
    keys: [{ ...publicKey.export({ format: "jwk" }), kid: "known", alg: "ES256" }]
  })
  let fetches = 0
  const answer = async () => {
    fetches++
    await setTimeout(FETCH_MILLIS)
    return new Response(set, { headers: { "content-type": "application/json" } })
  }
  const tokens = await Effect.runPromise(
    Effect.forEach(Array.from({ length: UNKNOWN }), (_, index) =>
      Effect.flatMap(
        JwtKey.fromPem({ algorithm: "ES256", pem: Redacted.make(PRIVATE), id: `unknown-${index}` }),
        (key) => Jwt.sign(claims(index), key)
      )
    )
  )
  const url = `${issuer}/keys`
  const once = async (check: (token: Redacted.Redacted<string>) => Promise<unknown>) => {
    fetches = 0
    const nanos = await timed(1, async () => {
      for (const token of tokens) await refused(check(token))
    })
    if (fetches > 2) throw new Error(`${fetches} fetches`)
    return nanos
  }
  return {
    name: `JWT, ${UNKNOWN} unknown key ids in turn, a fetch takes ${FETCH_MILLIS} ms`,
    limit: { name: "limit: 1 fetch", measure: () => timed(1, answer) },
    candidates: [
      {
        name: "JwksCache",
        target: 2.25, // two fetches, and what 200 refusals cost
        measure: async () => {
          const scope = Scope.makeUnsafe()
          const keys = await Effect.runPromise(
            JwksCache.make({ url }).pipe(
              Effect.provide(FetchHttpClient.layer),
              Effect.provideService(FetchHttpClient.Fetch, answer),
              Effect.provideService(Scope.Scope, scope)
            )
          )
          return once((token) =>
            Effect.runPromise(
              Effect.provideService(
                Jwt.verify(token, { ...wanted, keys, algorithms: ["ES256"] }),
                FetchHttpClient.Fetch,
                answer
              )
            )
          )
        }
      },
      {
        name: "jose createRemoteJWKSet",
        measure: () => {
          const keys = createRemoteJWKSet(new URL(url), { [customFetch]: answer })
          return once((token) => jwtVerify(Redacted.value(token), keys, { issuer, audience }))
        }
      }
    ]
  }
}

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const [hs256, signs, verifies] = await Effect.runPromise(
    Effect.all([
      JwtKey.fromSecret({ algorithm: "HS256", secret: Redacted.make(SECRET) }),
      JwtKey.fromPem({ algorithm: "ES256", pem: Redacted.make(PRIVATE) }),
      JwtKey.fromPem({ algorithm: "ES256", pem: PUBLIC })
    ])
  )
  const secret = createSecretKey(Buffer.from(SECRET))
  const spki = createPublicKey(PUBLIC)
  const hmac = leastOf((input, signature) => {
    const made = createHmac("sha256", secret).update(input).digest()
    return made.length === signature.length && timingSafeEqual(made, signature)
  })
  const ecdsa = leastOf((input, signature) =>
    verify("sha256", Buffer.from(input), { key: spki, dsaEncoding: "ieee-p1363" }, signature)
  )
  const imported = await crypto.subtle.importKey(
    "raw",
    Buffer.from(SECRET),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"]
  )
  return [
    ...(await firstSight("HS256", hs256, hs256, hmac, { jose: imported, others: SECRET })),
    ...(await firstSight("ES256", signs, verifies, ecdsa, {
      jose: await importSPKI(PUBLIC, "ES256"),
      others: PUBLIC
    })),
    await seenBefore(hs256),
    await unknownKeys()
  ]
}
