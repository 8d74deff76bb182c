import { assert, describe, it } from "@effect/vitest"
import {
  InvalidToken,
  ServerError,
  type Session,
  SessionRef,
  Sessions,
  SessionStore,
  TemporarilyLockedOut,
  TransportError
} from "@latchkey/core"
import {
  RENEWAL_MARGIN_CAP,
  RENEWAL_MARGIN_FLOOR,
  RENEWAL_SPREAD,
  type Provider
} from "@latchkey/core/Provider"
import type { SessionEvent } from "@latchkey/core/SessionRef"
import { SessionStoreError, Unavailable } from "@latchkey/core/SessionStoreError"
import { ConnectionFailed, TimedOut } from "@latchkey/core/TransportError"
import * as TestProvider from "@latchkey/testing/TestProvider"
import {
  Cause,
  Clock,
  Context,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Redacted,
  Result,
  Scheduler,
  Schema,
  Scope,
  Stream
} from "effect"
import { TestClock } from "effect/testing"
import { provided, settle, sleepyClock, tokenOf, where, withChance } from "./support/sessions.ts"

const away = new ServerError({ ...where, message: "the service is away: try again later", status: 500 })
const late = TransportError.because(where, new TimedOut({ message: "no answer" }))
const unreachable = TransportError.because(where, new ConnectionFailed({ message: "nothing answers" }))
const verdict = new InvalidToken({ ...where, message: "the token was revoked: sign in again" })

/** A fresh session of one hour, held in memory: due five minutes before its end. */
const signedIn = Effect.fnUntraced(function* (options: TestProvider.Options = {}) {
  const provider = TestProvider.make(options)
  const ref = yield* SessionRef.make(provider, yield* provider.login)
  return { provider, ref, store: yield* SessionStore }
})

/** Counts what reaches the store, and lets a test hold or fail the writes. */
const watched = Effect.fnUntraced(function* () {
  const store = yield* SessionStore
  const seen = { calls: 0, puts: [] as Array<string> }
  const gate: Record<"get" | "put" | "remove", Effect.Effect<void, SessionStoreError>> = {
    get: Effect.void,
    put: Effect.void,
    remove: Effect.void
  }
  const counted: SessionStore["Service"] = {
    get: (key) => (seen.calls++, Effect.tap(store.get(key), gate.get)),
    find: (query) => (seen.calls++, store.find(query)),
    list: store.list,
    put: (session, options) =>
      Effect.flatMap(
        Effect.suspend(() => {
          seen.calls++
          return gate.put
        }),
        () => {
          seen.puts.push(tokenOf(session))
          return store.put(session, options)
        }
      ),
    remove: (key, options) => (seen.calls++, Effect.andThen(gate.remove, store.remove(key, options))),
    lease: (key, ttl) => (seen.calls++, store.lease(key, ttl))
  }
  return { seen, gate, context: Context.make(SessionStore, counted) }
})

const due = Duration.subtract(Duration.hours(1), RENEWAL_MARGIN_CAP)

/** When, in ms after the call, each caller is interrupted; later than any renewal takes: never. */
const moments = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(8)
)

/** Due neither earlier nor later than the margin says. */
const toTheTick = <A, E, R>(effect: Effect.Effect<A, E, R>) => withChance(0)(effect)

describe("SessionRef keeps its promises", () => {
  it.effect("1. a session still fresh is returned without I/O", () =>
    provided(
      Effect.gen(function* () {
        const { context, seen } = yield* watched()
        const provider = TestProvider.make()
        const session = yield* provider.login
        const ref = yield* SessionRef.make(provider, session).pipe(Effect.provideContext(context))
        const before = seen.calls
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
        assert.strictEqual(Redacted.value(yield* ref.token), "token-1")
        assert.strictEqual(seen.calls, before)
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("a session of another provider is a mistake in the program: nothing is held, saved or sent", () =>
    provided(
      Effect.gen(function* () {
        const provider = { ...TestProvider.make(), name: "other" }
        const session = yield* provider.login
        for (const opened of [SessionRef.open(provider, session.key), SessionRef.make(provider, session)]) {
          const exit = yield* Effect.exit(opened)
          assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        }
        assert.deepStrictEqual(yield* (yield* SessionStore).list, [])
      })
    )
  )

  for (const budget of [3, 5, 8, 13, 21]) {
    it.effect(
      `2. fifty callers who are interrupted by each other every ${budget} steps cause one renewal`,
      () =>
        provided(
          Effect.gen(function* () {
            const { provider, ref } = yield* signedIn()
            yield* TestClock.adjust("2 hours")
            const tokens = yield* Effect.forEach(Array.from({ length: 50 }), () => ref.get, {
              concurrency: "unbounded"
            }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, budget))
            assert.deepStrictEqual([...new Set(tokens.map(tokenOf))], ["token-2"])
            assert.deepStrictEqual([provider.seen.renewals, provider.seen.reuses], [1, 0])
          })
        )
    )
  }

  it.effect("2. any number of waiting fibers cause one renewal", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn({ latency: "20 millis" })
        yield* TestClock.adjust(due)
        const fiber = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 10_000 }), () => ref.token, { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("20 millis")
        const tokens = yield* Fiber.join(fiber)
        assert.strictEqual(provider.seen.renewals, 1)
        assert.isTrue(tokens.every((token) => Redacted.value(token) === "token-2"))
      })
    )
  )

  it.effect("2. different keys never wait for each other", () =>
    provided(
      Effect.gen(function* () {
        const slow = yield* signedIn({ account: "slow", latency: "20 seconds" })
        const quick = yield* signedIn({ account: "quick" })
        yield* TestClock.adjust("1 hour")
        const waiting = yield* Effect.forkChild(slow.ref.get)
        yield* settle
        assert.strictEqual(tokenOf(yield* quick.ref.get), "token-2")
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(slow.provider.seen.renewals, 1)
        yield* Fiber.join(waiting)
      })
    )
  )

  it.effect(
    "4. a renewed session is saved before anybody gets it, even if every caller was interrupted",
    () =>
      provided(
        Effect.gen(function* () {
          const { context, gate, seen } = yield* watched()
          const provider = TestProvider.make()
          const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
            Effect.provideContext(context)
          )
          yield* TestClock.adjust(due)
          const open = yield* Deferred.make<void>()
          gate.put = Deferred.await(open)
          const waiting = yield* Effect.forkChild(ref.get)
          yield* settle
          assert.strictEqual(provider.seen.renewals, 1)
          assert.isUndefined(waiting.pollUnsafe())
          yield* Fiber.interrupt(waiting)
          yield* Deferred.succeed(open, undefined)
          yield* settle
          assert.deepStrictEqual(seen.puts, ["token-1", "token-2"])
          assert.strictEqual(tokenOf(yield* ref.get), "token-2")
          assert.strictEqual(provider.seen.renewals, 1)
        })
      )
  )

  it.effect(
    "4. a renewed session that cannot be saved is not handed out, and is saved later without asking again",
    () =>
      provided(
        Effect.gen(function* () {
          const { context, gate, seen } = yield* watched()
          const provider = TestProvider.make()
          const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
            Effect.provideContext(context)
          )
          yield* TestClock.adjust("1 hour")
          gate.put = SessionStoreError.because(
            where,
            new Unavailable({ message: "the disk is full: make room" })
          )
          assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionStoreError")
          gate.put = Effect.void
          yield* TestClock.adjust("2 seconds")
          assert.strictEqual(tokenOf(yield* ref.get), "token-2")
          assert.deepStrictEqual(seen.puts, ["token-1", "token-2"])
          assert.strictEqual(provider.seen.renewals, 1)
        })
      )
  )

  it.effect.prop(
    "5. interrupting any subset of the callers at any moment loses neither the others nor the token",
    { callers: moments, latency: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })) },
    ({ callers, latency }) =>
      provided(
        Effect.gen(function* () {
          const { provider, ref, store } = yield* signedIn({ latency: Duration.millis(latency) })
          yield* TestClock.adjust(due)
          const fibers = yield* Effect.forEach(callers, () => Effect.forkChild(ref.get))
          for (let at = 0; at <= latency; at++) {
            for (const [index, interruptAt] of callers.entries()) {
              if (interruptAt === at) yield* Effect.forkChild(Fiber.interrupt(fibers[index]!))
            }
            yield* TestClock.adjust(1)
          }
          yield* TestClock.adjust(1)
          for (const [index, interruptAt] of callers.entries()) {
            const exit = yield* Fiber.await(fibers[index]!)
            if (interruptAt > latency)
              assert.strictEqual(Exit.isSuccess(exit) ? tokenOf(exit.value) : "", "token-2")
          }
          assert.strictEqual(provider.seen.renewals, 1)
          const stored = yield* store.get(ref.key)
          assert.strictEqual(tokenOf(Option.getOrThrow(stored).session), "token-2")
          assert.strictEqual(tokenOf(yield* ref.get), "token-2")
        })
      )
  )

  it.effect("6. a verdict ends the session", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref, store } = yield* signedIn()
        provider.failNext(verdict)
        yield* TestClock.adjust(due)
        const error = yield* Effect.flip(ref.get)
        assert.strictEqual(error._tag, "SessionExpired")
        assert.strictEqual(error._tag === "SessionExpired" && error.verdict, "InvalidToken")
        assert.isTrue(Option.isNone(yield* store.get(ref.key)))
        yield* TestClock.adjust("1 day")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionExpired")
        assert.strictEqual(provider.seen.renewals, 1)
        yield* ref.adopt(yield* provider.login)
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )

  for (const error of [away, unreachable]) {
    it.effect(`6. ${error._tag} never ends the session`, () =>
      provided(
        Effect.gen(function* () {
          const { provider, ref, store } = yield* signedIn()
          const before = yield* store.get(ref.key)
          provider.failNext(error)
          yield* TestClock.adjust("2 hours")
          assert.strictEqual((yield* Effect.flip(ref.get))._tag, error._tag)
          assert.deepStrictEqual(yield* store.get(ref.key), before)
          yield* TestClock.adjust("2 seconds")
          assert.strictEqual(tokenOf(yield* ref.get), "token-2")
        })
      )
    )
  }

  it.effect(
    "7. while a renewal fails and the old token is still valid, callers get it, and an event says so",
    () =>
      provided(
        Effect.gen(function* () {
          const { provider, ref } = yield* signedIn()
          const events: Array<SessionEvent> = []
          yield* Effect.forkScoped(
            Stream.runForEach(ref.changes, (event) => Effect.sync(() => events.push(event)))
          )
          yield* settle
          provider.failNext(away)
          yield* TestClock.adjust(due)
          assert.strictEqual(tokenOf(yield* ref.get), "token-1")
          yield* settle
          assert.deepStrictEqual(
            events.map((event) => event._tag),
            ["RenewalFailed"]
          )
          const [event] = events
          const error = event?._tag === "RenewalFailed" ? Cause.findErrorOption(event.cause) : Option.none()
          assert.strictEqual(Option.getOrThrow(error)._tag, "ServerError")
        })
      )
  )

  it.effect("8. a failure is never cached beyond its pause; pauses grow and are jittered", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn()
        provider.failNext(...Array.from({ length: 9 }, () => away))
        yield* TestClock.adjust("2 hours")
        yield* Effect.flip(ref.get)
        for (const [index, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
          yield* TestClock.adjust(seconds * 1000 - 1)
          yield* Effect.flip(ref.get)
          assert.strictEqual(provider.seen.renewals, index + 1)
          yield* TestClock.adjust(seconds * 100 + 1)
          yield* Effect.flip(ref.get)
          assert.strictEqual(provider.seen.renewals, index + 2)
        }
        yield* TestClock.adjust("66 seconds")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
        provider.failNext(away)
        yield* TestClock.adjust("1 hour")
        yield* Effect.flip(ref.get)
        yield* TestClock.adjust("1100 millis")
        assert.strictEqual(tokenOf(yield* ref.get), "token-3")
      })
    )
  )

  it.effect("8. a lock-out is waited for as long as the server said", () =>
    provided(
      Effect.gen(function* () {
        const lockedOut = new TemporarilyLockedOut({
          ...where,
          message: "locked out: wait a minute",
          retryAfter: Duration.minutes(1)
        })
        const provider = TestProvider.make()
        let renewals = 0
        const locking: Provider<TemporarilyLockedOut> = {
          ...provider,
          logout: () => Effect.succeed("NotRevocable"),
          refresh: () => Effect.suspend(() => (renewals++, lockedOut))
        }
        const ref = yield* SessionRef.make(locking, yield* provider.login)
        yield* TestClock.adjust("2 hours")
        yield* Effect.flip(ref.get)
        yield* TestClock.adjust("59 seconds")
        yield* Effect.flip(ref.get)
        assert.strictEqual(renewals, 1)
        yield* TestClock.adjust("7 seconds")
        yield* Effect.flip(ref.get)
        assert.strictEqual(renewals, 2)
      })
    )
  )

  it.effect("9. logout wins over a renewal in flight, at every step of it", () =>
    provided(
      Effect.gen(function* () {
        for (let at = 0; at <= 30; at++) {
          const { provider, ref, store } = yield* signedIn({ account: `ada-${at}`, latency: "20 millis" })
          yield* TestClock.adjust(due)
          const waiting = yield* Effect.forkChild(ref.get)
          yield* TestClock.adjust(at)
          const loggedOut = yield* ref.logout
          yield* TestClock.adjust("1 second")
          yield* Fiber.await(waiting)
          assert.isTrue(loggedOut.forgotten)
          assert.isTrue(Option.isNone(yield* store.get(ref.key)))
          assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
          assert.deepStrictEqual(provider.goodTokens(), [], `logout after ${at} ms`)
        }
      })
    )
  )

  it.effect("9. a logout that is interrupted after it began is carried out here all the same", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* watched()
        const store = yield* SessionStore
        const provider = TestProvider.make()
        const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
          Effect.provideContext(context)
        )
        const open = yield* Deferred.make<void>()
        gate.remove = Deferred.await(open)
        const leaving = yield* Effect.forkChild(ref.logout)
        yield* settle
        yield* Effect.forkChild(Fiber.interrupt(leaving))
        yield* settle
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.await(leaving)
        assert.isTrue(Option.isNone(yield* store.get(ref.key)))
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
      })
    )
  )

  it.effect("9. a token that was saved just before the store was cleared does not stay valid", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* watched()
        const provider = TestProvider.make({ latency: "20 millis" })
        const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
          Effect.provideContext(context)
        )
        yield* TestClock.adjust(due)
        const waiting = yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("15 millis")
        const open = yield* Deferred.make<void>()
        gate.remove = Deferred.await(open)
        const leaving = yield* Effect.forkChild(ref.logout)
        yield* TestClock.adjust("10 millis")
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(leaving)
        assert.strictEqual((yield* Effect.flip(Fiber.join(waiting)))._tag, "NotAuthenticated")
        assert.deepStrictEqual(provider.goodTokens(), [])
      })
    )
  )

  it.effect("9. what the store held before a logout does not come back by a slow read", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* watched()
        const store = yield* SessionStore
        const provider = TestProvider.make()
        yield* store.put(yield* provider.login)
        const open = yield* Deferred.make<void>()
        const scope = yield* Effect.scope
        const sessions = yield* Layer.buildWithScope(Sessions.layer, scope).pipe(
          Effect.provideContext(context),
          Effect.map((built) => Context.get(built, Sessions))
        )
        const ref = yield* sessions.open(provider, provider.key)
        yield* ref.logout
        yield* store.put(yield* provider.login)
        gate.get = Deferred.await(open)
        const reading = yield* Effect.forkChild(sessions.open(provider, provider.key))
        yield* settle
        gate.get = Effect.void
        yield* ref.logout
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(reading)
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
      })
    )
  )

  it.effect("9. logout forgets first, then tells the server, and says which of the two happened", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        let storedWhenTold: boolean | undefined
        const store = yield* SessionStore
        const unreachable: Provider<never, TransportError> = {
          ...provider,
          refresh: () => Effect.never,
          logout: (session) =>
            Effect.andThen(
              Effect.map(
                Effect.orDie(store.get(session.key)),
                (entry) => (storedWhenTold = Option.isSome(entry))
              ),
              late
            )
        }
        const ref = yield* SessionRef.make(unreachable, yield* provider.login)
        const { forgotten, told } = yield* ref.logout
        assert.isTrue(forgotten)
        assert.isFalse(storedWhenTold)
        assert.isTrue(Option.isSome(told) && Result.isFailure(told.value))
        const again = yield* ref.logout
        assert.deepStrictEqual(again, { forgotten: false, told: Option.none() })
      })
    )
  )

  it.effect("9. what another process has stored is what the server is told about", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref, store } = yield* signedIn()
        const renewed = yield* provider.refresh(yield* ref.get)
        yield* store.put(renewed)
        const { told } = yield* ref.logout
        assert.isTrue(Option.isSome(told) && Result.isSuccess(told.value))
        assert.deepStrictEqual(provider.seen.logouts, ["token-2"])
      })
    )
  )

  it.effect("11. a 401 on a token that looked valid forces one renewal, whoever saw it first", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn({ rotates: false, latency: "20 millis" })
        const refusing = new Set(["token-1"])
        let sent = 0
        const request = (session: Session) =>
          Effect.suspend(() => {
            sent++
            return Effect.yieldNow
          }).pipe(
            Effect.andThen(() => {
              return refusing.has(tokenOf(session)) ? Effect.fail(verdict) : Effect.succeed(tokenOf(session))
            })
          )
        const fiber = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 100 }), () => ref.use(request), { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("20 millis")
        assert.isTrue((yield* Fiber.join(fiber)).every((token) => token === "token-2"))
        assert.strictEqual(provider.seen.renewals, 1)
        assert.strictEqual(sent, 200)

        refusing.add("token-2")
        assert.strictEqual((yield* Effect.flip(ref.use(request)))._tag, "InvalidToken")
        assert.strictEqual(provider.seen.renewals, 1)
        yield* TestClock.adjust("30 seconds")
        const later = yield* Effect.forkChild(ref.use(request))
        yield* TestClock.adjust("20 millis")
        assert.strictEqual(yield* Fiber.join(later), "token-3")
        assert.strictEqual(provider.seen.renewals, 2)
      })
    )
  )

  it.effect("11. a refused token is not handed out again while its renewal fails", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn()
        provider.failNext(away)
        const session = yield* ref.get
        assert.strictEqual((yield* Effect.flip(ref.refused(session)))._tag, "ServerError")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "ServerError")
      })
    )
  )

  it.effect("12. renewal is due at a margin before expiry: a share of the life, with a floor and a cap", () =>
    toTheTick(
      provided(
        Effect.gen(function* () {
          const margins = [
            { life: Duration.hours(1), margin: RENEWAL_MARGIN_CAP },
            { life: Duration.minutes(10), margin: Duration.minutes(1) },
            { life: Duration.minutes(2), margin: RENEWAL_MARGIN_FLOOR },
            { life: Duration.seconds(40), margin: Duration.seconds(20) }
          ]
          for (const [index, { life, margin }] of margins.entries()) {
            const { provider, ref } = yield* signedIn({ account: `ada-${index}`, life })
            yield* TestClock.adjust(Duration.subtract(Duration.subtract(life, margin), Duration.millis(1)))
            yield* ref.get
            assert.strictEqual(provider.seen.renewals, 0)
            yield* TestClock.adjust(1)
            yield* ref.get
            assert.strictEqual(provider.seen.renewals, 1)
          }
        })
      )
    )
  )

  it.effect(
    "12. what chance adds is no more than its share of the margin, and only where there is no rule",
    () =>
      withChance(1)(
        provided(
          Effect.gen(function* () {
            const earliest = Duration.subtract(due, Duration.times(RENEWAL_MARGIN_CAP, RENEWAL_SPREAD))
            const { provider, ref } = yield* signedIn()
            const other = TestProvider.make({ account: "grace" })
            const hourly = { ...other, renewAfter: () => Option.some(due) }
            const ruled = yield* SessionRef.make(hourly, yield* other.login)
            yield* TestClock.adjust(Duration.subtract(earliest, Duration.millis(1)))
            yield* ref.get
            assert.strictEqual(provider.seen.renewals, 0)
            yield* TestClock.adjust(1)
            yield* ref.get
            yield* ruled.get
            assert.strictEqual(provider.seen.renewals, 1)
            assert.strictEqual(other.seen.renewals, 0)
          })
        )
      )
  )

  it.effect("12. a session without a known end is never due, unless the provider has a rule of its own", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn({ life: undefined })
        yield* TestClock.adjust("300 days")
        yield* ref.get
        assert.strictEqual(provider.seen.renewals, 0)
        const hourly = { ...provider, renewAfter: () => Option.some(Duration.hours(1)) }
        const ruled = yield* SessionRef.make(hourly, yield* provider.login)
        yield* TestClock.adjust(Duration.toMillis(Duration.hours(1)) - 1)
        yield* ruled.get
        assert.strictEqual(provider.seen.renewals, 0)
        yield* TestClock.adjust(1)
        yield* ruled.get
        assert.strictEqual(provider.seen.renewals, 1)
      })
    )
  )

  it.effect(
    "12. a clock that jumped ahead is noticed at the next use, and an expired token is never handed out",
    () =>
      provided(
        Effect.gen(function* () {
          const { provider, ref } = yield* signedIn()
          yield* TestClock.adjust("8 hours")
          assert.strictEqual(tokenOf(yield* ref.get), "token-2")
          yield* ref.get
          assert.strictEqual(provider.seen.renewals, 1)
        })
      )
  )

  it.effect("12. a clock that was set back neither loops nor makes a session live longer", () =>
    toTheTick(
      provided(
        Effect.gen(function* () {
          yield* TestClock.setTime(Duration.toMillis(Duration.days(30)))
          const { provider, ref } = yield* signedIn()
          yield* TestClock.adjust("30 minutes")
          yield* ref.get
          yield* TestClock.setTime(Duration.toMillis(Duration.days(29)))
          yield* ref.get
          yield* TestClock.adjust("24 minutes")
          yield* ref.get
          assert.strictEqual(provider.seen.renewals, 0)
          yield* TestClock.adjust("1 minute")
          yield* ref.get
          yield* ref.get
          assert.strictEqual(provider.seen.renewals, 1)
        })
      )
    )
  )

  it.effect("14. no timer, socket or fiber outlives the scope", () =>
    Effect.gen(function* () {
      const provider = TestProvider.make({ latency: "20 seconds", rotates: false })
      const scope = yield* Scope.make()
      const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
        Effect.provideService(Scope.Scope, scope)
      )
      yield* ref.keepAlive.pipe(Effect.provideService(Scope.Scope, scope))
      yield* TestClock.adjust(due)
      const waiting = yield* Effect.forkChild(ref.get)
      yield* settle
      assert.strictEqual(provider.seen.renewals, 1)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(waiting)))
      yield* TestClock.adjust("10 days")
      assert.strictEqual(provider.seen.renewals, 1)
    }).pipe(Effect.provide(Layer.fresh(SessionStore.layerMemory)), toTheTick)
  )

  it.effect("14. a renewal that spends the old token is brought home before the scope closes", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore
      const provider = TestProvider.make({ latency: "20 seconds" })
      const scope = yield* Scope.make()
      const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
        Effect.provideService(Scope.Scope, scope)
      )
      yield* TestClock.adjust(due)
      yield* Effect.forkChild(ref.get)
      yield* settle
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(closing)
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(ref.key)).session), "token-2")
    }).pipe(Effect.provide(Layer.fresh(SessionStore.layerMemory)))
  )
})

describe("SessionRef", () => {
  it.effect(
    "a renewal slower than its lease is not made twice, and the other process takes what it brought",
    () =>
      provided(
        Effect.gen(function* () {
          const { provider, ref } = yield* signedIn({ latency: "20 seconds" })
          const elsewhere = yield* SessionRef.open(provider, provider.key)
          yield* TestClock.adjust("1 hour")
          const both = yield* Effect.forkChild(
            Effect.all([ref.get, elsewhere.get], { concurrency: "unbounded" })
          )
          yield* TestClock.adjust("21 seconds")
          assert.deepStrictEqual((yield* Fiber.join(both)).map(tokenOf), ["token-2", "token-2"])
          assert.strictEqual(provider.seen.renewals, 1)
        })
      )
  )

  it.effect("a session whose adoption was interrupted is either held and stored, or neither", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* watched()
        const provider = TestProvider.make()
        const ref = yield* SessionRef.open(provider, provider.key).pipe(Effect.provideContext(context))
        const open = yield* Deferred.make<void>()
        gate.put = Deferred.await(open)
        const adopting = yield* Effect.forkChild(ref.adopt(yield* provider.login))
        yield* settle
        yield* Effect.forkChild(Fiber.interrupt(adopting))
        yield* settle
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.await(adopting)
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
      })
    )
  )

  it.effect("what another program renewed is taken from the store, without a call", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref, store } = yield* signedIn()
        yield* TestClock.adjust(due)
        yield* store.put(yield* provider.login)
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("a session that another program removed is not renewed", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref, store } = yield* signedIn()
        yield* store.remove(ref.key)
        yield* TestClock.adjust(due)
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("opened on an empty store it holds nothing, until a session is adopted", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const ref = yield* SessionRef.open(provider, provider.key)
        assert.strictEqual((yield* Effect.flip(ref.token))._tag, "NotAuthenticated")
        yield* ref.adopt(yield* provider.login)
        assert.strictEqual(Redacted.value(yield* ref.token), "token-1")
      })
    )
  )

  it.effect("opened on a store that holds a session it goes on with it, age and all", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const store = yield* SessionStore
        yield* store.put(yield* provider.login)
        yield* TestClock.adjust("50 minutes")
        const ref = yield* SessionRef.open(provider, provider.key)
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )

  it.effect("a login during a renewal wins over it", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref, store } = yield* signedIn({ latency: "20 millis" })
        yield* TestClock.adjust(due)
        const waiting = yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("10 millis")
        const login = yield* provider.login
        yield* ref.adopt(login)
        yield* TestClock.adjust("10 millis")
        assert.strictEqual(tokenOf(yield* Fiber.join(waiting)), tokenOf(login))
        assert.strictEqual(tokenOf(yield* ref.get), tokenOf(login))
        assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(ref.key)).session), tokenOf(login))
      })
    )
  )

  it.effect("a session of another key is not adopted", () =>
    provided(
      Effect.gen(function* () {
        const { ref } = yield* signedIn()
        const other = yield* TestProvider.make({ account: "grace" }).login
        assert.strictEqual((yield* Effect.flip(ref.adopt(other)))._tag, "InvalidRequest")
        assert.strictEqual((yield* ref.get).key.account, "ada")
      })
    )
  )

  it.effect("a session without a token is handed out, and has none", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const { accessToken: _, ...rest } = yield* provider.login
        const { Session } = yield* Effect.promise(() => import("@latchkey/core/Session"))
        const ref = yield* SessionRef.make(provider, new Session(rest))
        assert.isUndefined((yield* ref.get).accessToken)
        assert.strictEqual((yield* Effect.flip(ref.token))._tag, "NotAuthenticated")
      })
    )
  )

  it.effect("keepAlive renews on time, goes on after failures, and takes up a new login after the end", () =>
    toTheTick(
      provided(
        Effect.gen(function* () {
          const { provider, ref } = yield* signedIn()
          yield* ref.keepAlive
          yield* TestClock.adjust(Duration.subtract(due, Duration.millis(1)))
          assert.strictEqual(provider.seen.renewals, 0)
          yield* TestClock.adjust(1)
          assert.strictEqual(provider.seen.renewals, 1)
          provider.failNext(away)
          yield* TestClock.adjust(due)
          assert.strictEqual(provider.seen.renewals, 2)
          yield* TestClock.adjust("1100 millis")
          assert.strictEqual(provider.seen.renewals, 3)
          provider.failNext(verdict)
          yield* TestClock.adjust(due)
          assert.strictEqual(provider.seen.renewals, 4)
          yield* TestClock.adjust("3 days")
          assert.strictEqual(provider.seen.renewals, 4)
          yield* ref.adopt(yield* provider.login)
          yield* TestClock.adjust(due)
          assert.strictEqual(provider.seen.renewals, 5)
        })
      )
    )
  )

  it.effect("keepAlive notices within a minute that the machine slept, and renews once", () =>
    provided(
      Effect.gen(function* () {
        const { clock, jump } = yield* sleepyClock
        yield* Effect.gen(function* () {
          const { provider, ref } = yield* signedIn()
          yield* ref.keepAlive
          yield* TestClock.adjust("30 seconds")
          jump(Duration.toMillis("8 hours"))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(provider.seen.renewals, 1)
          assert.isTrue(DateTime.toEpochMillis((yield* ref.get).issuedAt) > Duration.toMillis("8 hours"))
        }).pipe(Effect.provideService(Clock.Clock, clock))
      })
    )
  )
})
