/**
 * What `SessionRef` needs of a service to keep one of its sessions alive.
 *
 * There is no list of providers anywhere: whatever has this shape is one. How a session is won differs from service to
 * service and is not part of it.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AuthError, Verdict } from "./AuthError.ts"
import type { Session } from "./Session.ts"

/**
 * What became of a token at the far end: `Revoked`, or `NotRevocable` where the service has no such operation and the
 * token stays good until it ends by itself.
 *
 * @category models
 * @since 0.1.0
 */
export type Revocation = "Revoked" | "NotRevocable"

/**
 * `RefreshError` is what a renewal can fail with besides a verdict, which every provider may give.
 *
 * @category models
 * @since 0.1.0
 */
export interface Provider<
  out RefreshError extends AuthError = never,
  out LogoutError extends AuthError = never
> {
  /** The `provider` of this service's session keys. */
  readonly name: string
  /** Where its calls go: a URL, a socket. For people, and to tell the secrets of two far ends apart. */
  readonly instance: string
  /**
   * Whether a renewal spends the token that it is made with. Then it is sent once: after a lost answer nobody sends it again
   * (`RefreshUncertain`).
   */
  readonly rotates: boolean
  /**
   * Whether the service forgives it once when the token that it has just spent comes back. Then whoever has lost the answer asks
   * once more, at once; what becomes of that is final. Default: no.
   */
  readonly forgivesReuse?: boolean
  /**
   * One call, no retry, and with an end: where it spends the token nobody interrupts it, and the scope waits for it. It does not ask
   * the `SessionRef` that it renews. The result has the same key.
   */
  readonly refresh: (session: Session) => Effect.Effect<Session, RefreshError | Verdict>
  /** Tells the far end that the session is over. */
  readonly logout: (session: Session) => Effect.Effect<Revocation, LogoutError>
  /**
   * Ends this very session, where `logout` ends others of the account as well: for one that was won after its user had signed
   * out. Nobody hears of its failures. Default: `logout`.
   */
  readonly revoke?: (session: Session) => Effect.Effect<Revocation, AuthError>
  /**
   * How long after `issuedAt` a renewal is due; none for a session that needs no renewal. Followed to the tick. Default:
   * `renewalDue`, and up to `RENEWAL_SPREAD` earlier.
   */
  readonly renewAfter?: ((session: Session) => Option.Option<Duration.Duration>) | undefined
  /** The longest pause between two attempts while renewals keep failing. Default: `LONGEST_PAUSE`. */
  readonly longestPause?: Duration.Duration
}

/**
 * A renewal is due when this share of a token's life is left …
 *
 * @category constants
 * @since 0.1.0
 */
export const RENEWAL_MARGIN_SHARE = 0.1

/**
 * … but no later than this before the end, so that a slow renewal on a slow line is through in time …
 *
 * @category constants
 * @since 0.1.0
 */
export const RENEWAL_MARGIN_FLOOR = Duration.seconds(30)

/**
 * … and no earlier than this, so that a token good for a month is not thrown away days ahead. A token so short-lived
 * that the floor would eat it up is renewed at half of its life.
 *
 * @category constants
 * @since 0.1.0
 */
export const RENEWAL_MARGIN_CAP = Duration.minutes(5)

/**
 * A session is due up to this share of the margin earlier, at random, so that a thousand that were born together are not
 * renewed together. Only where the provider states no rule of its own.
 *
 * @category constants
 * @since 0.1.0
 */
export const RENEWAL_SPREAD = 0.5

/**
 * The pause after a failed renewal. It doubles with every failure in a row …
 *
 * @category constants
 * @since 0.1.0
 */
export const FIRST_PAUSE = Duration.seconds(1)

/**
 * … up to this, so that a service that comes back is noticed soon. Up to `PAUSE_JITTER` of it is added at random.
 *
 * @category constants
 * @since 0.1.0
 */
export const LONGEST_PAUSE = Duration.minutes(1)

/**
 * The share of a pause that is added at random, so that a thousand clients do not come back as one.
 *
 * @category constants
 * @since 0.1.0
 */
export const PAUSE_JITTER = 0.1

/**
 * The rule for a provider that states none: a margin before the expiry; never, for a session whose expiry is unknown.
 *
 * @category combinators
 * @since 0.1.0
 */
export const renewalDue = (session: Session): Option.Option<Duration.Duration> => {
  if (session.expiresAt === undefined) return Option.none()
  const life = Math.max(
    0,
    DateTime.toEpochMillis(session.expiresAt) - DateTime.toEpochMillis(session.issuedAt)
  )
  const margin = Math.min(
    Math.max(life * RENEWAL_MARGIN_SHARE, Duration.toMillis(RENEWAL_MARGIN_FLOOR)),
    Duration.toMillis(RENEWAL_MARGIN_CAP),
    life / 2
  )
  return Option.some(Duration.millis(life - margin))
}
