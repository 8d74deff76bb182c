/**
 * JSON Web Tokens in compact form: read, signed, verified.
 *
 * `verify` is for tokens that decide something; `decode` is for a look into those that somebody else will verify. Nothing is kept
 * between calls: `JwtVerifier` remembers what it has verified, `JwksCache` fetches the keys of an issuer. Encrypted tokens are not
 * read.
 *
 * @since 0.1.0
 */
import type { InvalidRequest, InvalidToken } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Policy from "./internal/policy.ts"
import * as ReadToken from "./internal/readToken.ts"
import { refused } from "./internal/refusal.ts"
import * as Signing from "./internal/signing.ts"
import * as Verification from "./internal/verification.ts"
import type { Algorithm, JwtKey } from "./JwtKey.ts"
import type { KeySource } from "./KeySource.ts"

/**
 * What comes before the claims.
 *
 * @category models
 * @since 0.1.0
 */
export interface Header {
  readonly alg: string
  readonly typ?: string
  readonly kid?: string
  readonly [name: string]: unknown
}

/**
 * What a token says. Times are seconds since 1970, perhaps with a fraction.
 *
 * @category models
 * @since 0.1.0
 */
export interface Claims {
  readonly iss?: string
  readonly sub?: string
  readonly aud?: string | ReadonlyArray<string>
  readonly exp?: number
  readonly nbf?: number
  readonly iat?: number
  readonly jti?: string
  readonly [name: string]: unknown
}

/**
 * A token that was read and not verified: anybody may have written it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoded {
  readonly verified: false
  readonly header: Header
  readonly claims: Claims
}

/**
 * A token that was verified.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verified {
  readonly verified: true
  readonly header: Header
  readonly claims: Claims
}

/**
 * Opts out of the check of the issuer: whoever holds the key is believed.
 *
 * @category constants
 * @since 0.1.0
 */
export const anyIssuer: { readonly _tag: "AnyIssuer" } = { _tag: "AnyIssuer" }

/**
 * Opts out of the check of the audience: a token that was meant for somebody else is accepted.
 *
 * @category constants
 * @since 0.1.0
 */
export const anyAudience: { readonly _tag: "AnyAudience" } = { _tag: "AnyAudience" }

/**
 * Accepts tokens without an audience, and refuses those that have one.
 *
 * @category constants
 * @since 0.1.0
 */
export const noAudience: { readonly _tag: "NoAudience" } = { _tag: "NoAudience" }

/**
 * One, or any of several.
 *
 * @category models
 * @since 0.1.0
 */
export type OneOf = string | readonly [string, ...ReadonlyArray<string>]

/**
 * @category options
 * @since 0.1.0
 */
export interface DecodeOptions {
  /** Who the failures speak for. Default: `jwt`. */
  readonly where?: Where
  /** The longest token, in bytes. Default: 16 kB. */
  readonly maxBytes?: number
}

/**
 * @category options
 * @since 0.1.0
 */
export interface SignOptions {
  /** Written behind `alg` in this order; the `kid` of the key comes last where it is not told here. Default: `{ typ: "JWT" }`. */
  readonly header?: { readonly [name: string]: Schema.Json }
  /** Who the failures speak for. Default: `jwt`. */
  readonly where?: Where
}

/**
 * What a token must be. The first four have no default: leaving one of them out is how tokens get accepted that should not be.
 *
 * @category options
 * @since 0.1.0
 */
export interface VerifyOptions<out E = never> {
  /** All of one issuer. */
  readonly keys: ReadonlyArray<JwtKey> | KeySource<E>
  readonly algorithms: readonly [Algorithm, ...ReadonlyArray<Algorithm>]
  /** Whose tokens are accepted. */
  readonly issuer: OneOf | typeof anyIssuer
  /** Who they have to be meant for; one of a token's audiences is enough. */
  readonly audience: OneOf | typeof anyAudience | typeof noAudience
  /**
   * The `typ` of the header, such as `at+jwt`, with or without `application/`: keeps an ID token from passing for an access
   * token. Default: any, or none.
   */
  readonly type?: string
  /** By how much the clocks may differ, for `exp` and `nbf`. Default: 60 s. */
  readonly leeway?: Duration.Input
  /** Accepts tokens that never end. Default: they are refused. */
  readonly withoutExpiry?: "allowed"
  /** The longest token, in bytes: a longer one is not looked at. Default: 16 kB. */
  readonly maxBytes?: number
  /** Who the failures speak for. Default: `jwt`, with the issuer or the address of the keys as the instance. */
  readonly where?: Where
}

/**
 * Reads a token and trusts nothing: neither signature nor times nor anything else is looked at. Base no decision on it. Fails
 * with `InvalidToken` for what is no JWT: `TooLarge`, `Malformed`, or `Claims` where a registered claim is of the wrong type.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decode = (
  token: Redacted.Redacted<string>,
  options: DecodeOptions = {}
): Effect.Effect<Decoded, InvalidToken> =>
  Effect.suspend(() => {
    const { maxBytes = ReadToken.MAX_BYTES, where = { provider: "jwt", instance: "jwt" } } = options
    const read = ReadToken.read(token, maxBytes)
    if (typeof read === "string") return Effect.fail(refused(where, read))
    const claims = ReadToken.claims(read.payload)
    return typeof claims === "string"
      ? Effect.fail(refused(where, claims))
      : Effect.succeed({ verified: false, header: read.header, claims })
  })

/**
 * Signs claims exactly as they are given, in their order: no `iat` and no `exp` is added. Fails with `InvalidRequest` of `key` for a
 * public key, and of `header` or `claims` for what cannot be said there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sign = (
  claims: { readonly [name: string]: Schema.Json },
  key: JwtKey,
  options: SignOptions = {}
): Effect.Effect<Redacted.Redacted<string>, InvalidRequest> => Signing.sign(claims, key, options)

/**
 * Verifies a token: its form, algorithm and type, then its signature, then issuer, audience and times, by the `Clock`. Fails with
 * `InvalidToken`, whose `check` is the first that was not passed; with `InvalidRequest` for options that make no sense; and as
 * the source of the keys does. An `iat` in the future is no objection; a fraction of a second in `exp` does not count.
 *
 * @category combinators
 * @since 0.1.0
 */
export const verify = <E = never>(
  token: Redacted.Redacted<string>,
  options: VerifyOptions<E>
): Effect.Effect<Verified, InvalidToken | InvalidRequest | E> =>
  Effect.suspend(() =>
    Effect.flatMap(Effect.fromResult(Policy.make(options)), (policy) =>
      Effect.map(Verification.run(policy, token), (outcome) => outcome.token)
    )
  )

/**
 * Claims as a schema describes them. Fails with `InvalidToken` (`Claims`), which does not tell what it found.
 *
 * @category combinators
 * @since 0.1.0
 */
export const claimsAs = <A>(
  schema: Schema.Decoder<A>,
  options: { readonly where?: Where } = {}
): ((token: Verified | Decoded) => Effect.Effect<A, InvalidToken>) => {
  const parse = Schema.decodeUnknownEffect(schema)
  const { where = { provider: "jwt", instance: "jwt" } } = options
  return ({ claims }) => Effect.mapError(parse(claims), () => refused(where, "Claims"))
}
