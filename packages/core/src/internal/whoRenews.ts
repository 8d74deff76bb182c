/** One renewer among all processes and hosts that share a store: the one that holds the lease. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { SessionKey } from "../SessionKey.ts"
import type { Lease, SessionStore } from "../SessionStore.ts"
import { LeaseTimeout, SessionStoreError, Unavailable } from "../SessionStoreError.ts"

/** What a holder that died costs the next caller at most. A living one extends its lease in time. */
export const LEASE_TTL = Duration.seconds(2)

/** Longer than the slowest renewal of another holder, deadlines being 30 s. */
export const LEASE_WAIT = Duration.seconds(40)

/** How long a store may take for one answer. */
export const STORE_PATIENCE = Duration.seconds(10)

/** Between two looks at a lease that somebody else holds; up to twice that at random. */
const LEASE_POLL = Duration.millis(25)

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

/** Runs `use` while holding the lease; waits for it up to `LEASE_WAIT`, then fails with `LeaseTimeout`. */
export const underLease = <A, E, R>(
  store: SessionStore["Service"],
  key: SessionKey,
  use: (lease: Lease) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SessionStoreError, R> =>
  Effect.acquireUseRelease(
    acquire(store, key),
    (lease) => Effect.raceFirst(use(lease), heartbeat(lease)),
    // A lease that cannot be given back ends by itself.
    (lease) => Effect.ignore(answered(key, Effect.interruptible(lease.release)))
  )

const acquire = Effect.fnUntraced(function* (store: SessionStore["Service"], key: SessionKey) {
  const giveUpAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(LEASE_WAIT)
  while (true) {
    const lease = yield* answered(key, store.lease(key, LEASE_TTL))
    if (Option.isSome(lease)) return lease.value
    if ((yield* Clock.currentTimeMillis) >= giveUpAt) {
      const message = `another process has been renewing the session of ${key.account} for ${Duration.format(LEASE_WAIT)}`
      return yield* SessionStoreError.because(at(key), new LeaseTimeout({ message }))
    }
    yield* Effect.sleep(Duration.times(LEASE_POLL, 1 + (yield* Random.next)))
  }
}, Effect.interruptible)

/** Never succeeds. A lease that was lost is not this one's business: the store refuses the write that follows. */
const heartbeat = (lease: Lease): Effect.Effect<never> =>
  Effect.sleep(Duration.times(LEASE_TTL, 1 / 3)).pipe(
    Effect.andThen(Effect.ignore(lease.extend)),
    Effect.forever
  )

const at = (key: SessionKey) => ({ provider: key.provider, instance: key.instance })
