/** Which keys can be used, and what becomes of them. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { CryptoKey, JWK } from "jose"
import { importJWK, importPKCS8, importSPKI } from "jose/key/import"
import type { AsymmetricAlgorithm, JwkOptions, PemOptions, SecretOptions } from "../JwtKey.ts"
import { Key } from "./key.ts"
import { looksAsymmetric } from "./looksAsymmetric.ts"
import { invalid } from "./refusal.ts"
import * as WhichAlgorithm from "./whichAlgorithm.ts"

/** What comes from a file is checked, whatever its type says. */
const isJwk = Schema.is(
  Schema.Struct({
    kty: Schema.String,
    kid: Schema.optionalKey(Schema.String),
    key_ops: Schema.optionalKey(Schema.Array(Schema.String)),
    d: Schema.optionalKey(Schema.String)
  })
)

/** Of what could not be imported nothing is kept: it may be a secret. */
const attempt = (
  where: Where,
  field: string,
  advice: string,
  work: () => PromiseLike<CryptoKey | Uint8Array>
): Effect.Effect<CryptoKey, InvalidRequest> =>
  Effect.tryPromise({ try: work, catch: () => invalid(where, field, advice) }).pipe(
    Effect.filterOrFail(
      (key): key is CryptoKey => !(key instanceof Uint8Array),
      () => invalid(where, field, advice)
    )
  )

/** An RSA key says how long it is; an exponent of 1 signs anything. */
const isStrong = ({ algorithm }: CryptoKey): boolean => {
  if (!("modulusLength" in algorithm) || !("publicExponent" in algorithm)) return true
  const { modulusLength, publicExponent } = algorithm
  if (typeof modulusLength !== "number" || !(publicExponent instanceof Uint8Array)) return false
  const exponent = publicExponent.reduce((sum, byte) => sum * 256 + byte, 0)
  return modulusLength >= WhichAlgorithm.RSA_BITS && exponent >= 3
}

const strong = (where: Where, field: string, key: CryptoKey): Effect.Effect<CryptoKey, InvalidRequest> =>
  isStrong(key)
    ? Effect.succeed(key)
    : Effect.fail(
        invalid(where, field, `an RSA key of less than ${WhichAlgorithm.RSA_BITS} bits can be broken`)
      )

const isAsymmetric = (where: Where, algorithm: string | undefined): Effect.Effect<void, InvalidRequest> =>
  algorithm === undefined || WhichAlgorithm.isAsymmetric(algorithm)
    ? Effect.void
    : Effect.fail(invalid(where, "algorithm", "a public or private key is not for this algorithm"))

export const secret = Effect.fnUntraced(function* (
  where: Where,
  { algorithm, id, secret, shortSecret }: SecretOptions
): Effect.fn.Return<Key, InvalidRequest> {
  if (!WhichAlgorithm.isSymmetric(algorithm)) {
    return yield* invalid(where, "algorithm", "a shared secret is for HS256, HS384 or HS512")
  }
  const given: string | Uint8Array = Redacted.value<string | Uint8Array>(secret)
  const bytes = Buffer.from(given)
  if (typeof given === "string" && !given.isWellFormed()) {
    return yield* invalid(where, "secret", "the secret is not a text in Unicode")
  }
  if (looksAsymmetric(bytes)) {
    return yield* invalid(where, "secret", "this is a public or private key and no shared secret")
  }
  const least = WhichAlgorithm.SECRET_BYTES[algorithm]
  if (bytes.length === 0) return yield* invalid(where, "secret", "the secret is empty")
  if (bytes.length < least && shortSecret !== "allowed") {
    return yield* invalid(
      where,
      "secret",
      `a secret for ${algorithm} has at least ${least} bytes; if the other side insists, say shortSecret: "allowed"`
    )
  }
  const hash = `SHA-${algorithm.slice(2)}`
  const material = yield* attempt(where, "secret", "the secret cannot be used", () =>
    globalThis.crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["sign", "verify"])
  )
  return new Key(algorithm, id, material)
})

export const pem = Effect.fnUntraced(function* (
  where: Where,
  { algorithm, id, pem }: PemOptions
): Effect.fn.Return<Key, InvalidRequest> {
  yield* isAsymmetric(where, algorithm)
  const text = typeof pem === "string" ? pem : Redacted.value(pem)
  const isPrivate = text.includes("PRIVATE KEY-----")
  if (isPrivate && !Redacted.isRedacted(pem))
    return yield* invalid(where, "pem", "a private key must be redacted")
  const material = yield* attempt(
    where,
    "pem",
    `this is no BEGIN PUBLIC KEY and no BEGIN PRIVATE KEY for ${algorithm}`,
    () => (isPrivate ? importPKCS8(text, algorithm) : importSPKI(text, algorithm))
  )
  return new Key(algorithm, id, yield* strong(where, "pem", material))
})

export const jwk = Effect.fnUntraced(function* (
  where: Where,
  { algorithm, id, jwk }: JwkOptions
): Effect.fn.Return<Key, InvalidRequest> {
  yield* isAsymmetric(where, algorithm)
  const plain = Redacted.isRedacted(jwk) ? Redacted.value(jwk) : jwk
  if (!isJwk(plain)) return yield* invalid(where, "jwk", "this is no JSON Web Key")
  if (plain.d !== undefined && !Redacted.isRedacted(jwk)) {
    return yield* invalid(where, "jwk", "a private key must be redacted")
  }
  return yield* ofJwk(where, plain, algorithm, id)
})

/** For what anybody may have written. */
export const ofJwk = Effect.fnUntraced(function* (
  where: Where,
  plain: JWK,
  expected: AsymmetricAlgorithm | undefined,
  id: string | undefined
): Effect.fn.Return<Key, InvalidRequest> {
  const named = WhichAlgorithm.ofJwk(plain, expected)
  if (named === undefined) {
    return yield* invalid(where, "jwk", "this is no public or private key for signatures by that algorithm")
  }
  // What it says about its use has been heard; what it may say besides is of no use here.
  const { key_ops: _operations, use: _use, ...bare } = plain
  const material = yield* attempt(where, "jwk", `this is no usable key for ${named}`, () =>
    importJWK(bare, named)
  )
  return new Key(named, id ?? plain.kid, yield* strong(where, "jwk", material))
})
