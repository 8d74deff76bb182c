/** Promises 3 and 10: several programs on one store. Each has a `SessionRef` of its own; the test clock is everybody's. */
import { assert, describe, it } from "@effect/vitest"
import {
  type AuthError,
  InvalidRequest,
  InvalidResponse,
  PermissionDenied,
  RefreshUncertain,
  ServerError,
  Session,
  SessionRef,
  SessionStore,
  TemporarilyLockedOut,
  TransportError
} from "@latchkey/core"
import type { Provider } from "@latchkey/core/Provider"
import { Corrupt, CorruptEntry, SessionStoreError, Unavailable } from "@latchkey/core/SessionStoreError"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as Reason from "@latchkey/core/TransportError"
import { TestProvider } from "@latchkey/testing"
import {
  Context,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Option,
  Result,
  Scope,
  Stream
} from "effect"
import { TestClock } from "effect/testing"
import { provided, settle, tokenOf, where } from "./support/sessions.ts"

/** Signed in, and due; `program` opens one more `SessionRef` on the store, in a scope of its own. */
const due = Effect.fnUntraced(function* (options: TestProvider.Options = {}) {
  const service = TestProvider.make(options)
  const store = yield* SessionStore
  yield* store.put(yield* service.login)
  const stored = Effect.map(store.get(service.key), (entry) =>
    Option.match(entry, { onNone: () => "none", onSome: ({ session }) => StoredSession.encode(session) })
  )
  const program = (
    provider: Provider<AuthError, AuthError> = service,
    over: SessionStore["Service"] = store,
    goOn: Effect.Effect<unknown> = Effect.void
  ) =>
    Effect.gen(function* () {
      const scope = yield* Effect.acquireRelease(Scope.make(), (it) =>
        Effect.andThen(goOn, Scope.close(it, Exit.void))
      )
      const ref = yield* SessionRef.open(provider, service.key).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.provideService(SessionStore, over)
      )
      return { ref }
    })
  yield* TestClock.adjust("2 hours")
  return { program, service, store, stored }
})

/** A place where a program stands still, as one that was stopped does. */
const stop = Effect.gen(function* () {
  const reached = yield* Deferred.make<void>()
  const on = yield* Deferred.make<void>()
  return {
    here: Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(on)),
    reached: Deferred.await(reached),
    goOn: Deferred.succeed(on, undefined)
  }
})

/** The n-th thing that a renewal does, and whether the program stops before it or after. */
interface Moment {
  readonly at: number
  readonly side: "before" | "after"
}

/** Counts what is done to the store and the service, and stands still at the moment. */
const standingStillAt = (
  moment: Moment,
  here: Effect.Effect<void>,
  store: SessionStore["Service"],
  provider: Provider<AuthError, AuthError>
) => {
  const names: Array<string> = []
  const isStill = () => names.length >= moment.at
  const step = <A, E>(name: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      names.push(name)
      if (names.length !== moment.at) return effect
      return moment.side === "before" ? Effect.andThen(here, effect) : Effect.tap(effect, () => here)
    })
  const over: SessionStore["Service"] = {
    ...store,
    get: (key) => step("get", store.get(key)),
    put: (session, options) => step("put", store.put(session, options)),
    lease: (key, ttl) =>
      Effect.map(
        step("lease", store.lease(key, ttl)),
        Option.map((lease) => ({
          ...lease,
          mark: (version) => step("mark", lease.mark(version)),
          extend: Effect.suspend(() => (isStill() ? Effect.never : lease.extend)),
          release: step("release", lease.release)
        }))
      )
  }
  const slowed: Provider<AuthError, AuthError> = {
    ...provider,
    refresh: (session) => step("refresh", provider.refresh(session))
  }
  return { names, over, slowed }
}

/** All moments of a renewal: open reads once, then it is lease, get, mark, refresh, put, release. */
const moments: ReadonlyArray<Moment> = [2, 3, 4, 5, 6, 7].flatMap((at) => [
  { at, side: "before" as const },
  { at, side: "after" as const }
])
const NAMES = ["get", "lease", "get", "mark", "refresh", "put", "release"]

describe("3. any number of processes cause one renewal", () => {
  it.effect("P01: 8 programs with 50 callers each, on a slow service", () =>
    provided(
      Effect.gen(function* () {
        const { program, service, store } = yield* due({ latency: "20 seconds" })
        const programs = yield* Effect.forEach(Array.from({ length: 8 }), () => program())
        const callers = programs.flatMap(({ ref }) => Array.from({ length: 50 }, () => ref.get))
        const all = yield* Effect.forkChild(Effect.all(callers, { concurrency: "unbounded" }))
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(new Set((yield* Fiber.join(all)).map(tokenOf)), new Set(["token-2"]))
        assert.deepStrictEqual(service.seen, { renewals: 1, reuses: 0, logouts: [] })
        assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(service.key)).session), "token-2")
      })
    )
  )

  it.effect("P10: a slow renewal keeps its lease by its heartbeat, ten leases long", () =>
    provided(
      Effect.gen(function* () {
        const { program, service, store } = yield* due({ latency: "28 seconds" })
        const waiting = yield* Effect.forkChild((yield* program()).ref.get)
        yield* settle
        for (let second = 0; second < 27; second++) {
          yield* TestClock.adjust("1 second")
          assert.isTrue(Option.isNone(yield* store.lease(service.key, "1 second")))
        }
        yield* TestClock.adjust("1 second")
        assert.strictEqual(tokenOf(yield* Fiber.join(waiting)), "token-2")
        assert.isTrue(Option.isSome(yield* store.lease(service.key, "1 second")))
      })
    )
  )

  for (const moment of moments) {
    const doing = `${moment.side} its ${NAMES[moment.at - 1]}`
    const isSent = moment.at > 4 || (moment.at === 4 && moment.side === "after")
    const isSaved = moment.at > 6 || (moment.at === 6 && moment.side === "after")

    it.effect(
      `P04, P10: a program that stands still ${doing} is overtaken, and does no harm when it goes on`,
      () =>
        provided(
          Effect.gen(function* () {
            const { program, service, store } = yield* due()
            const { goOn, here, reached } = yield* stop
            const { names, over, slowed } = standingStillAt(moment, here, store, service)
            const first = yield* program(slowed, over, goOn)
            const late = yield* Effect.forkChild(Effect.result(first.ref.get))
            yield* reached
            const second = yield* program()
            const next = yield* Effect.forkChild(Effect.result(second.ref.get))
            // Its lease ends; where its token may be spent, the others wait a little for it to come back.
            yield* TestClock.adjust("2 seconds")
            if (isSent && !isSaved) yield* TestClock.adjust("6 seconds")
            const told = Result.match(yield* Fiber.join(next), {
              onFailure: (error) => error._tag,
              onSuccess: tokenOf
            })
            assert.strictEqual(told, isSent && !isSaved ? "RefreshUncertain" : "token-2")
            yield* goOn
            yield* TestClock.adjust("2 seconds")
            // Nobody sends the token twice, nothing newer is overwritten, and what was won is not lost.
            assert.strictEqual(tokenOf(Result.getOrThrow(yield* Fiber.join(late))), "token-2")
            assert.strictEqual(tokenOf(yield* second.ref.get), "token-2")
            assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(service.key)).session), "token-2")
            assert.deepStrictEqual(service.seen, { renewals: 1, reuses: 0, logouts: [] })
            assert.include(names, NAMES[moment.at - 1] ?? "")
          })
        )
    )

    it.effect(`P12: a logout while the renewal stands still ${doing} wins, here and in another program`, () =>
      Effect.forEach(["here", "there"], (place) =>
        provided(
          Effect.gen(function* () {
            const { program, service, store, stored } = yield* due()
            const { goOn, here, reached } = yield* stop
            const { over, slowed } = standingStillAt(moment, here, store, service)
            const first = yield* program(slowed, over, goOn)
            const second = yield* program()
            const waiting = yield* Effect.forkChild(Effect.result(first.ref.get))
            yield* reached
            const { forgotten } = yield* (place === "here" ? first : second).ref.logout
            assert.isTrue(forgotten)
            yield* goOn
            yield* TestClock.adjust("1 minute")
            assert.strictEqual(yield* stored, "none")
            assert.deepStrictEqual(service.goodTokens(), [])
            yield* Fiber.await(waiting)
            yield* first.ref.reload
            // Where the service was told first, its verdict was heard.
            assert.include(["NotAuthenticated", "SessionExpired"], (yield* Effect.flip(first.ref.get))._tag)
          })
        )
      )
    )
  }

  it.effect("P04: a holder that died costs the next caller less than two seconds", () =>
    provided(
      Effect.gen(function* () {
        const { program, service, store } = yield* due()
        assert.isTrue(Option.isSome(yield* store.lease(service.key, Duration.millis(1_500))))
        const waiting = yield* Effect.forkChild((yield* program()).ref.get)
        yield* TestClock.adjust("2 seconds")
        assert.isDefined(waiting.pollUnsafe())
        assert.strictEqual(tokenOf(yield* Fiber.join(waiting)), "token-2")
      })
    )
  )

  it.effect("P41: a program that dies when it has saved leaves the new session to the next one", () =>
    provided(
      Effect.gen(function* () {
        const { program, service, store } = yield* due()
        const { goOn, here, reached } = yield* stop
        const { over, slowed } = standingStillAt({ at: 6, side: "after" }, here, store, service)
        const first = yield* program(slowed, over, goOn)
        const waiting = yield* Effect.forkChild(Effect.exit(first.ref.get))
        yield* reached
        // A process that is gone hands out nothing.
        assert.isUndefined(waiting.pollUnsafe())
        assert.strictEqual(tokenOf(yield* (yield* program()).ref.get), "token-2")
        assert.strictEqual(service.seen.renewals, 1)
      })
    )
  )
})

const transport = (reason: Reason.TransportErrorReason) => TransportError.because(where, reason)

const sorry = { message: "not now" }

/** What a renewal can fail with that is no verdict: whether the service may have spent the token. */
const failures: ReadonlyArray<readonly [name: string, error: AuthError, isLost: boolean]> = [
  ["ServerError 500", new ServerError({ ...where, ...sorry, status: 500 }), false],
  ["ServerError 502", new ServerError({ ...where, ...sorry, status: 502 }), false],
  ["ServerError 504", new ServerError({ ...where, ...sorry, status: 504 }), true],
  ["InvalidResponse 200", new InvalidResponse({ ...where, ...sorry, code: 200 }), true],
  ["InvalidResponse 404", new InvalidResponse({ ...where, ...sorry, code: 404 }), false],
  ["InvalidResponse without a code", new InvalidResponse({ ...where, ...sorry }), true],
  ["InvalidRequest", new InvalidRequest({ ...where, ...sorry }), false],
  ["PermissionDenied", new PermissionDenied({ ...where, ...sorry }), false],
  [
    "TemporarilyLockedOut",
    new TemporarilyLockedOut({ ...where, ...sorry, retryAfter: Duration.seconds(9) }),
    false
  ],
  ["ConnectionFailed", transport(new Reason.ConnectionFailed(sorry)), false],
  ["NameNotResolved", transport(new Reason.NameNotResolved(sorry)), false],
  ["CertificateRejected", transport(new Reason.CertificateRejected(sorry)), false],
  ["TimedOut", transport(new Reason.TimedOut(sorry)), true],
  ["Closed", transport(new Reason.Closed(sorry)), true],
  ["RateLimited", transport(new Reason.RateLimited(sorry)), false],
  ["ServiceUnavailable", transport(new Reason.ServiceUnavailable(sorry)), false],
  ["NotImplemented", transport(new Reason.NotImplemented(sorry)), false],
  ["UnexpectedRedirect", transport(new Reason.UnexpectedRedirect(sorry)), false],
  ["MessageTooLarge", transport(new Reason.MessageTooLarge(sorry)), true],
  ["SocketNotFound", transport(new Reason.SocketNotFound(sorry)), false],
  ["AmbiguousSocket", transport(new Reason.AmbiguousSocket(sorry)), false]
]

/** The service, with one answer replaced: by a failure after it has done what was asked, or without. */
const failingOnce = (
  service: TestProvider.TestProvider,
  error: Effect.Effect<never, AuthError>,
  isDone: boolean
): Provider<AuthError, AuthError> => {
  let calls = 0
  return {
    ...service,
    refresh: (session) =>
      Effect.suspend((): Effect.Effect<Session, AuthError> => {
        if (++calls > 1) return service.refresh(session)
        return isDone ? Effect.andThen(service.refresh(session), error) : error
      })
  }
}

describe("10. an answer lost after the request went out is RefreshUncertain", () => {
  for (const [name, error, isLost] of failures) {
    it.effect(
      `P08, P42: ${name} leaves the stored session byte for byte as it was${isLost ? ", and is not sent again" : ""}`,
      () =>
        provided(
          Effect.gen(function* () {
            const { program, service, store, stored } = yield* due()
            const before = [yield* stored, Option.getOrThrow(yield* store.get(service.key)).version]
            const { ref } = yield* program(failingOnce(service, Effect.fail(error), isLost))
            const other = yield* program()
            assert.strictEqual((yield* Effect.flip(ref.get))._tag, isLost ? "RefreshUncertain" : error._tag)
            assert.deepStrictEqual(
              [yield* stored, Option.getOrThrow(yield* store.get(service.key)).version],
              before
            )
            for (const { ref: one } of [{ ref }, other]) {
              const waiting = yield* Effect.forkChild(Effect.result(one.get))
              yield* TestClock.adjust("1 minute")
              yield* Fiber.join(waiting)
              const again = yield* Effect.result(one.get)
              if (isLost)
                assert.strictEqual(Result.isFailure(again) && again.failure._tag, "RefreshUncertain")
              else assert.strictEqual(tokenOf(Result.getOrThrow(again)), "token-2")
            }
            assert.strictEqual(service.seen.reuses, 0)
            assert.strictEqual(service.seen.renewals, 1)
            // A new login is the way out, for everybody.
            yield* ref.adopt(yield* service.login)
            const next = yield* ref.get
            yield* TestClock.adjust("2 minutes")
            // What is still good is not asked for.
            if (!isLost) yield* other.ref.reload
            assert.strictEqual(tokenOf(yield* other.ref.get), tokenOf(next))
          })
        )
    )

    it.effect(`a provider that spends nothing tries again after ${name}`, () =>
      provided(
        Effect.gen(function* () {
          const { program, service } = yield* due({ rotates: false })
          const { ref } = yield* program(failingOnce(service, Effect.fail(error), isLost))
          assert.strictEqual((yield* Effect.flip(ref.get))._tag, error._tag)
          yield* TestClock.adjust("1 minute")
          assert.isTrue(service.accepts(yield* ref.get))
        })
      )
    )
  }

  it.effect("while the old token is good callers get that, and an event says why", () =>
    provided(
      Effect.gen(function* () {
        const service = TestProvider.make()
        const closed = Effect.fail(transport(new Reason.Closed(sorry)))
        const ref = yield* SessionRef.make(failingOnce(service, closed, true), yield* service.login)
        const events: Array<SessionRef.SessionEvent> = []
        yield* Effect.forkScoped(
          Stream.runForEach(ref.changes, (event) => Effect.sync(() => events.push(event)))
        )
        yield* TestClock.adjust("55 minutes")
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
        yield* settle
        assert.deepStrictEqual(
          events.map(({ _tag }) => _tag),
          ["RenewalFailed"]
        )
        yield* TestClock.adjust("6 minutes")
        const error = yield* Effect.flip(ref.get)
        assert.instanceOf(error, RefreshUncertain)
        assert.isFalse(error.isRetryable)
        assert.strictEqual(service.seen.renewals, 1)
      })
    )
  )

  it.effect("a service that forgives is asked once more, by the one that lost the answer", () =>
    provided(
      Effect.gen(function* () {
        const { program, service } = yield* due({ rotates: false })
        const closed = Effect.fail(transport(new Reason.Closed(sorry)))
        const forgiving = { ...failingOnce(service, closed, true), rotates: true, forgivesReuse: true }
        assert.isTrue(service.accepts(yield* (yield* program(forgiving)).ref.get))
        assert.strictEqual(service.seen.renewals, 2)
      })
    )
  )

  it.effect("a service that forgives, and then refuses, leaves a doubt: it may forgive no more later", () =>
    provided(
      Effect.gen(function* () {
        const { program, service } = yield* due({ rotates: false })
        const closed = Effect.fail(transport(new Reason.Closed(sorry)))
        let calls = 0
        const refused = new ServerError({ ...where, ...sorry, status: 500 })
        const forgiving: Provider<AuthError, AuthError> = {
          ...service,
          rotates: true,
          forgivesReuse: true,
          refresh: (session) =>
            Effect.suspend(() => (++calls === 1 ? Effect.andThen(service.refresh(session), closed) : refused))
        }
        const { ref } = yield* program(forgiving)
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "RefreshUncertain")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "RefreshUncertain")
        assert.strictEqual(calls, 2)
      })
    )
  )

  it.effect("a mistake in the provider is told as such, and its token not sent again", () =>
    provided(
      Effect.gen(function* () {
        const { program, service } = yield* due()
        const { ref } = yield* program(failingOnce(service, Effect.die(new Error("bug")), true))
        assert.isTrue(Exit.hasDies(yield* Effect.exit(ref.get)))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "RefreshUncertain")
        assert.strictEqual(service.seen.renewals, 1)
      })
    )
  )

  it.effect("a mark that could not be taken back does not stop the program that knows better", () =>
    provided(
      Effect.gen(function* () {
        const { program, service, store } = yield* due()
        let marks = 0
        const over: SessionStore["Service"] = {
          ...store,
          lease: (key, ttl) =>
            Effect.map(
              store.lease(key, ttl),
              Option.map((lease) => ({
                ...lease,
                mark: (version) => (++marks === 2 ? Effect.never : lease.mark(version))
              }))
            )
        }
        const refused = Effect.fail(new ServerError({ ...where, ...sorry, status: 500 }))
        const { ref } = yield* program(failingOnce(service, refused, false), over)
        const waiting = yield* Effect.forkChild(Effect.flip(ref.get))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(waiting))._tag, "ServerError")
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )

  it.effect("S01: what the service takes for reuse ends the session, here and in the store", () =>
    provided(
      Effect.gen(function* () {
        const { program, service, store, stored } = yield* due()
        const session = Option.getOrThrow(yield* store.get(service.key)).session
        // A thief was faster.
        yield* service.refresh(session)
        const { ref } = yield* program()
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionExpired")
        assert.strictEqual(yield* stored, "none")
        assert.deepStrictEqual(service.goodTokens(), [])
        assert.strictEqual(service.seen.reuses, 1)
      })
    )
  )
})

describe("S24: an end of its own", () => {
  const ending = Effect.fnUntraced(function* (rotates: boolean) {
    const service = TestProvider.make({ rotates })
    const won = yield* service.login
    const endsAt = DateTime.addDuration(won.issuedAt, "8 hours")
    return { service, ref: yield* SessionRef.make(service, new Session({ ...won, endsAt })), endsAt }
  })

  it.effect("is kept by every renewal, and then the session is over: forgotten, and revoked", () =>
    provided(
      Effect.gen(function* () {
        const { endsAt, ref, service } = yield* ending(true)
        for (let quarter = 0; quarter < 31; quarter++) {
          yield* TestClock.adjust("15 minutes")
          assert.deepStrictEqual((yield* ref.get).endsAt, endsAt)
        }
        assert.isAbove(service.seen.renewals, 6)
        yield* TestClock.adjust(Duration.toMillis("15 minutes") - 1)
        yield* ref.get
        yield* TestClock.adjust(1)
        const error = yield* Effect.flip(ref.get)
        assert.strictEqual(error._tag, "SessionExpired")
        assert.isUndefined(error._tag === "SessionExpired" ? error.verdict : "")
        assert.isTrue(Option.isNone(yield* (yield* SessionStore).get(ref.key)))
        assert.deepStrictEqual(service.goodTokens(), [])
      })
    )
  )

  it.effect("keeps a token that is good from being handed out, though the store cannot be asked", () =>
    provided(
      Effect.gen(function* () {
        const store = yield* SessionStore
        const away = SessionStoreError.because(where, new Unavailable(sorry))
        const service = TestProvider.make({ life: "1 day" })
        const won = yield* service.login
        const endsAt = DateTime.addDuration(won.issuedAt, "8 hours")
        const ref = yield* SessionRef.make(service, new Session({ ...won, endsAt })).pipe(
          Effect.provideService(SessionStore, { ...store, lease: () => away })
        )
        yield* TestClock.adjust("8 hours")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionStoreError")
      })
    )
  )

  it.effect("is not moved by a provider that names another", () =>
    provided(
      Effect.gen(function* () {
        const service = TestProvider.make()
        const generous: TestProvider.TestProvider = {
          ...service,
          refresh: (session) =>
            Effect.map(
              service.refresh(session),
              (won) => new Session({ ...won, endsAt: DateTime.addDuration(won.issuedAt, "100 days") })
            )
        }
        const won = yield* service.login
        const endsAt = DateTime.addDuration(won.issuedAt, "8 hours")
        const ref = yield* SessionRef.make(generous, new Session({ ...won, endsAt }))
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual((yield* ref.get).endsAt, endsAt)
      })
    )
  )

  it.effect("counts also where the token itself has none, and where nobody looked for days", () =>
    provided(
      Effect.gen(function* () {
        const service = TestProvider.make({ life: undefined })
        const won = yield* service.login
        const endsAt = DateTime.addDuration(won.issuedAt, "8 hours")
        const ref = yield* SessionRef.make(service, new Session({ ...won, endsAt }))
        yield* TestClock.adjust("7 hours")
        yield* ref.get
        yield* TestClock.adjust("3 days")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionExpired")
        assert.strictEqual(service.seen.renewals, 0)
      })
    )
  )

  it.effect("is told to the service also where the store is away, and nothing is handed out", () =>
    provided(
      Effect.gen(function* () {
        const store = yield* SessionStore
        const away = SessionStoreError.because(where, new Unavailable(sorry))
        const stuck = { ...store, remove: () => away }
        const { ref, service } = yield* Effect.provideService(ending(false), SessionStore, stuck)
        yield* TestClock.adjust("8 hours")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionExpired")
        assert.deepStrictEqual(service.goodTokens(), [])
      })
    )
  )

  for (const [name, offset] of [
    ["past", -1],
    ["present", 0]
  ] as const) {
    it.effect(`may lie in the ${name}: then the session is over before it is handed out`, () =>
      provided(
        Effect.gen(function* () {
          yield* TestClock.setTime(1_000_000)
          const service = TestProvider.make()
          const won = yield* service.login
          const endsAt = DateTime.makeUnsafe(DateTime.toEpochMillis(won.issuedAt) + offset)
          const ref = yield* SessionRef.make(service, new Session({ ...won, endsAt }))
          assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionExpired")
          assert.deepStrictEqual(service.goodTokens(), [])
          assert.strictEqual(service.seen.renewals, 0)
        })
      )
    )
  }

  it.effect("ends what was won and could not be saved until then", () =>
    provided(
      Effect.gen(function* () {
        const store = yield* SessionStore
        const full = SessionStoreError.because(where, new Unavailable(sorry))
        let isFull = false
        const filling: SessionStore["Service"] = {
          ...store,
          put: (session, options) => Effect.suspend(() => (isFull ? full : store.put(session, options)))
        }
        const { ref, service } = yield* Effect.provideService(ending(true), SessionStore, filling)
        yield* TestClock.adjust("56 minutes")
        isFull = true
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
        yield* TestClock.adjust("8 hours")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionExpired")
        assert.deepStrictEqual(service.goodTokens(), [])
      })
    )
  )
})

it.effect("S25: a new login is a new session, and those who listen to the old one are told", () =>
  provided(
    Effect.gen(function* () {
      const service = TestProvider.make()
      const ref = yield* SessionRef.make(service, yield* service.login)
      const told = yield* Effect.forkChild(Stream.runHead(ref.changes))
      yield* settle
      const login = yield* service.login
      yield* ref.adopt(login)
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(told))._tag, "Adopted")
      assert.strictEqual(yield* ref.get, login)
    })
  )
)

it.effect("S23: a store that breaks off by itself interrupts nobody, and is asked once in a pause", () =>
  provided(
    Effect.gen(function* () {
      const store = yield* SessionStore
      let leases = 0
      const { program, service } = yield* due()
      const { ref } = yield* program(service, {
        ...store,
        lease: () => Effect.suspend(() => (leases++, Effect.interrupt))
      })
      for (let n = 0; n < 3; n++) assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionStoreError")
      assert.strictEqual(leases, 1)
    })
  )
)

for (const reason of [new Unavailable(sorry), new Corrupt(sorry), new CorruptEntry(sorry)]) {
  it.effect(`S23: a store that is ${reason._tag} is not a store without a session`, () =>
    provided(
      Effect.gen(function* () {
        const service = TestProvider.make()
        const store = yield* SessionStore
        yield* store.put(yield* service.login)
        let isWell = false
        const failing = Effect.suspend(() =>
          isWell ? store.get(service.key) : SessionStoreError.because(where, reason)
        )
        const ailing = Context.make(SessionStore, { ...store, get: () => failing })
        const opening = Effect.provideContext(SessionRef.open(service, service.key), ailing)
        assert.strictEqual((yield* Effect.flip(opening))._tag, "SessionStoreError")
        isWell = true
        const ref = yield* opening
        isWell = false
        yield* TestClock.adjust("2 hours")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionStoreError")
        assert.strictEqual((yield* Effect.flip(ref.reload))._tag, "SessionStoreError")
        assert.strictEqual(service.seen.renewals, 0)
        isWell = true
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )
}
