/**
 * Carries out what the protocol of a renewal asks for: on a store, with a provider, in time.
 *
 * Knows nothing of callers and pauses. Where the provider spends tokens it cannot be interrupted from the mark to the write,
 * however many attempts that takes: the answer is the only copy of the new one.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import { type AuthError, isVerdict, type SessionStoreError, type Verdict } from "../AuthError.ts"
import type { Provider } from "../Provider.ts"
import { Session } from "../Session.ts"
import type { SessionKey } from "../SessionKey.ts"
import type { Lease, Mark, SessionStore, Version } from "../SessionStore.ts"
import { Wait } from "./howMuchLonger.ts"
import { mayBeSpent } from "./mayBeSpent.ts"
import * as Protocol from "./renewalProtocol.ts"
import {
  answered,
  brokenOff,
  DOUBT_PATIENCE,
  heartbeat,
  LEASE_TTL,
  LEASE_WAIT,
  pollPause,
  waitedTooLong
} from "./whoRenews.ts"

type Failure<E> = Cause.Cause<E | SessionStoreError>

export type Outcome<E> = Protocol.Outcome<Session, Verdict, Failure<E>>

export type Memory = Protocol.Memory<Session>

type Event<E> = Protocol.Event<Session, Verdict, Failure<E>>

export interface Renewal<E extends AuthError, LogoutError extends AuthError> {
  /** The one to ask at this moment. */
  readonly provider: () => Provider<E, LogoutError>
  readonly store: SessionStore["Service"]
  readonly key: SessionKey
  /** The version that is due. */
  readonly version: Version
  /** What the last attempt has left. */
  readonly memory: Memory
  /** Hears before every step what the next attempt must know, however this one ends. */
  readonly remember: (memory: Memory) => void
  /** Makes interruptible what may be interrupted. */
  readonly restore: Restore
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const step = Protocol.protocol(Protocol.guards)

/** To be run where nothing can interrupt it: `restore` says where it may be. */
export const renewal = <E extends AuthError, LogoutError extends AuthError>(
  self: Renewal<E, LogoutError>
): Effect.Effect<Outcome<E>> =>
  Effect.suspend(() => {
    const { forgivesReuse = false, rotates } = self.provider()
    const terms = { due: self.version, rotates, forgives: forgivesReuse }
    const hands = handsOf(self, rotates)
    const carriedOut = Effect.gen(function* () {
      let { actions, state } = Protocol.begin<Session, Verdict, Failure<E>>(terms, self.memory)
      for (let [action] = actions; action !== undefined; [action] = actions) {
        self.remember(state.memory)
        const restore = state.memory.unsaved === undefined ? self.restore : identity
        ;({ actions, state } = step(state, yield* hands.perform(action, restore)))
      }
      return state.at === "Done"
        ? state.outcome
        : yield* Effect.die(new Error(`nothing to do at ${state.at}`))
    })
    return Effect.onExit(carriedOut, () => hands.release)
  })

const DONE = { _tag: "Done" } as const

/** Each action comes to one event, unless it is interrupted. */
const handsOf = <E extends AuthError, LogoutError extends AuthError>(
  { key, provider, store, version }: Renewal<E, LogoutError>,
  rotates: boolean
) => {
  let held: { readonly lease: Lease; readonly heartbeat: Fiber.Fiber<never> } | undefined
  let patience: Wait | undefined

  const told = <A>(
    restore: Restore,
    effect: Effect.Effect<A, SessionStoreError>,
    onSuccess: (value: A) => Effect.Effect<Event<E>>
  ): Effect.Effect<Event<E>> =>
    Effect.matchCauseEffect(restore(effect), {
      onSuccess,
      onFailure: (failure) =>
        // Ends here where it was we who are interrupted, and not what we have asked.
        Cause.hasInterruptsOnly(failure)
          ? Effect.as(restore(Effect.void), { _tag: "Failed", failure: Cause.fail(brokenOff(key)) })
          : Effect.succeed({ _tag: "Failed", failure })
    })

  /** A store may refuse a change. */
  const changed = <A>(
    change: Effect.Effect<A, SessionStoreError>,
    event: (value: A) => Event<E>
  ): Effect.Effect<Event<E>> => {
    const heard: Effect.Effect<Event<E>, SessionStoreError> = Effect.map(answered(key, change), event)
    const conflict: Event<E> = { _tag: "Conflict" }
    return told(
      identity,
      Effect.catchReason(heard, "SessionStoreError", "Conflict", () => Effect.succeed(conflict)),
      Effect.succeed
    )
  }

  const leased = Effect.suspend(() => answered(key, store.lease(key, LEASE_TTL)))

  const hold = (lease: Lease): Effect.Effect<Event<E>> =>
    Effect.map(Effect.forkChild(heartbeat(lease)), (fiber) => {
      held = { lease, heartbeat: fiber }
      return { _tag: "Leased", lease: { fence: lease.fence, marked: Option.getOrUndefined(lease.marked) } }
    })

  /** A lease that cannot be given back ends by itself. */
  const release = Effect.suspend(() => {
    if (held === undefined) return Effect.void
    const { heartbeat: beating, lease } = held
    held = undefined
    return Effect.andThen(Fiber.interrupt(beating), Effect.exit(answered(key, lease.release)))
  })

  const read = Effect.gen(function* () {
    const stored = Option.getOrUndefined(yield* answered(key, store.get(key)))
    if (stored === undefined) return undefined
    const endsAt = stored.session.endsAt
    const isOver = endsAt !== undefined && (yield* Clock.currentTimeMillis) >= DateTime.toEpochMillis(endsAt)
    return { ...stored, isOver }
  })

  const readPatiently = Effect.gen(function* () {
    const waiting = new Wait(yield* Clock.currentTimeMillis, Duration.toMillis(DOUBT_PATIENCE))
    while (true) {
      const entry = yield* read
      if (entry?.version !== version || waiting.left(yield* Clock.currentTimeMillis) === 0) return entry
      yield* pollPause
    }
  })

  const wait = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    patience ??= new Wait(now, Duration.toMillis(LEASE_WAIT))
    if (patience.left(now) === 0) return yield* waitedTooLong(key)
    yield* pollPause
  })

  const mark = (left: Mark | undefined): Effect.Effect<void, SessionStoreError> =>
    held === undefined
      ? Effect.die(new Error("a mark needs a lease"))
      : held.lease.mark(Option.fromUndefinedOr(left))

  const refresh = (restore: Restore, session: Session): Effect.Effect<Event<E>> =>
    Effect.suspend(() => {
      const sent = provider().refresh(session)
      return rotates ? sent : restore(sent)
    }).pipe(
      Effect.match({
        onSuccess: (renewed): Event<E> =>
          Equal.equals(renewed.key, key)
            ? { _tag: "Answered", session: keepingItsEnd(renewed, session) }
            : { _tag: "Lost", failure: Cause.die(ofAnotherKey(provider().name)) },
        onFailure: (error): Event<E> => {
          if (isVerdict(error)) return { _tag: "Judged", verdict: error }
          const failure = Cause.fail(error)
          return mayBeSpent(error) ? { _tag: "Lost", failure } : { _tag: "Failed", failure }
        }
      }),
      // Whoever dies of the answer has had one.
      Effect.catchCause((failure): Effect.Effect<Event<E>> => Effect.succeed({ _tag: "Lost", failure }))
    )

  const perform = (action: Protocol.Action<Session>, restore: Restore): Effect.Effect<Event<E>> => {
    switch (action._tag) {
      case "Lease":
        return told(
          restore,
          leased,
          Option.match({ onNone: () => Effect.succeed({ _tag: "Busy" } as const), onSome: hold })
        )
      case "Wait":
        return told(restore, wait, () => Effect.succeed(DONE))
      case "Read":
        return told(restore, action.patient ? readPatiently : read, (entry) =>
          Effect.succeed({ _tag: "Read", entry })
        )
      case "Mark":
        return changed(mark(action.mark), () => DONE)
      case "Refresh":
        return refresh(restore, action.session)
      case "Put": {
        const { expected, fence, session } = action
        return changed(store.put(session, { expected: Option.some(expected), fence }), (entry) => ({
          _tag: "Saved",
          version: entry.version
        }))
      }
      case "Remove":
        return changed(store.remove(key, { expected: action.expected }), () => DONE)
      case "Revoke":
        return Effect.as(revoked(provider(), action.session), DONE)
      case "Release":
        return Effect.as(release, DONE)
    }
  }

  return { perform, release }
}

/** Ends this very session at the service. Nobody is there to hear of a failure. */
export const revoked = <E extends AuthError, LogoutError extends AuthError>(
  provider: Provider<E, LogoutError>,
  session: Session
): Effect.Effect<void> =>
  Effect.ignoreCause(
    Effect.suspend((): Effect.Effect<unknown, AuthError> =>
      provider.revoke === undefined ? provider.logout(session) : provider.revoke(session)
    )
  )

const keepingItsEnd = (renewed: Session, { endsAt }: Session): Session =>
  endsAt === undefined ? renewed : new Session({ ...renewed, endsAt })

const ofAnotherKey = (provider: string) =>
  new TypeError(`the provider ${provider} has renewed a session under another key`)
