/** One session that is kept valid: the state behind a `SessionRef`, changed synchronously and nowhere else. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { type AuthError, InvalidRequest, InvalidToken, type SessionStoreError } from "../AuthError.ts"
import { FIRST_PAUSE, type Provider } from "../Provider.ts"
import type { Session } from "../Session.ts"
import type { SessionKey } from "../SessionKey.ts"
import { type GetError, type LoggedOut, SessionEvent, type SessionRef } from "../SessionRef.ts"
import { type Entry, SessionStore } from "../SessionStore.ts"
import { howLongToPause } from "./howLongToPause.ts"
import { Wait } from "./howMuchLonger.ts"
import { renewal, type Unsaved } from "./renewal.ts"
import { counted } from "./whatIsCounted.ts"
import * as whatIsHeld from "./whatIsHeld.ts"
import { setBack } from "./whenIsItDue.ts"
import { Subscribers } from "./whoIsTold.ts"

type Held = whatIsHeld.Held

/** How often `keepAlive` looks at the wall clock: a machine that slept is noticed this long after waking up. */
const LOOK_AT_THE_CLOCK = Duration.minutes(1)

/** How long callers wait for a renewal while what is held is still good. */
const PATIENCE = Duration.seconds(5)

/** One renewal that is under way. It is over for callers when a login or a logout has overtaken it. */
interface Flight<E> {
  /** For those who could do with what is held: ready after `PATIENCE` at the latest. */
  readonly first: Deferred.Deferred<Held, GetError<E>>
  readonly landed: Deferred.Deferred<Held, GetError<E>>
  readonly waitForFirst: Effect.Effect<Held, GetError<E>>
  readonly waitForLanding: Effect.Effect<Held, GetError<E>>
  readonly logouts: number
  joined: number
  unsaved: Unsaved | undefined
}

interface Pause<E> {
  readonly wait: Wait
  readonly failed: Exit.Exit<never, GetError<E>>
}

export class LiveSession<E extends AuthError, LogoutError extends AuthError> implements SessionRef<
  GetError<E>,
  LogoutError
> {
  readonly key: SessionKey
  readonly #provider: Provider<E, LogoutError>
  readonly #context: Context.Context<SessionStore | Scope.Scope>
  readonly #clock: Clock.Clock
  readonly #store: SessionStore["Service"]
  readonly #scope: Scope.Scope
  #held: Held
  #logins = 0
  #logouts = 0
  #failures = 0
  #flight: Flight<E> | undefined = undefined
  #pause: Pause<E> | undefined = undefined
  #unsaved: Unsaved | undefined = undefined
  #moved: Deferred.Deferred<void> | undefined = undefined
  #subscribers: Subscribers | undefined = undefined

  constructor(
    provider: Provider<E, LogoutError>,
    key: SessionKey,
    context: Context.Context<SessionStore | Scope.Scope>
  ) {
    // A mistake in the program, and a token at the wrong service if it went on.
    if (key.provider !== provider.name) {
      throw new TypeError(`a session of ${key.provider} was given to ${provider.name}`)
    }
    this.key = key
    this.#provider = provider
    this.#context = context
    this.#clock = Context.get(context, Clock.Clock)
    this.#store = Context.get(context, SessionStore)
    this.#scope = Context.get(context, Scope.Scope)
    this.#held = this.#nothing(`no session of ${key.account} is held: sign in first`)
  }

  readonly get: Effect.Effect<Session, GetError<E>> = this.#whenFresh(whatIsHeld.sessionOf)

  readonly token: Effect.Effect<Redacted.Redacted<string>, GetError<E>> = this.#whenFresh(whatIsHeld.tokenOf)

  readonly use = <A, E2, R>(
    f: (session: Session) => Effect.Effect<A, E2, R>
  ): Effect.Effect<A, E2 | GetError<E>, R> =>
    Effect.flatMap(this.get, (session) =>
      Effect.catchIf(f(session), this.#isRefusal, (error) =>
        Effect.flatMap(this.refused(session), (next) => (next === session ? Effect.fail(error) : f(next)))
      )
    )

  readonly refused = (session: Session): Effect.Effect<Session, GetError<E>> =>
    Effect.suspend(() => {
      const current = this.#held
      if (current.entry === undefined || !Equal.equals(current.entry.session, session)) return this.get
      if (current.calm !== undefined && current.calm.left(this.#now()) > 0) return current.session
      current.refused = true
      current.line.dueAt = -Infinity
      return this.get
    })

  readonly adopt = (session: Session): Effect.Effect<void, SessionStoreError | InvalidRequest> => {
    if (Equal.equals(session.key, this.key)) return this.take(session)
    const { instance, provider } = this.key
    const message = `a session of ${session.key.account} cannot take the place of one of ${this.key.account}`
    return new InvalidRequest({ provider, instance, message, field: "session" })
  }

  /** `adopt`, for a session that is known to be of this key. */
  take(session: Session): Effect.Effect<void, SessionStoreError> {
    return Effect.suspend(() => {
      const login = ++this.#logins
      const logouts = this.#logouts
      return this.#carriedOut(
        Effect.flatMap(this.#store.put(session), (entry) => {
          if (this.#logouts !== logouts) return this.#disown(entry)
          if (this.#logins !== login) return this.reload
          this.#overtake(this.#heldOf(entry, "read or adopted"), SessionEvent.Adopted({ key: this.key }))
          return Effect.void
        })
      )
    }).pipe(this.#span("SessionRef.adopt"))
  }

  /** Takes what the store holds, unless something is held already. */
  get load(): Effect.Effect<void, SessionStoreError> {
    return Effect.suspend(() => (this.#held.entry === undefined ? this.reload : Effect.void))
  }

  get reload(): Effect.Effect<void, SessionStoreError> {
    return Effect.suspend(() => {
      const before = this.#held
      return Effect.map(this.#store.get(this.key), (stored) => {
        const isNews = Option.getOrUndefined(stored)?.version !== before.entry?.version
        if (this.#held !== before || !isNews) return
        const { key } = this
        if (Option.isSome(stored)) {
          this.#overtake(this.#heldOf(stored.value, "read or adopted"), SessionEvent.Adopted({ key }))
        } else {
          this.#overtake(this.#signedOutElsewhere(), SessionEvent.LoggedOut({ key }))
        }
      })
    })
  }

  get logout(): Effect.Effect<LoggedOut<LogoutError>, SessionStoreError> {
    return Effect.suspend(() => {
      const { entry } = this.#held
      const unsaved = this.#unsaved
      this.#logouts++
      const signedOut = this.#nothing(`${this.key.account} has signed out: sign in again`)
      this.#overtake(signedOut, SessionEvent.LoggedOut({ key: this.key }))
      return Effect.gen({ self: this }, function* () {
        // Another process may have renewed it: what is stored is what is still good.
        const [stored, removed] = yield* this.#carriedOut(
          Effect.all([Effect.result(this.#store.get(this.key)), Effect.result(this.#store.remove(this.key))])
        )
        const last = Option.getOrElse(Option.flatten(Result.getSuccess(stored)), () => entry)
        const session = last !== undefined && unsaved?.over === last.version ? unsaved.session : last?.session
        const told = session === undefined ? undefined : yield* Effect.result(this.#provider.logout(session))
        const forgotten = (yield* Effect.fromResult(removed)) || entry !== undefined
        return { forgotten, told: Option.fromUndefinedOr(told) }
      })
    }).pipe(this.#span("SessionRef.logout"))
  }

  get changes(): Stream.Stream<SessionEvent> {
    return (this.#subscribers ??= new Subscribers()).changes(this.#scope)
  }

  get keepAlive(): Effect.Effect<void, never, Scope.Scope> {
    const turn = Effect.suspend(() => {
      const { entry, line } = this.#held
      if (entry === undefined) return Effect.andThen(this.#nap(Infinity), Effect.ignore(this.load))
      const now = this.#now()
      const paused = this.#pause?.wait.left(now) ?? 0
      const wait = now < line.seenAt ? 0 : paused > 0 ? paused : line.dueAt - now
      if (wait > 0) return this.#nap(wait)
      // However short-lived the tokens are, no more than one renewal in this time.
      return Effect.andThen(Effect.exit(this.get), Effect.sleep(FIRST_PAUSE))
    })
    return Effect.map(Effect.forkScoped(Effect.forever(turn)), (fiber) => {
      Fiber.runIn(fiber, this.#scope)
    })
  }

  #now(): number {
    return this.#clock.currentTimeMillisUnsafe()
  }

  #whenFresh<A>(
    answer: (held: Held) => Effect.Effect<A, whatIsHeld.NoSession>
  ): Effect.Effect<A, GetError<E>> {
    const fresh: Effect.Effect<A, GetError<E>> = Effect.suspend(() => {
      const { line } = this.#held
      const now = this.#now()
      if (now >= line.dueAt || now < line.seenAt) {
        return Effect.flatMap(this.#renewed(now), settled)
      }
      line.seenAt = now
      return answer(this.#held)
    })
    // What has happened since it landed counts: a logout, a login, a refusal.
    const settled = (landed: Held): Effect.Effect<A, GetError<E>> =>
      landed === this.#held && !landed.refused ? answer(landed) : fresh
    return fresh
  }

  #renewed(now: number): Effect.Effect<Held, GetError<E>> {
    const current = this.#held
    if (now < current.line.seenAt && !current.refused) setBack(current.line, now, this.#clock)
    if (now < current.line.dueAt) return Effect.succeed(current)
    const isGood = this.#isGood(now)
    if (this.#flight === undefined && this.#pause !== undefined && this.#pause.wait.left(now) > 0) {
      return isGood ? Effect.succeed(current) : this.#pause.failed
    }
    if (this.#scope.state._tag === "Closed") return Effect.interrupt
    if (this.#flight !== undefined) this.#flight.joined++
    const flight = this.#flight ?? this.#takeOff()
    return isGood ? flight.waitForFirst : flight.waitForLanding
  }

  /** Whether callers may have what is held although a renewal is due. */
  #isGood(now: number): boolean {
    return !this.#held.refused && now < this.#held.line.endsAt
  }

  /** Not a child of the caller: whoever asked first may go away. */
  #takeOff(): Flight<E> {
    const first = Deferred.makeUnsafe<Held, GetError<E>>()
    const landed = Deferred.makeUnsafe<Held, GetError<E>>()
    const flight: Flight<E> = {
      first,
      landed,
      waitForFirst: Deferred.await(first),
      waitForLanding: Deferred.await(landed),
      logouts: this.#logouts,
      joined: 0,
      unsaved: undefined
    }
    this.#flight = flight
    const counting = counted(this.#fly(flight), this.#provider.name, () => flight.joined)
    const fiber = Effect.runForkWith(this.#context)(
      Effect.withSpan(counting, "SessionRef.renew", {
        root: true,
        attributes: { provider: this.#provider.name }
      })
    )
    fiber.addObserver((exit) => this.#land(flight, exit))
    Fiber.runIn(fiber, this.#scope)
    return flight
  }

  #land(flight: Flight<E>, exit: Exit.Exit<Held, GetError<E>>): void {
    if (this.#flight === flight) this.#flight = undefined
    Deferred.doneUnsafe(flight.first, exit)
    Deferred.doneUnsafe(flight.landed, exit)
  }

  #fly(flight: Flight<E>): Effect.Effect<Held, GetError<E>> {
    return Effect.gen({ self: this }, function* (): Effect.fn.Return<Held, GetError<E>> {
      yield* Effect.forkChild(Effect.andThen(Effect.sleep(PATIENCE), this.#late(flight)))
      while (true) {
        const { entry, refused } = this.#held
        if (entry === undefined || this.#flight !== flight) return this.#held
        const unsaved = this.#unsaved
        const exit = yield* Effect.exit(
          renewal({
            provider: this.#provider,
            store: this.#store,
            key: this.key,
            version: entry.version,
            unsaved,
            onUnsaved: (won) => {
              flight.unsaved = won
            }
          })
        )
        if (this.#flight !== flight) {
          // What was won belongs to nobody. Where the user has logged out it must not stay valid behind his back.
          if (flight.unsaved !== undefined && this.#logouts !== flight.logouts) {
            yield* this.#end(flight.unsaved.session)
          }
          return this.#held
        }
        if (Exit.isFailure(exit)) {
          this.#unsaved = flight.unsaved ?? unsaved
          return yield* this.#failed(exit.cause)
        }
        this.#unsaved = undefined
        const finding = exit.value
        const { key } = this
        if (finding._tag === "Gone") {
          // Logged out by another program, which could not know what was won here.
          if (flight.unsaved !== undefined) yield* this.#end(flight.unsaved.session)
          this.#hold(this.#signedOutElsewhere(), SessionEvent.LoggedOut({ key }))
        } else if (finding._tag === "Ended") {
          const { removed, verdict } = finding
          const ended = whatIsHeld.notHeld(whatIsHeld.sessionExpired(key, verdict))
          this.#hold(ended, SessionEvent.Ended({ key, error: verdict, removed }))
        } else if (finding._tag === "Renewed" && unsaved === undefined) {
          const won = this.#heldOf(finding.entry, refused ? "renewed by force" : "renewed")
          this.#hold(won, SessionEvent.Renewed({ key }))
        } else {
          // Won some time ago, here or elsewhere: it may be due again.
          const found = this.#heldOf(finding.entry, "read or adopted")
          this.#hold(
            found,
            finding._tag === "Found" ? SessionEvent.Adopted({ key }) : SessionEvent.Renewed({ key })
          )
          if (this.#now() >= found.line.dueAt) continue
        }
        return this.#held
      }
    })
  }

  #late(flight: Flight<E>): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.#isGood(this.#now())) Deferred.doneUnsafe(flight.first, Exit.succeed(this.#held))
    })
  }

  #failed(cause: Cause.Cause<GetError<E>>): Effect.Effect<Held, GetError<E>> {
    if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    const { longestPause } = this.#provider
    return Effect.flatMap(howLongToPause(error, ++this.#failures, longestPause), (millis) => {
      const now = this.#now()
      const failed = Exit.failCause(cause)
      this.#pause = { wait: new Wait(now, millis), failed }
      this.#tell(SessionEvent.RenewalFailed({ key: this.key, cause, pause: Duration.millis(millis) }))
      return this.#isGood(now) ? Effect.succeed(this.#held) : failed
    })
  }

  /** A login or a logout: whatever a renewal finds out after it is no longer of interest to anybody. */
  #overtake(next: Held, event: SessionEvent): void {
    this.#unsaved = undefined
    this.#hold(next, event)
    if (this.#flight !== undefined) this.#land(this.#flight, Exit.succeed(next))
  }

  #hold(next: Held, event: SessionEvent): void {
    this.#held = next
    this.#pause = undefined
    this.#failures = 0
    if (this.#moved !== undefined) Deferred.doneUnsafe(this.#moved, Exit.void)
    this.#moved = undefined
    this.#tell(event)
  }

  #tell(event: SessionEvent): void {
    this.#subscribers?.tell(event)
  }

  #heldOf(entry: Entry, origin: whatIsHeld.Origin): Held {
    return whatIsHeld.held(this.#clock, this.#provider, entry, origin)
  }

  #nothing(message: string): Held {
    return whatIsHeld.notHeld(whatIsHeld.notAuthenticated(this.key, message))
  }

  #signedOutElsewhere(): Held {
    return this.#nothing(`${this.key.account} was signed out by another program: sign in again`)
  }

  /** A session that was saved after its user had signed out. */
  #disown({ session, version }: Entry): Effect.Effect<void> {
    return Effect.andThen(
      Effect.ignore(this.#store.remove(this.key, { expected: version })),
      this.#end(session)
    )
  }

  /** What must not stay valid behind the user's back. Nobody is there to hear of a failure. */
  #end(session: Session): Effect.Effect<void> {
    const provider = this.#provider
    return Effect.ignore(provider.revoke === undefined ? provider.logout(session) : provider.revoke(session))
  }

  /** Once begun it goes on, whether or not the caller waits for it; only the end of the scope cuts it short. */
  #carriedOut<A, E2>(effect: Effect.Effect<A, E2>): Effect.Effect<A, E2> {
    if (this.#scope.state._tag === "Closed") return effect
    return Effect.flatMap(Effect.forkIn(effect, this.#scope, { startImmediately: true }), Fiber.join)
  }

  /** Until something has happened to the session, and no longer than `millis` or a look at the clock. */
  #nap(millis: number): Effect.Effect<void> {
    const moved = (this.#moved ??= Deferred.makeUnsafe())
    const nap = Effect.sleep(Duration.min(Duration.millis(millis), LOOK_AT_THE_CLOCK))
    return Effect.raceFirst(nap, Deferred.await(moved))
  }

  readonly #isRefusal = (error: unknown): boolean =>
    error instanceof InvalidToken && error.provider === this.key.provider

  #span(name: string) {
    return Effect.withSpan(name, { attributes: { provider: this.key.provider } })
  }
}
