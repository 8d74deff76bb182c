/**
 * The public keys of an issuer, fetched when they are needed and kept for a while.
 *
 * Keys come from the one address that was given, whatever a token says. A token with a key that is not known yet has them
 * fetched again, but not more often than the cool-down allows: anybody can invent such tokens. While the issuer is away, its last
 * keys are good for a while longer. Nothing runs in the background.
 *
 * @since 0.1.0
 */
import type { InvalidRequest, InvalidResponse, ServerError, TransportError } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Scope from "effect/Scope"
import * as Keeping from "./internal/keeping.ts"
import type { AsymmetricAlgorithm } from "./JwtKey.ts"
import type { KeySource } from "./KeySource.ts"

/**
 * Why the keys could not be fetched.
 *
 * @category errors
 * @since 0.1.0
 */
export type JwksError = TransportError | ServerError | InvalidResponse

/**
 * @category models
 * @since 0.1.0
 */
export interface JwksCache extends KeySource<JwksError> {
  /** The address, without its query. */
  readonly instance: string
  /** Fetches now, unless that is being done already. For a start that shows whether the address is right. */
  readonly refresh: Effect.Effect<void, JwksError>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Of the key set; `https`, or `http` on this machine. */
  readonly url: string
  /** For how long keys are good without a look. Default: 10 minutes. */
  readonly maxAge?: Duration.Input
  /** The least time between two fetches that are caused by unknown keys. Default: 30 s. */
  readonly cooldown?: Duration.Input
  /** For how long after `maxAge` the last keys are good while no new ones can be had. Default: 1 hour. */
  readonly grace?: Duration.Input
  /** Of a fetch. Default: 30 s. */
  readonly timeout?: Duration.Input
  /** The largest key set, in bytes. Default: 256 kB. */
  readonly maxBytes?: number
  /** What RSA keys are for that do not say so themselves. Default: `RS256`. */
  readonly rsaAlgorithm?: Extract<AsymmetricAlgorithm, `${"R" | "P"}S${string}`>
  /** Who the failures speak for. Default: `jwt`, with the address as the instance. */
  readonly where?: Where
}

/**
 * Keeps the keys of that address, and fetches none yet. A fetch ends with the scope; what needs one later fails with `Closed`.
 * Encryption keys, secrets, RSA keys of less than 2048 bits, and keys of a kind that is not supported are ignored. Fails with
 * `InvalidRequest` for options that cannot work.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<JwksCache, InvalidRequest, HttpClient.HttpClient | Scope.Scope> => Keeping.make(options)
