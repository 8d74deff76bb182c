/** One renewer among all processes and hosts that share a store: the one that holds the lease. For how long, and who waits. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { SessionKey } from "../SessionKey.ts"
import type { Lease } from "../SessionStore.ts"
import { LeaseTimeout, SessionStoreError, Unavailable } from "../SessionStoreError.ts"

/** With a look at the lease after it, what a holder that died costs the next caller: less than two seconds. */
export const LEASE_TTL = Duration.millis(1_500)

/** Longer than the slowest renewal of another holder, deadlines being 30 s. */
export const LEASE_WAIT = Duration.seconds(40)

/** How long a holder that has sent a token and lost its lease, asleep or dead, is waited for. */
export const DOUBT_PATIENCE = Duration.seconds(5)

/** How long a store may take for one answer. */
export const STORE_PATIENCE = Duration.seconds(10)

/** Between two looks at what somebody else holds, in whole milliseconds: from this to twice that, at random. */
const POLL_MILLIS = 25

export const pollPause: Effect.Effect<void> = Effect.flatMap(
  Random.nextIntBetween(POLL_MILLIS, 2 * POLL_MILLIS),
  Effect.sleep
)

/** Fails with `Unavailable` where the store does not answer in time. */
export const answered = <A>(
  key: SessionKey,
  effect: Effect.Effect<A, SessionStoreError>
): Effect.Effect<A, SessionStoreError> =>
  Effect.timeoutOrElse(effect, {
    duration: STORE_PATIENCE,
    orElse: () => {
      const message = `the store has not answered for ${Duration.format(STORE_PATIENCE)}: is it there?`
      return SessionStoreError.because(at(key), new Unavailable({ message }))
    }
  })

export const waitedTooLong = (key: SessionKey): SessionStoreError => {
  const message = `another process has been renewing the session of ${key.account} for ${Duration.format(LEASE_WAIT)}`
  return SessionStoreError.because(at(key), new LeaseTimeout({ message }))
}

export const brokenOff = (key: SessionKey): SessionStoreError =>
  SessionStoreError.because(
    at(key),
    new Unavailable({ message: "the store has broken off its answer: is it there?" })
  )

/**
 * Never succeeds. A beat that hangs is given up when it would be too late. A lease that was lost is not this one's business: the
 * store refuses the write that follows.
 */
export const heartbeat = (lease: Lease): Effect.Effect<never> =>
  Effect.sleep(Duration.times(LEASE_TTL, 1 / 3)).pipe(
    Effect.andThen(Effect.ignoreCause(Effect.timeoutOption(lease.extend, LEASE_TTL))),
    Effect.forever
  )

const at = (key: SessionKey) => ({ provider: key.provider, instance: key.instance })
