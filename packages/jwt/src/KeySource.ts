/**
 * Where the keys come from that verify a token.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Header } from "./Jwt.ts"
import type { JwtKey } from "./JwtKey.ts"

/**
 * The keys of one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeySet {
  readonly keys: ReadonlyArray<JwtKey>
  /** Another number whenever one of the keys has gone. */
  readonly version: number
}

/**
 * Keys that may change. Give those of one issuer: nobody asks later whose key it was that fitted.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeySource<out E = never> {
  /** Where they come from, for failures to tell. Default: none. */
  readonly instance?: string
  /** Those that may have signed a token with such a header. Nothing in the header has been verified. */
  readonly keysFor: (header: Header) => Effect.Effect<KeySet, E>
  /**
   * Whether what was verified with that version is good at `now`, in milliseconds since 1970. If not, it is verified again.
   */
  readonly isCurrent: (version: number, now: number) => boolean
}

/**
 * Keys that never change.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromKeys = (keys: ReadonlyArray<JwtKey>): KeySource => {
  const all = Effect.succeed({ keys, version: 0 })
  return { keysFor: () => all, isCurrent: () => true }
}
