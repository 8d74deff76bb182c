/** One session that is kept valid: the state behind a `SessionRef`, changed synchronously and nowhere else. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { type AuthError, InvalidRequest, type SessionStoreError } from "../AuthError.ts"
import { FIRST_PAUSE, type Provider } from "../Provider.ts"
import type { Session } from "../Session.ts"
import type { SessionKey } from "../SessionKey.ts"
import { type GetError, type LoggedOut, SessionEvent, type SessionRef } from "../SessionRef.ts"
import { SessionStore } from "../SessionStore.ts"
import { howLongToPause } from "./howLongToPause.ts"
import { renewal, type Unsaved } from "./renewal.ts"
import * as whatIsCounted from "./whatIsCounted.ts"
import {
  type Held,
  held,
  type NoSession,
  notAuthenticated,
  notHeld,
  REFUSAL_PAUSE,
  sessionExpired,
  sessionOf,
  tokenOf
} from "./whatIsHeld.ts"
import { setBack } from "./whenIsItDue.ts"
import { Subscribers } from "./whoIsTold.ts"

/** How often `keepAlive` looks at the wall clock: a machine that slept is noticed this long after waking up. */
const LOOK_AT_THE_CLOCK = Duration.minutes(1)

/** The one renewal that is under way, and those who joined it. */
interface Flight<E> {
  readonly landed: Deferred.Deferred<Held, GetError<E>>
  joined: number
}

interface Pause<E> {
  readonly failures: number
  readonly from: number
  readonly until: number
  readonly failed: Exit.Exit<never, GetError<E>>
}

export class LiveSession<E extends AuthError, LogoutError extends AuthError> implements SessionRef<
  GetError<E>,
  LogoutError
> {
  readonly key: SessionKey
  readonly #provider: Provider<E, LogoutError>
  readonly #context: Context.Context<SessionStore | Scope.Scope>
  readonly #subscribers = new Subscribers()
  #held: Held
  /** Counts logins and logouts: what a renewal finds out after one of them is no longer of interest. */
  #epoch = 0
  #flight: Flight<E> | undefined = undefined
  #pause: Pause<E> | undefined = undefined
  #unsaved: Unsaved | undefined = undefined
  #moved = Deferred.makeUnsafe<void>()

  constructor(
    provider: Provider<E, LogoutError>,
    key: SessionKey,
    context: Context.Context<SessionStore | Scope.Scope>
  ) {
    this.key = key
    this.#provider = provider
    this.#context = context
    this.#held = notHeld(notAuthenticated(key, `no session of ${key.account} is held: sign in first`))
  }

  readonly get: Effect.Effect<Session, GetError<E>> = this.#whenFresh(sessionOf)

  readonly token: Effect.Effect<Redacted.Redacted<string>, GetError<E>> = this.#whenFresh(tokenOf)

  #whenFresh<A>(answer: (held: Held) => Effect.Effect<A, NoSession>): Effect.Effect<A, GetError<E>> {
    return Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const { line } = this.#held
      const now = clock.currentTimeMillisUnsafe()
      if (now >= line.dueAt || now < line.seenAt) return Effect.flatMap(this.#renewed(clock, now), answer)
      line.seenAt = now
      return answer(this.#held)
    })
  }

  use<A, E2, R>(f: (session: Session) => Effect.Effect<A, E2, R>): Effect.Effect<A, E2 | GetError<E>, R> {
    return Effect.flatMap(this.get, (session) =>
      Effect.catchIf(f(session), isInvalidToken, (error) =>
        Effect.flatMap(this.refused(session), (next) => (next === session ? Effect.fail(error) : f(next)))
      )
    )
  }

  refused(session: Session): Effect.Effect<Session, GetError<E>> {
    return Clock.clockWith((clock) => {
      const current = this.#held
      if (current.entry === undefined || !Equal.equals(current.entry.session, session)) return this.get
      const now = clock.currentTimeMillisUnsafe()
      const sinceForced = now - current.calmUntil + Duration.toMillis(REFUSAL_PAUSE)
      if (sinceForced >= 0 && now < current.calmUntil) return current.session
      current.refused = true
      current.line.dueAt = -Infinity
      return this.get
    })
  }

  adopt(session: Session): Effect.Effect<void, SessionStoreError | InvalidRequest> {
    if (!Equal.equals(session.key, this.key)) {
      const { instance, provider } = this.key
      const message = `a session of ${session.key.account} cannot take the place of one of ${this.key.account}`
      return new InvalidRequest({ provider, instance, message, field: "session" })
    }
    return Effect.uninterruptible(
      Effect.flatMap(this.#store.put(session), (entry) =>
        Clock.clockWith((clock) =>
          Effect.sync(() => {
            this.#epoch++
            this.#unsaved = undefined
            this.#hold(
              held(clock, this.#provider, entry, "anything else"),
              SessionEvent.Adopted({ key: this.key })
            )
          })
        )
      )
    )
  }

  /** Takes what the store holds, unless something is held already. */
  get load(): Effect.Effect<void, SessionStoreError> {
    return Effect.suspend(() => {
      const epoch = this.#epoch
      return Effect.flatMap(this.#store.get(this.key), (stored) =>
        Clock.clockWith((clock) =>
          Effect.sync(() => {
            if (Option.isNone(stored) || this.#epoch !== epoch || this.#held.entry !== undefined) return
            const found = held(clock, this.#provider, stored.value, "anything else")
            this.#hold(found, SessionEvent.Adopted({ key: this.key }))
          })
        )
      )
    })
  }

  get logout(): Effect.Effect<LoggedOut<LogoutError>, SessionStoreError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* () {
        const mine = Option.fromUndefinedOr(this.#held.entry)
        this.#epoch++
        this.#unsaved = undefined
        const loggedOut = notAuthenticated(this.key, `${this.key.account} has signed out: sign in again`)
        this.#hold(notHeld(loggedOut), SessionEvent.LoggedOut({ key: this.key }))
        // Another process may have renewed it: what is stored is what is still good.
        const stored = yield* Effect.result(this.#store.get(this.key))
        const removed = yield* Effect.result(this.#store.remove(this.key))
        const last = Option.orElse(Option.flatten(Result.getSuccess(stored)), () => mine)
        const told = yield* Effect.forEach(Option.toArray(last), ({ session }) =>
          Effect.result(restore(this.#provider.logout(session)))
        )
        const forgotten = (yield* Effect.fromResult(removed)) || Option.isSome(mine)
        return { forgotten, told: Option.fromUndefinedOr(told[0]) }
      })
    )
  }

  get changes(): Stream.Stream<SessionEvent> {
    return this.#subscribers.changes
  }

  get keepAlive(): Effect.Effect<void, never, Scope.Scope> {
    return Clock.clockWith((clock) => {
      const turn = Effect.suspend(() => {
        const now = clock.currentTimeMillisUnsafe()
        const until = this.#isPaused(now) ? (this.#pause?.until ?? now) : this.#held.line.dueAt
        const wait = now < this.#held.line.seenAt ? 0 : until - now
        // However short-lived the tokens are, no more than one renewal in this time.
        if (wait <= 0) return Effect.andThen(Effect.exit(this.get), Effect.sleep(FIRST_PAUSE))
        const nap = Effect.sleep(Duration.millis(Math.min(wait, Duration.toMillis(LOOK_AT_THE_CLOCK))))
        return Effect.raceFirst(nap, Deferred.await(this.#moved))
      })
      return Effect.asVoid(Effect.forkScoped(Effect.forever(turn)))
    })
  }

  get #store(): SessionStore["Service"] {
    return Context.get(this.#context, SessionStore)
  }

  #hold(next: Held, event: SessionEvent): void {
    this.#held = next
    this.#pause = undefined
    Deferred.doneUnsafe(this.#moved, Exit.void)
    this.#moved = Deferred.makeUnsafe()
    this.#subscribers.tell(event)
  }

  #isPaused(now: number): boolean {
    return this.#pause !== undefined && now >= this.#pause.from && now < this.#pause.until
  }

  /** Whether callers may have what is held although its renewal failed. */
  #isGood(now: number): boolean {
    return !this.#held.refused && now < this.#held.line.endsAt
  }

  #renewed(clock: Clock.Clock, now: number): Effect.Effect<Held, GetError<E>> {
    const current = this.#held
    if (now < current.line.seenAt && !current.refused) setBack(current.line, clock)
    if (now < current.line.dueAt) return Effect.succeed(current)
    if (this.#flight === undefined && this.#pause !== undefined && this.#isPaused(now)) {
      return this.#isGood(now) ? Effect.succeed(current) : this.#pause.failed
    }
    if (this.#flight !== undefined) this.#flight.joined++
    return Deferred.await((this.#flight ?? this.#takeOff()).landed)
  }

  /** Not a child of the caller: whoever asked first may go away. */
  #takeOff(): Flight<E> {
    const flight: Flight<E> = { landed: Deferred.makeUnsafe(), joined: 0 }
    this.#flight = flight
    const fiber = Effect.runForkWith(this.#context)(this.#renew(flight))
    fiber.addObserver((exit) => {
      this.#flight = undefined
      Deferred.doneUnsafe(flight.landed, exit)
    })
    Fiber.runIn(fiber, Context.get(this.#context, Scope.Scope))
    return flight
  }

  #renew(flight: Flight<E>): Effect.Effect<Held, GetError<E>> {
    const { name } = this.#provider
    const labelled = { provider: name }
    return this.#fly(this.#held.refused).pipe(
      Effect.timed,
      Effect.tap(([took]) => Metric.update(Metric.withAttributes(whatIsCounted.renewalTime, labelled), took)),
      Effect.map(([, it]) => it),
      Effect.onExit((exit) => {
        const outcome = Exit.isSuccess(exit) ? "renewed" : "failed"
        return Metric.update(Metric.withAttributes(whatIsCounted.renewals, { ...labelled, outcome }), 1)
      }),
      Effect.ensuring(
        Effect.suspend(() =>
          Metric.update(Metric.withAttributes(whatIsCounted.joinedWaiters, labelled), flight.joined)
        )
      ),
      Effect.withSpan("SessionRef.renew", { root: true, attributes: { provider: name } })
    )
  }

  #fly(forced: boolean): Effect.Effect<Held, GetError<E>> {
    return Effect.gen({ self: this }, function* (): Effect.fn.Return<Held, GetError<E>> {
      const clock = yield* Clock.Clock
      const epoch = this.#epoch
      while (true) {
        const { entry } = this.#held
        if (entry === undefined) return this.#held
        const result = yield* Effect.result(
          renewal({
            provider: this.#provider,
            store: this.#store,
            key: this.key,
            version: entry.version,
            unsaved: this.#unsaved,
            onUnsaved: (unsaved) => {
              this.#unsaved = unsaved
            }
          })
        )
        const isCurrent = this.#epoch === epoch
        if (Result.isFailure(result)) {
          return isCurrent ? yield* this.#failed(clock, result.failure) : this.#held
        }
        const finding = result.success
        if (!isCurrent) {
          // Signed out meanwhile: the store was cleared by that, and the token that was just won must not stay valid.
          if (finding._tag === "Renewed" && this.#held.entry === undefined) {
            yield* Effect.ignore(this.#provider.logout(finding.entry.session))
          }
          return this.#held
        }
        this.#unsaved = undefined
        if (finding._tag === "Renewed") {
          const won = held(clock, this.#provider, finding.entry, forced ? "refusal" : "anything else")
          this.#hold(won, SessionEvent.Renewed({ key: this.key }))
          return this.#held
        }
        if (finding._tag === "Found") {
          const found = held(clock, this.#provider, finding.entry, "anything else")
          this.#hold(found, SessionEvent.Adopted({ key: this.key }))
          if (clock.currentTimeMillisUnsafe() < found.line.dueAt) return this.#held
          continue
        }
        if (finding._tag === "Ended") {
          const ended = notHeld(sessionExpired(this.key, finding.verdict))
          this.#hold(ended, SessionEvent.Ended({ key: this.key, error: finding.verdict }))
          return this.#held
        }
        const gone = notAuthenticated(
          this.key,
          `${this.key.account} was signed out by another program: sign in again`
        )
        this.#hold(notHeld(gone), SessionEvent.LoggedOut({ key: this.key }))
        return this.#held
      }
    })
  }

  #failed(clock: Clock.Clock, error: E | SessionStoreError): Effect.Effect<Held, GetError<E>> {
    return Effect.gen({ self: this }, function* (): Effect.fn.Return<Held, GetError<E>> {
      const failures = (this.#pause?.failures ?? 0) + 1
      const pause = yield* howLongToPause(error, failures, this.#provider.longestPause)
      const now = clock.currentTimeMillisUnsafe()
      const failed = Exit.fail(error)
      this.#pause = { failures, from: now, until: now + pause, failed }
      this.#subscribers.tell(
        SessionEvent.RenewalFailed({ key: this.key, error, pause: Duration.millis(pause) })
      )
      return this.#isGood(now) ? this.#held : yield* failed
    })
  }
}

const isInvalidToken = (error: unknown): boolean => Predicate.isTagged(error, "InvalidToken")
