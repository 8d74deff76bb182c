/** One session that is kept valid: the state behind a `SessionRef`, changed synchronously and nowhere else. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { type AuthError, InvalidRequest, InvalidToken, type SessionStoreError } from "../AuthError.ts"
import { FIRST_PAUSE, type Provider } from "../Provider.ts"
import type { Session } from "../Session.ts"
import type { SessionKey } from "../SessionKey.ts"
import { type GetError, type LoggedOut, SessionEvent, type SessionRef } from "../SessionRef.ts"
import type { Entry } from "../SessionStore.ts"
import { Flight, type Question, SESSION, TOKEN } from "./flight.ts"
import { howLongToPause } from "./howLongToPause.ts"
import { Wait } from "./howMuchLonger.ts"
import { type Memory, type Outcome, type Renewal, renewal, revoked } from "./renewal.ts"
import { signOut } from "./signOut.ts"
import { counted } from "./whatIsCounted.ts"
import * as whatIsHeld from "./whatIsHeld.ts"
import type { Surroundings } from "./whatIsShared.ts"
import { setBack } from "./whenIsItDue.ts"
import { answered } from "./whoRenews.ts"
import { Subscribers } from "./whoIsTold.ts"
import { whyNobodyKnows } from "./whyNobodyKnows.ts"

type Held = whatIsHeld.Held

/** How often `keepAlive` looks at the wall clock: a machine that slept is noticed this long after waking up. */
const LOOK_AT_THE_CLOCK = Duration.minutes(1)

/** How long callers wait for a renewal while what is held is still good. */
const PATIENCE = Duration.seconds(5)

/** What there is only while a session is renewed, cannot be renewed, or is waited for. */
interface Unrest<E> {
  flight: Flight<GetError<E>> | undefined
  failures: number
  pause: { readonly wait: Wait; readonly failed: Exit.Exit<never, GetError<E>> } | undefined
  memory: Memory
  /** Done when something has happened to the session. */
  moved: Deferred.Deferred<void> | undefined
}

/** A program may hold very many: what is not always needed is made when it is asked for. */
export class LiveSession<E extends AuthError, LogoutError extends AuthError> implements SessionRef<
  GetError<E>,
  LogoutError
> {
  readonly key: SessionKey
  /** The one that was named last: an earlier one's connection may be closed. */
  provider: Provider<E, LogoutError>
  readonly #around: Surroundings
  #held: Held
  #logins = 0
  #logouts = 0
  /** How often it was seen to be signed out, here or elsewhere. */
  #farewells = 0
  #unrest: Unrest<E> | undefined = undefined
  #subscribers: Subscribers | undefined = undefined

  constructor(provider: Provider<E, LogoutError>, key: SessionKey, around: Surroundings) {
    // A mistake in the program, and a token at the wrong service if it went on.
    if (key.provider !== provider.name) {
      throw new TypeError(`a session of ${key.provider} was given to ${provider.name}`)
    }
    this.key = key
    this.provider = provider
    this.#around = around
    this.#held = this.#nothing(`no session of ${key.account} is held: sign in first`)
  }

  get get(): Effect.Effect<Session, GetError<E>> {
    return Effect.suspend(() => this.#fresh(SESSION))
  }

  get token(): Effect.Effect<Redacted.Redacted<string>, GetError<E>> {
    return Effect.suspend(() => this.#fresh(TOKEN))
  }

  get use(): SessionRef<GetError<E>>["use"] {
    return (f) =>
      Effect.flatMap(this.get, (session) =>
        Effect.catchIf(f(session), this.#isRefusal, (error) =>
          Effect.flatMap(this.refused(session), (next) => (next === session ? Effect.fail(error) : f(next)))
        )
      )
  }

  get refused(): SessionRef<GetError<E>>["refused"] {
    return (session) =>
      Effect.suspend(() => {
        const current = this.#held
        const entry = whatIsHeld.entryOf(current)
        if (entry === undefined || !Equal.equals(entry.session, session)) return this.get
        if (current.calm !== undefined && current.calm.left(this.#now()) > 0) {
          return Effect.succeed(entry.session)
        }
        current.refused = true
        current.dueAt = -Infinity
        return this.get
      })
  }

  get adopt(): SessionRef<GetError<E>>["adopt"] {
    return (session) => {
      if (Equal.equals(session.key, this.key)) return this.take(session)
      const message = `a session of ${session.key.account} cannot take the place of one of ${this.key.account}`
      return new InvalidRequest({ ...this.#where, message, field: "session" })
    }
  }

  /** `adopt`, for a session that is known to be of this key. */
  take(session: Session): Effect.Effect<void, SessionStoreError> {
    return Effect.suspend(() => {
      const login = ++this.#logins
      const logouts = this.#logouts
      return this.#carriedOut(
        Effect.flatMap(answered(this.key, this.#around.store.put(session)), (entry) => {
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
    return Effect.suspend(() => (whatIsHeld.entryOf(this.#held) === undefined ? this.reload : Effect.void))
  }

  get reload(): Effect.Effect<void, SessionStoreError> {
    return Effect.suspend(() => {
      const before = this.#held
      return Effect.flatMap(answered(this.key, this.#around.store.get(this.key)), (stored) => {
        const isNews = Option.getOrUndefined(stored)?.version !== whatIsHeld.entryOf(before)?.version
        if (this.#held !== before || !isNews) return Effect.void
        const { key } = this
        if (Option.isSome(stored)) {
          this.#overtake(this.#heldOf(stored.value, "read or adopted"), SessionEvent.Adopted({ key }))
          return Effect.void
        }
        const unsaved = this.#unrest?.memory.unsaved
        this.#farewells++
        this.#overtake(this.#signedOutElsewhere(), SessionEvent.LoggedOut({ key }))
        return unsaved === undefined ? Effect.void : this.#carriedOut(revoked(this.provider, unsaved.session))
      })
    })
  }

  get logout(): Effect.Effect<LoggedOut<LogoutError>, SessionStoreError> {
    return Effect.suspend(() => {
      const entry = whatIsHeld.entryOf(this.#held)
      const unsaved = this.#unrest?.memory.unsaved
      const logins = this.#logins
      this.#logouts++
      this.#farewells++
      const signedOut = this.#nothing(`${this.key.account} has signed out: sign in again`)
      this.#overtake(signedOut, SessionEvent.LoggedOut({ key: this.key }))
      return Effect.gen({ self: this }, function* () {
        const { last, removed } = yield* this.#carriedOut(
          signOut(this.#around.store, this.key, () => this.#logins !== logins)
        )
        const known = Option.getOrElse(last, () => entry)
        const session =
          known !== undefined && unsaved?.over === known.version ? unsaved.session : known?.session
        const told = session === undefined ? undefined : yield* Effect.result(this.provider.logout(session))
        const forgotten = (yield* Effect.fromResult(removed)) || entry !== undefined
        return { forgotten, told: Option.fromUndefinedOr(told) }
      })
    }).pipe(this.#span("SessionRef.logout"))
  }

  get changes(): Stream.Stream<SessionEvent> {
    return (this.#subscribers ??= new Subscribers()).changes(this.#around.scope)
  }

  get keepAlive(): Effect.Effect<void, never, Scope.Scope> {
    const turn = Effect.suspend(() => {
      const { dueAt, seenAt } = this.#held
      if (whatIsHeld.entryOf(this.#held) === undefined)
        return Effect.andThen(this.#nap(Infinity), Effect.ignore(this.load))
      const now = this.#now()
      const paused = this.#unrest?.pause?.wait.left(now) ?? 0
      const wait = now < seenAt ? 0 : paused > 0 ? paused : dueAt - now
      if (wait > 0) return this.#nap(wait)
      // However short-lived the tokens are, no more than one renewal in this time.
      return Effect.andThen(Effect.exit(this.get), Effect.sleep(FIRST_PAUSE))
    })
    return Effect.map(Effect.forkScoped(Effect.forever(turn)), (fiber) => {
      Fiber.runIn(fiber, this.#around.scope)
    })
  }

  #now(): number {
    return this.#around.clock.currentTimeMillisUnsafe()
  }

  #fresh<A>(question: Question<A>): Effect.Effect<A, GetError<E>> {
    const held = this.#held
    const now = this.#now()
    if (now < held.dueAt && now >= held.seenAt) {
      held.seenAt = now
      return question.answer(held)
    }
    const isGood = this.#isGood(now)
    if (now < held.dueAt) return question.answer(held)
    const unrest = this.#unrest
    if (unrest?.flight === undefined && unrest?.pause !== undefined && unrest.pause.wait.left(now) > 0) {
      return isGood ? question.answer(held) : unrest.pause.failed
    }
    if (this.#around.scope.state._tag === "Closed") return Effect.interrupt
    if (unrest?.flight !== undefined) unrest.flight.joined++
    const flight = unrest?.flight ?? this.#takeOff()
    if (!isGood) return question.among(flight).landed
    // It may have landed already.
    return flight.isLate ? this.#settled(Effect.succeed(held), question) : question.among(flight).first
  }

  /** What has happened since it landed counts: a logout, a login, a refusal. */
  #settled<A>(
    landing: Effect.Effect<Held, GetError<E>>,
    question: Question<A>
  ): Effect.Effect<A, GetError<E>> {
    return Effect.flatMap(landing, (landed) =>
      landed === this.#held && !landed.refused ? question.answer(landed) : this.#fresh(question)
    )
  }

  /** Whether callers may have what is held although a renewal is due. A clock that was set back is noticed here. */
  #isGood(now: number): boolean {
    const held = this.#held
    if (now < held.seenAt) setBack(held, now, this.#around.clock)
    else held.seenAt = now
    return !held.refused && now < held.endsAt
  }

  get #upset(): Unrest<E> {
    return (this.#unrest ??= {
      flight: undefined,
      failures: 0,
      pause: undefined,
      memory: {},
      moved: undefined
    })
  }

  /** Not a child of the caller: whoever asked first may go away. */
  #takeOff(): Flight<GetError<E>> {
    const upset = this.#upset
    const flight = new Flight<GetError<E>>(this.#farewells, upset.memory, (landing, question) =>
      this.#settled(landing, question)
    )
    upset.flight = flight
    const { name } = this.provider
    const flying = Effect.uninterruptibleMask((restore) => this.#fly(flight, restore))
    const counting = counted(flying, name, () => flight.joined)
    const fiber = Effect.runForkWith(this.#around.context)(
      Effect.withSpan(counting, "SessionRef.renew", { root: true, attributes: { provider: name } })
    )
    fiber.addObserver((exit) => this.#land(flight, exit))
    Fiber.runIn(fiber, this.#around.scope)
    return flight
  }

  #land(flight: Flight<GetError<E>>, exit: Exit.Exit<Held, GetError<E>>): void {
    if (this.#unrest?.flight === flight) this.#unrest.flight = undefined
    flight.land(exit)
  }

  #isFlying(flight: Flight<GetError<E>>): boolean {
    return this.#unrest?.flight === flight
  }

  #fly(
    flight: Flight<GetError<E>>,
    restore: Renewal<E, LogoutError>["restore"]
  ): Effect.Effect<Held, GetError<E>> {
    return Effect.gen({ self: this }, function* (): Effect.fn.Return<Held, GetError<E>> {
      yield* Effect.forkChild(Effect.andThen(Effect.sleep(PATIENCE), this.#late(flight)))
      while (true) {
        const entry = whatIsHeld.entryOf(this.#held)
        if (entry === undefined || !this.#isFlying(flight)) return this.#held
        const wasUnsaved = flight.memory.unsaved !== undefined
        const outcome = yield* renewal({
          provider: () => this.provider,
          store: this.#around.store,
          key: this.key,
          version: entry.version,
          memory: flight.memory,
          remember: (memory) => {
            flight.memory = memory
          },
          restore
        })
        if (!this.#isFlying(flight)) {
          // What was won belongs to nobody. Where the user has logged out it must not stay valid behind his back.
          const won = outcome._tag === "Renewed" ? outcome.session : flight.memory.unsaved?.session
          if (won !== undefined && this.#farewells !== flight.farewells) yield* revoked(this.provider, won)
          return this.#held
        }
        this.#upset.memory = flight.memory
        if (outcome._tag === "Failed") return yield* this.#failed(outcome.failure)
        if (outcome._tag === "Uncertain")
          return yield* this.#failed(whyNobodyKnows(this.key, outcome.failure))
        // The provider's own rule may die.
        const settled = yield* Effect.exit(Effect.sync(() => this.#settle(outcome, wasUnsaved)))
        if (Exit.isFailure(settled)) return yield* this.#failed(settled.cause)
        flight.memory = {}
        // Won some time ago, here or elsewhere: it may be due again.
        if (this.#now() < this.#held.dueAt) return this.#held
        this.#upset.flight = flight
      }
    })
  }

  #settle(
    outcome: Exclude<Outcome<E>, { readonly _tag: "Failed" | "Uncertain" }>,
    wasUnsaved: boolean
  ): void {
    const { key } = this
    switch (outcome._tag) {
      case "Renewed": {
        const how = this.#held.refused ? "renewed by force" : "renewed"
        return this.#hold(
          this.#heldOf(outcome, wasUnsaved ? "read or adopted" : how),
          SessionEvent.Renewed({ key })
        )
      }
      case "Found":
        return this.#hold(this.#heldOf(outcome, "read or adopted"), SessionEvent.Adopted({ key }))
      case "Gone":
        return this.#hold(this.#signedOutElsewhere(), SessionEvent.LoggedOut({ key }))
      case "Ended": {
        const { removed, verdict } = outcome
        const expired = whatIsHeld.sessionExpired(key, verdict?._tag)
        const error = verdict ?? expired
        return this.#hold(whatIsHeld.notHeld(expired), SessionEvent.Ended({ key, error, removed }))
      }
    }
  }

  #late(flight: Flight<GetError<E>>): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.#isGood(this.#now())) flight.letGo(Exit.succeed(this.#held))
    })
  }

  #failed(cause: Cause.Cause<GetError<E>>): Effect.Effect<Held, GetError<E>> {
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    const upset = this.#upset
    return Effect.flatMap(howLongToPause(error, ++upset.failures, this.provider.longestPause), (millis) => {
      const now = this.#now()
      const failed = Exit.failCause(cause)
      upset.pause = { wait: new Wait(now, millis), failed }
      this.#tell(SessionEvent.RenewalFailed({ key: this.key, cause, pause: Duration.millis(millis) }))
      return this.#isGood(now) ? Effect.succeed(this.#held) : failed
    })
  }

  /** A login or a logout: whatever a renewal finds out after it is no longer of interest to anybody. */
  #overtake(next: Held, event: SessionEvent): void {
    const flight = this.#unrest?.flight
    this.#hold(next, event)
    flight?.land(Exit.succeed(next))
  }

  /** With that all is quiet again. */
  #hold(next: Held, event: SessionEvent): void {
    this.#held = next
    const moved = this.#unrest?.moved
    this.#unrest = undefined
    if (moved !== undefined) Deferred.doneUnsafe(moved, Exit.void)
    this.#tell(event)
  }

  #tell(event: SessionEvent): void {
    this.#subscribers?.tell(event)
  }

  #heldOf({ session, version }: Entry, origin: whatIsHeld.Origin): Held {
    const { clock, random } = this.#around
    return whatIsHeld.held(clock, random, this.provider, { session, version }, origin)
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
      Effect.ignore(answered(this.key, this.#around.store.remove(this.key, { expected: version }))),
      revoked(this.provider, session)
    )
  }

  /** Once begun it goes on, whether or not the caller waits for it; only the end of the scope cuts it short. */
  #carriedOut<A, E2>(effect: Effect.Effect<A, E2>): Effect.Effect<A, E2> {
    if (this.#around.scope.state._tag === "Closed") return effect
    return Effect.flatMap(Effect.forkIn(effect, this.#around.scope, { startImmediately: true }), Fiber.join)
  }

  /** Until something has happened to the session, and no longer than `millis` or a look at the clock. */
  #nap(millis: number): Effect.Effect<void> {
    const moved = (this.#upset.moved ??= Deferred.makeUnsafe())
    const nap = Effect.sleep(Duration.min(Duration.millis(millis), LOOK_AT_THE_CLOCK))
    return Effect.raceFirst(nap, Deferred.await(moved))
  }

  get #isRefusal() {
    return (error: unknown): boolean => error instanceof InvalidToken && error.provider === this.key.provider
  }

  get #where() {
    return { provider: this.key.provider, instance: this.key.instance }
  }

  #span(name: string) {
    return Effect.withSpan(name, { attributes: { provider: this.key.provider } })
  }
}
