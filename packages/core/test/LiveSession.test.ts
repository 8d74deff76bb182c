/** The corners of a `SessionRef`: what happens when two things happen at once, or when what must not happen does. */
import { assert, describe, it } from "@effect/vitest"
import {
  InvalidToken,
  ServerError,
  Session,
  SessionKey,
  SessionRef,
  Sessions,
  SessionStore,
  TransportError
} from "@latchkey/core"
import { RateLimited } from "@latchkey/core/TransportError"
import type { Provider } from "@latchkey/core/Provider"
import { SessionStoreError, Unavailable } from "@latchkey/core/SessionStoreError"
import { Canary, TestProvider } from "@latchkey/testing"
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
  Random,
  Redacted,
  Scope,
  Stream
} from "effect"
import { TestClock } from "effect/testing"
import { provided, settle, sleepyClock, tokenOf, where } from "./support/sessions.ts"

const away = new ServerError({ ...where, message: "the service is away: try again later", status: 500 })
const verdict = new InvalidToken({ ...where, message: "the token was revoked: sign in again" })
const diskFull = SessionStoreError.because(where, new Unavailable({ message: "the disk is full: make room" }))

/** When a session of one hour is due. */
const due = Duration.minutes(55)

type Store = SessionStore["Service"]

/** The store in memory, with some of its verbs replaced. */
const withStore = (replace: (store: Store) => Partial<Store>) =>
  Effect.map(SessionStore, (store) => Context.make(SessionStore, { ...store, ...replace(store) }))

/** A store whose `put` does what `gate.put` says before it writes. */
const gated = Effect.gen(function* () {
  const gate: { put: Effect.Effect<void, SessionStoreError> } = { put: Effect.void }
  const context = yield* withStore((store) => ({
    put: (session, options) =>
      Effect.andThen(
        Effect.suspend(() => gate.put),
        store.put(session, options)
      )
  }))
  return { gate, context }
})

const signedIn = Effect.fnUntraced(function* (options?: TestProvider.Options) {
  const provider = TestProvider.make(options)
  const ref = yield* SessionRef.make(provider, yield* provider.login)
  return { provider, ref }
})

const signedInOver = (context: Context.Context<SessionStore>) => Effect.provideContext(signedIn(), context)

const hours = (count: number) => count * 3_600_000

describe("a token that was won is not lost", () => {
  it.effect("when the lease was lost while the answer came, and nobody has written", () =>
    provided(
      Effect.gen(function* () {
        const { clock, jump } = yield* sleepyClock
        yield* Effect.gen(function* () {
          const base = TestProvider.make()
          const store = yield* SessionStore
          let isFirst = true
          const provider: TestProvider.TestProvider = {
            ...base,
            refresh: (session) =>
              Effect.tap(base.refresh(session), () =>
                Effect.gen(function* () {
                  if (!isFirst) return
                  isFirst = false
                  jump(5000)
                  const rival = yield* Effect.orDie(store.lease(base.key, "2 seconds"))
                  yield* Effect.orDie(Option.getOrThrow(rival).release)
                })
              )
          }
          const ref = yield* SessionRef.make(provider, yield* base.login)
          yield* TestClock.adjust(due)
          const waiting = yield* Effect.forkChild(ref.get)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(tokenOf(yield* Fiber.join(waiting)), "token-2")
          assert.deepStrictEqual(base.seen, { renewals: 1, reuses: 0, logouts: [] })
        }).pipe(Effect.provideService(Clock.Clock, clock))
      })
    )
  )

  it.effect("when the lease was lost while the answer came, and the scope closes", () =>
    provided(
      Effect.gen(function* () {
        const base = TestProvider.make()
        const store = yield* SessionStore
        const out = yield* Deferred.make<void>()
        const provider: TestProvider.TestProvider = {
          ...base,
          refresh: (session) => Effect.tap(base.refresh(session), () => Deferred.await(out))
        }
        const scope = yield* Scope.make()
        const context = yield* withStore((it) => ({
          lease: (key, ttl) =>
            Effect.map(
              it.lease(key, ttl),
              Option.map((lease) => ({ ...lease, extend: Effect.void }))
            )
        }))
        const ref = yield* SessionRef.make(provider, yield* base.login).pipe(
          Effect.provideContext(context),
          Effect.provideService(Scope.Scope, scope)
        )
        yield* TestClock.adjust(due)
        yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("2 seconds")
        const rival = Option.getOrThrow(yield* store.lease(ref.key, "1 hour"))
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* settle
        yield* Deferred.succeed(out, undefined)
        yield* TestClock.adjust("1 second")
        yield* rival.release
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)
        const { session } = Option.getOrThrow(yield* store.get(ref.key))
        assert.isTrue(base.accepts(session))
      })
    )
  )

  it.effect("by a look into the store that holds no news", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* gated
        const { provider, ref } = yield* signedInOver(context)
        yield* TestClock.adjust("1 hour")
        gate.put = diskFull
        yield* Effect.flip(ref.get)
        yield* ref.reload
        gate.put = Effect.void
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
        assert.strictEqual(provider.seen.renewals, 1)
      })
    )
  )

  it.effect("when the store dies of the write", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* gated
        const { provider, ref } = yield* signedInOver(context)
        yield* TestClock.adjust("1 hour")
        gate.put = Effect.die(new Error("boom"))
        assert.isTrue(Exit.hasDies(yield* Effect.exit(ref.get)))
        gate.put = Effect.void
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
        assert.strictEqual(provider.seen.reuses, 0)
      })
    )
  )

  it.effect(
    "and one that was saved late is renewed before it is handed out, where it has ended meanwhile",
    () =>
      provided(
        Effect.gen(function* () {
          const { context, gate } = yield* gated
          const { provider, ref } = yield* signedInOver(context)
          yield* TestClock.adjust(due)
          gate.put = diskFull
          yield* ref.get
          gate.put = Effect.void
          yield* TestClock.adjust("8 hours")
          assert.strictEqual(tokenOf(yield* ref.get), "token-3")
          assert.strictEqual(provider.seen.reuses, 0)
        })
      )
  )
})

describe("logout", () => {
  for (const through of ["SessionRef", "Sessions"]) {
    it.effect(
      `9. a renewal that it overtakes ends the session it has won, and no other, through ${through}`,
      () =>
        provided(
          Effect.gen(function* () {
            const base = TestProvider.make({ latency: "1 second" })
            const revoked: Array<string> = []
            const provider = {
              ...base,
              revoke: (session: Session) =>
                Effect.sync(() => {
                  revoked.push(tokenOf(session))
                  return "Revoked" as const
                })
            }
            const session = yield* base.login
            const sessions = yield* Sessions
            const ref =
              through === "Sessions"
                ? yield* sessions.open(provider, base.key)
                : yield* SessionRef.open(provider, base.key)
            yield* ref.adopt(session)
            yield* TestClock.adjust(due)
            yield* Effect.forkChild(ref.get, { startImmediately: true })
            yield* TestClock.adjust("500 millis")
            yield* ref.logout
            yield* TestClock.adjust("500 millis")
            assert.deepStrictEqual(base.seen.logouts, ["token-1"])
            assert.deepStrictEqual(revoked, ["token-2"])
          }).pipe(Effect.provide(Layer.fresh(Sessions.layer)))
        )
    )
  }

  it.effect("revokes the token that could not be saved, not the one that it had replaced", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* gated
        const { provider, ref } = yield* signedInOver(context)
        yield* TestClock.adjust(due)
        gate.put = diskFull
        yield* ref.get
        yield* ref.logout
        assert.deepStrictEqual(provider.seen.logouts, ["token-2"])
        assert.deepStrictEqual(provider.goodTokens(), [])
      })
    )
  )

  it.effect("leaves no token good that a renewal could not save while it went on", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* gated
        const { provider, ref } = yield* signedInOver(context)
        yield* TestClock.adjust(due)
        const put = yield* Deferred.make<void, SessionStoreError>()
        gate.put = Deferred.await(put)
        const waiting = yield* Effect.forkChild(ref.get)
        yield* settle
        yield* ref.logout
        yield* Deferred.fail(put, diskFull)
        yield* settle
        assert.strictEqual((yield* Effect.flip(Fiber.join(waiting)))._tag, "NotAuthenticated")
        assert.deepStrictEqual(provider.goodTokens(), [])
      })
    )
  )

  for (const isFull of [false, true]) {
    it.effect(
      `leaves no token good although the scope closes at once${isFull ? ", and the disk is full" : ""}`,
      () =>
        provided(
          Effect.gen(function* () {
            const { context, gate } = yield* gated
            const scope = yield* Scope.make()
            const { provider, ref } = yield* signedIn({ latency: "20 seconds" }).pipe(
              Effect.provideContext(context),
              Effect.provideService(Scope.Scope, scope)
            )
            yield* TestClock.adjust(due)
            yield* Effect.forkChild(ref.get)
            yield* TestClock.adjust("15 seconds")
            if (isFull) gate.put = diskFull
            yield* ref.logout
            const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
            yield* TestClock.adjust("5 seconds")
            yield* Fiber.join(closing)
            assert.deepStrictEqual(provider.goodTokens(), [])
          })
        )
    )
  }

  it.effect("of another program leaves no token good that could not be saved here", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* gated
        const { provider, ref } = yield* signedInOver(context)
        const store = yield* SessionStore
        yield* TestClock.adjust(due)
        gate.put = diskFull
        yield* ref.get
        yield* store.remove(ref.key)
        yield* ref.reload
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
        assert.deepStrictEqual(provider.goodTokens(), [])
      })
    )
  )

  it.effect(
    "of another program, seen while a token is being won that cannot be saved, leaves none good",
    () =>
      provided(
        Effect.gen(function* () {
          const { context, gate } = yield* gated
          const { provider, ref } = yield* signedInOver(context)
          const store = yield* SessionStore
          yield* TestClock.adjust(due)
          const put = yield* Deferred.make<void, SessionStoreError>()
          gate.put = Deferred.await(put)
          yield* Effect.forkChild(ref.get)
          yield* settle
          yield* store.remove(ref.key)
          yield* ref.reload
          yield* Deferred.fail(put, diskFull)
          yield* settle
          assert.deepStrictEqual(provider.goodTokens(), [])
        })
      )
  )

  for (const isAway of [false, true]) {
    it.effect(
      `does not take away a login that came after it, ${isAway ? "though the store failed" : "however slow the store"}`,
      () =>
        provided(
          Effect.gen(function* () {
            const looked = yield* Deferred.make<void, SessionStoreError>()
            const gate: { get: Effect.Effect<void, SessionStoreError> } = { get: Effect.void }
            const context = yield* withStore((store) => ({
              get: (key) =>
                Effect.andThen(
                  Effect.suspend(() => gate.get),
                  store.get(key)
                )
            }))
            const { provider, ref } = yield* signedInOver(context)
            gate.get = Deferred.await(looked)
            const leaving = yield* Effect.forkChild(ref.logout)
            yield* settle
            const login = yield* provider.login
            yield* ref.adopt(login)
            yield* isAway ? Deferred.fail(looked, diskFull) : Deferred.succeed(looked, undefined)
            assert.isTrue((yield* Fiber.join(leaving)).forgotten)
            assert.strictEqual(yield* ref.get, login)
            assert.deepStrictEqual(provider.goodTokens(), [tokenOf(login)])
            const store = yield* SessionStore
            assert.strictEqual(Option.getOrThrow(yield* store.get(ref.key)).session, login)
          })
        )
    )
  }

  it.effect("followed by a login leaves no token of the old login good", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn({ latency: "20 seconds" })
        yield* TestClock.adjust("1 hour")
        yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("15 seconds")
        const waiting = yield* Effect.forkChild(Effect.flip(ref.get))
        yield* settle
        yield* ref.logout
        yield* settle
        // Whoever waits hears of it at once.
        assert.strictEqual(waiting.pollUnsafe()?._tag, "Success")
        const login = yield* provider.login
        yield* ref.adopt(login)
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(provider.goodTokens(), [tokenOf(login)])
        assert.strictEqual(tokenOf(yield* ref.get), tokenOf(login))
      })
    )
  )

  it.effect("wins over an adoption that was still being saved", () =>
    provided(
      Effect.gen(function* () {
        const saved = yield* Deferred.make<void>()
        const context = yield* withStore((store) => ({
          put: (session, options) => Effect.tap(store.put(session, options), () => Deferred.await(saved))
        }))
        const provider = TestProvider.make()
        const ref = yield* SessionRef.open(provider, provider.key).pipe(Effect.provideContext(context))
        const adopting = yield* Effect.forkChild(ref.adopt(yield* provider.login))
        yield* settle
        yield* ref.logout
        yield* Deferred.succeed(saved, undefined)
        yield* Fiber.join(adopting)
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
        assert.isTrue(Option.isNone(yield* (yield* SessionStore).get(ref.key)))
        assert.deepStrictEqual(provider.goodTokens(), [])
      })
    )
  )

  it.effect("aside, of two adoptions the one that the store has is held, whichever is heard of last", () =>
    provided(
      Effect.gen(function* () {
        const heard = yield* Deferred.make<void>()
        let isFirst = true
        const context = yield* withStore((store) => ({
          put: (session, options) => {
            const delay = isFirst ? Deferred.await(heard) : Effect.void
            isFirst = false
            return Effect.tap(store.put(session, options), () => delay)
          }
        }))
        const provider = TestProvider.make({ rotates: false })
        const ref = yield* SessionRef.open(provider, provider.key).pipe(Effect.provideContext(context))
        const slow = yield* Effect.forkChild(ref.adopt(yield* provider.login))
        yield* settle
        yield* ref.adopt(yield* provider.login)
        yield* Deferred.succeed(heard, undefined)
        yield* Fiber.join(slow)
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )

  it.effect("by the first of the waiters is seen by the others", () =>
    provided(
      Effect.gen(function* () {
        const { ref } = yield* signedIn({ latency: "20 millis" })
        yield* TestClock.adjust(due)
        const first = yield* Effect.forkChild(Effect.flatMap(ref.get, () => ref.logout))
        const second = yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("20 millis")
        yield* Fiber.join(first)
        assert.strictEqual((yield* Effect.flip(Fiber.join(second)))._tag, "NotAuthenticated")
      })
    )
  )

  it.effect("tells the service although the store fails, and then says that it failed", () =>
    provided(
      Effect.gen(function* () {
        const context = yield* withStore(() => ({ remove: () => diskFull }))
        const { provider, ref } = yield* signedInOver(context)
        assert.strictEqual((yield* Effect.flip(ref.logout))._tag, "SessionStoreError")
        assert.deepStrictEqual(provider.goodTokens(), [])
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
      })
    )
  )
})

describe("a store that hangs", () => {
  const hanging = Effect.gen(function* () {
    const gate: { hangs: boolean; only?: string } = { hangs: false }
    const orHang = <A>(verb: string, effect: Effect.Effect<A, SessionStoreError>) =>
      Effect.suspend(() => (gate.hangs && verb === (gate.only ?? verb) ? Effect.never : effect))
    const context = yield* withStore((store) => ({
      get: (key) => orHang("get", store.get(key)),
      put: (session, options) => orHang("put", store.put(session, options)),
      remove: (key, options) => orHang("remove", store.remove(key, options)),
      lease: (key, ttl) => orHang("lease", store.lease(key, ttl))
    }))
    return { gate, context }
  })

  it.effect("does not keep callers from a token that is still good", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* hanging
        const { ref } = yield* signedInOver(context)
        yield* TestClock.adjust(due)
        gate.hangs = true
        const waiting = yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(tokenOf(yield* Fiber.join(waiting)), "token-1")
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
      })
    )
  )

  for (const only of ["lease", "get", "put"]) {
    it.effect(`at ${only} is Unavailable for those whose token has ended`, () =>
      provided(
        Effect.gen(function* () {
          const { context, gate } = yield* hanging
          const { ref } = yield* signedInOver(context)
          yield* TestClock.adjust("1 hour")
          gate.only = only
          gate.hangs = true
          const waiting = yield* Effect.forkChild(Effect.flip(ref.get))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual((yield* Fiber.join(waiting))._tag, "SessionStoreError")
          gate.hangs = false
          yield* TestClock.adjust("2 seconds")
          assert.strictEqual(tokenOf(yield* ref.get), "token-2")
        })
      )
    )
  }

  it.effect("is Unavailable for a login, and does not keep a logout from telling the service", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* hanging
        const { provider, ref } = yield* signedInOver(context)
        const login = yield* provider.login
        gate.hangs = true
        for (const effect of [ref.adopt(login), ref.reload, ref.logout]) {
          const asking = yield* Effect.forkChild(Effect.flip(effect))
          yield* TestClock.adjust("20 seconds")
          assert.strictEqual((yield* Fiber.join(asking))._tag, "SessionStoreError")
        }
        assert.deepStrictEqual(provider.seen.logouts, ["token-1"])
      })
    )
  )

  it.effect("does not keep a scope from closing, though what was won cannot be saved", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* hanging
        const scope = yield* Scope.make()
        const { ref } = yield* signedIn({ latency: "2 seconds" }).pipe(
          Effect.provideContext(context),
          Effect.provideService(Scope.Scope, scope)
        )
        yield* TestClock.adjust("1 hour")
        yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("1 second")
        gate.hangs = true
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("15 seconds")
        assert.isDefined(closing.pollUnsafe())
      })
    )
  )

  it.effect("does not keep keepAlive from a login that comes later", () =>
    provided(
      Effect.gen(function* () {
        const { context, gate } = yield* hanging
        const { provider, ref } = yield* signedInOver(context)
        yield* ref.keepAlive
        yield* ref.logout
        gate.hangs = true
        yield* TestClock.adjust("2 minutes")
        gate.hangs = false
        yield* ref.adopt(yield* provider.login)
        yield* TestClock.adjust("2 hours")
        assert.isAbove(provider.seen.renewals, 1)
      })
    )
  )

  it.effect("once, at a heartbeat, or dies of it, costs no lease", () =>
    Effect.forEach([Effect.never, Effect.die(new Error("boom"))], (ill) =>
      provided(
        Effect.gen(function* () {
          let beats = 0
          const store = yield* SessionStore
          const context = yield* withStore(() => ({
            lease: (key, ttl) =>
              Effect.map(
                store.lease(key, ttl),
                Option.map((lease) => ({
                  ...lease,
                  extend: Effect.suspend(() => (++beats === 3 ? ill : lease.extend))
                }))
              )
          }))
          const { ref } = yield* signedIn({ latency: "20 seconds" }).pipe(Effect.provideContext(context))
          yield* TestClock.adjust("1 hour")
          const waiting = yield* Effect.forkChild(ref.get)
          yield* TestClock.adjust("10 seconds")
          assert.isAbove(beats, 10)
          assert.isTrue(Option.isNone(yield* store.lease(ref.key, "1 second")))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(tokenOf(yield* Fiber.join(waiting)), "token-2")
        })
      )
    )
  )

  it.effect(
    "does not hold up a logout that has a time limit, nor what comes after the store has healed",
    () =>
      provided(
        Effect.gen(function* () {
          const { context, gate } = yield* hanging
          const { provider, ref } = yield* signedInOver(context)
          gate.hangs = true
          const leaving = yield* Effect.forkChild(Effect.timeoutOption(ref.logout, "5 seconds"))
          yield* TestClock.adjust("5 seconds")
          assert.isTrue(Option.isNone(yield* Fiber.join(leaving)))
          gate.hangs = false
          yield* ref.adopt(yield* provider.login)
          yield* TestClock.adjust(due)
          assert.strictEqual(tokenOf(yield* ref.get), "token-3")
        }).pipe(Effect.timeoutOption("10 minutes"))
      )
  )
})

describe("a provider that misbehaves", () => {
  it.effect("by dying is not called again before the pause, and what is good goes on being handed out", () =>
    provided(
      Effect.gen(function* () {
        const base = TestProvider.make({ rotates: false })
        let calls = 0
        const dying: Provider = {
          ...base,
          logout: () => Effect.succeed("NotRevocable"),
          refresh: () =>
            Effect.suspend(() => {
              calls++
              return Effect.die(new Error("bug"))
            })
        }
        const ref = yield* SessionRef.make(dying, yield* base.login)
        yield* TestClock.adjust(due)
        for (let i = 0; i < 100; i++) assert.strictEqual(tokenOf(yield* ref.get), "token-1")
        assert.strictEqual(calls, 1)
        yield* TestClock.adjust("5 minutes")
        assert.isTrue(Exit.hasDies(yield* Effect.exit(ref.get)))
      })
    )
  )

  it.effect("by breaking off by itself interrupts nobody: its token may be spent", () =>
    provided(
      Effect.gen(function* () {
        const base = TestProvider.make()
        let calls = 0
        const broken = {
          ...base,
          refresh: () => Effect.suspend(() => (calls++, Effect.interrupt))
        }
        const ref = yield* SessionRef.make(broken, yield* base.login)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "RefreshUncertain")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "RefreshUncertain")
        assert.strictEqual(calls, 1)
      })
    )
  )

  it.effect("by dying of its own rule is asked once in a pause, and what was won is not lost", () =>
    provided(
      Effect.gen(function* () {
        const base = TestProvider.make()
        const store = yield* SessionStore
        let leases = 0
        let isWrong = false
        const context = yield* withStore(() => ({
          lease: (key, ttl) => Effect.suspend(() => (leases++, store.lease(key, ttl)))
        }))
        const wrong: TestProvider.TestProvider = {
          ...base,
          renewAfter: () => {
            if (isWrong) throw new Error("bug")
            return Option.some(Duration.minutes(55))
          }
        }
        const ref = yield* Effect.provideContext(SessionRef.make(wrong, yield* base.login), context)
        yield* TestClock.adjust("1 hour")
        isWrong = true
        for (let i = 0; i < 10; i++) assert.isTrue(Exit.hasDies(yield* Effect.exit(ref.get)))
        assert.strictEqual(leases, 1)
        isWrong = false
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )

  it.effect("by renewing under another key is found out, once in a pause", () =>
    provided(
      Effect.gen(function* () {
        const base = TestProvider.make({ rotates: false })
        let calls = 0
        const confused: TestProvider.TestProvider = {
          ...base,
          refresh: (session) =>
            Effect.suspend(() => {
              calls++
              const key = new SessionKey({ ...session.key, account: "grace" })
              return Effect.succeed(new Session({ ...session, key }))
            })
        }
        const ref = yield* SessionRef.make(confused, yield* base.login)
        yield* TestClock.adjust("1 hour")
        assert.isTrue(Exit.hasDies(yield* Effect.exit(ref.get)))
        assert.isTrue(Exit.hasDies(yield* Effect.exit(ref.get)))
        assert.strictEqual(calls, 1)
      })
    )
  )

  it.effect("by giving tokens without any life is asked once a second, not at every use", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn({ life: 0 })
        for (let i = 0; i < 100; i++) yield* ref.get
        assert.strictEqual(provider.seen.renewals, 1)
        yield* TestClock.adjust("1 second")
        yield* ref.get
        assert.strictEqual(provider.seen.renewals, 2)
      })
    )
  )

  for (const chance of [0, 0.999]) {
    it.effect(`by giving tokens of any odd life is asked no more than once a second (chance ${chance})`, () =>
      Effect.forEach([0, 1, 2, 3, 999, 1_001, Number.MAX_SAFE_INTEGER / 2, undefined], (life) =>
        provided(
          Effect.gen(function* () {
            const { provider, ref } = yield* signedIn({ life })
            yield* ref.keepAlive
            for (let tenth = 0; tenth < 100; tenth++) {
              yield* ref.get
              yield* TestClock.adjust(100)
            }
            assert.isAtMost(provider.seen.renewals, 11)
            assert.isAtLeast(provider.seen.renewals, (life ?? Infinity) < 10_000 ? 9 : 0)
            if ((life ?? Infinity) > 10_000) assert.strictEqual(provider.seen.renewals, 0)
          })
        ).pipe(
          Effect.provideService(Random.Random, { nextDoubleUnsafe: () => chance, nextIntUnsafe: () => 0 })
        )
      )
    )
  }

  it.effect("by a rule that comes too late is asked when the token ends", () =>
    provided(
      Effect.gen(function* () {
        const lazy = { ...TestProvider.make(), renewAfter: () => Option.some(Duration.hours(10)) }
        const ref = yield* SessionRef.make(lazy, yield* lazy.login)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )

  it.effect("may be an object with methods of its own", () =>
    provided(
      Effect.gen(function* () {
        const base = TestProvider.make()
        class Ruled implements Provider {
          readonly name = "test"
          readonly instance = "memory"
          readonly rotates = false
          readonly rule = Duration.minutes(1)
          refresh() {
            return base.login
          }
          logout() {
            return Effect.succeed("Revoked" as const)
          }
          renewAfter() {
            return Option.some(this.rule)
          }
        }
        const ref = yield* SessionRef.make(new Ruled(), yield* base.login)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(tokenOf(yield* ref.get), "token-2")
      })
    )
  )
})

describe("a verdict", () => {
  it.effect(
    "stands although the store cannot be made to forget the session, and is not asked for again",
    () =>
      provided(
        Effect.gen(function* () {
          const context = yield* withStore(() => ({ remove: () => diskFull }))
          const { provider, ref } = yield* signedInOver(context)
          const events = yield* Effect.forkChild(Stream.runCollect(Stream.take(ref.changes, 1)))
          yield* settle
          provider.revokeAll()
          yield* TestClock.adjust(due)
          for (let i = 0; i < 10; i++) {
            assert.strictEqual((yield* Effect.flip(ref.get))._tag, "SessionExpired")
            yield* TestClock.adjust("2 minutes")
          }
          assert.strictEqual(provider.seen.renewals, 1)
          const [event] = yield* Fiber.join(events)
          assert.isTrue(event?._tag === "Ended" && !event.removed && event.error._tag === "InvalidToken")
        })
      )
  )

  it.effect("of another service forces no renewal", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn()
        const foreign = new InvalidToken({ provider: "jwt", instance: "other", message: "not ours" })
        yield* Effect.flip(ref.use(() => foreign))
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("on a session that was replaced during a renewal forces one of the new session", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn({ latency: "20 seconds" })
        yield* TestClock.adjust(due)
        yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("1 second")
        const login = yield* provider.login
        yield* ref.adopt(login)
        const using = yield* Effect.forkChild(
          ref.use((session) =>
            tokenOf(session) === tokenOf(login) ? verdict : Effect.succeed(tokenOf(session))
          )
        )
        yield* TestClock.adjust("1 minute")
        assert.notStrictEqual(yield* Fiber.join(using), tokenOf(login))
      })
    )
  )
})

describe("the clock", () => {
  for (const what of ["a mark", "a lease"]) {
    it.effect(`set back does not make anybody wait for hours beside ${what} of somebody else`, () =>
      provided(
        Effect.gen(function* () {
          yield* TestClock.setTime(hours(1000))
          const { clock, jump } = yield* sleepyClock
          yield* Effect.gen(function* () {
            const store = yield* SessionStore
            const { ref } = yield* signedIn()
            yield* TestClock.adjust("1 hour")
            const { version } = Option.getOrThrow(yield* store.get(ref.key))
            const lease = Option.getOrThrow(yield* store.lease(ref.key, "100 hours"))
            if (what === "a mark") {
              yield* lease.mark(Option.some(`${lease.fence} ${version}`))
              yield* lease.release
            }
            const waiting = yield* Effect.forkChild(Effect.flip(ref.get))
            yield* TestClock.adjust("1 second")
            assert.isUndefined(waiting.pollUnsafe())
            jump(-hours(8))
            yield* TestClock.adjust("50 seconds")
            const error = yield* Fiber.join(waiting)
            assert.strictEqual(error._tag, what === "a mark" ? "RefreshUncertain" : "SessionStoreError")
          }).pipe(Effect.provideService(Clock.Clock, clock))
        })
      )
    )
  }

  it.effect("that slept and then stepped back a little does not add the sleep to a token's life", () =>
    provided(
      Effect.gen(function* () {
        const { clock, jump } = yield* sleepyClock
        yield* Effect.gen(function* () {
          const { ref } = yield* signedIn({ life: "12 hours" })
          jump(hours(8))
          yield* ref.get
          jump(-1000)
          yield* ref.get
          jump(hours(7))
          const session = yield* ref.get
          const endsAt = session.expiresAt === undefined ? 0 : DateTime.toEpochMillis(session.expiresAt)
          assert.isAbove(endsAt, clock.currentTimeMillisUnsafe())
        }).pipe(Effect.provideService(Clock.Clock, clock))
      })
    )
  )

  it.effect("set back does not keep keepAlive from renewing in time", () =>
    provided(
      Effect.gen(function* () {
        yield* TestClock.setTime(hours(1000))
        const { clock, jump } = yield* sleepyClock
        yield* Effect.gen(function* () {
          const { provider, ref } = yield* signedIn()
          yield* ref.keepAlive
          yield* TestClock.adjust("30 minutes")
          yield* ref.get
          jump(-hours(8))
          yield* TestClock.adjust("30 minutes")
          assert.strictEqual(provider.seen.renewals, 1)
        }).pipe(Effect.provideService(Clock.Clock, clock))
      })
    )
  )

  it.effect("set back while a renewal fails does not hand out a token that was seen to have ended", () =>
    provided(
      Effect.gen(function* () {
        yield* TestClock.setTime(hours(1000))
        const { clock, jump } = yield* sleepyClock
        yield* Effect.gen(function* () {
          const { provider, ref } = yield* signedIn()
          jump(hours(8))
          provider.failNext(away, away)
          assert.strictEqual((yield* Effect.flip(ref.get))._tag, "ServerError")
          jump(-hours(9))
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual((yield* Effect.flip(ref.get))._tag, "ServerError")
        }).pipe(Effect.provideService(Clock.Clock, clock))
      })
    )
  )

  it.effect("set back does not let a token whose renewal fails outlive its end", () =>
    provided(
      Effect.gen(function* () {
        yield* TestClock.setTime(hours(1000))
        const { provider, ref } = yield* signedIn()
        provider.failNext(...Array.from({ length: 10 }, () => away))
        yield* TestClock.adjust("30 minutes")
        yield* ref.get
        yield* TestClock.setTime(hours(999))
        yield* ref.get
        yield* TestClock.adjust("29 minutes")
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "ServerError")
      })
    )
  )

  it.effect("of a caller does not matter, only that of the session", () =>
    provided(
      Effect.gen(function* () {
        const { clock, jump } = yield* sleepyClock
        jump(hours(1000))
        const { provider, ref } = yield* signedIn()
        yield* Effect.provideService(ref.get, Clock.Clock, clock)
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("set back during a pause does not cut it short", () =>
    provided(
      Effect.gen(function* () {
        yield* TestClock.setTime(hours(1000))
        const { provider, ref } = yield* signedIn()
        provider.failNext(away, away)
        yield* TestClock.adjust("2 hours")
        yield* Effect.flip(ref.get)
        yield* TestClock.setTime(hours(1002) - 500)
        yield* Effect.flip(ref.get)
        assert.strictEqual(provider.seen.renewals, 1)
        yield* TestClock.adjust("1100 millis")
        yield* Effect.flip(ref.get)
        assert.strictEqual(provider.seen.renewals, 2)
      })
    )
  )
})

describe("a pause", () => {
  const failing = Effect.fnUntraced(function* (
    error: ServerError | TransportError,
    options?: Partial<Provider>
  ) {
    const base = TestProvider.make()
    const provider = { ...base, ...options }
    const ref = yield* SessionRef.make(provider, yield* base.login)
    base.failNext(...Array.from({ length: 20 }, () => error))
    yield* TestClock.adjust("2 hours")
    yield* Effect.flip(ref.get)
    return { ref, seen: base.seen }
  })

  it.effect("is not always equally long", () =>
    provided(
      Effect.gen(function* () {
        const lengths = new Set<number>()
        const { ref } = yield* failing(away)
        const events = yield* Effect.forkChild(
          Stream.runForEach(Stream.take(ref.changes, 10), (event) =>
            Effect.sync(() => {
              if (event._tag === "RenewalFailed") lengths.add(Duration.toMillis(event.pause))
            })
          )
        )
        yield* Effect.forEach(Array.from({ length: 10 }), () =>
          Effect.andThen(TestClock.adjust("67 seconds"), Effect.flip(ref.get))
        )
        yield* Fiber.join(events)
        assert.isTrue([...lengths].some((millis) => millis % 1000 !== 0))
      })
    )
  )

  it.effect("is as long as a service that limits calls has asked for", () =>
    provided(
      Effect.gen(function* () {
        const reason = new RateLimited({ message: "slow down", retryAfter: Duration.minutes(10) })
        const { ref, seen } = yield* failing(TransportError.because(where, reason))
        yield* TestClock.adjust("9 minutes")
        yield* Effect.flip(ref.get)
        assert.strictEqual(seen.renewals, 1)
        yield* TestClock.adjust("2 minutes")
        yield* Effect.flip(ref.get)
        assert.strictEqual(seen.renewals, 2)
      })
    )
  )

  it.effect("grows no longer than the provider wants", () =>
    provided(
      Effect.gen(function* () {
        const { ref, seen } = yield* failing(away, { longestPause: Duration.seconds(2) })
        for (let attempt = 2; attempt < 10; attempt++) {
          yield* TestClock.adjust("2200 millis")
          yield* Effect.flip(ref.get)
          assert.strictEqual(seen.renewals, attempt)
        }
      })
    )
  )
})

describe("a lease that somebody else never gives up", () => {
  it.effect("is waited for no longer than forty seconds", () =>
    provided(
      Effect.gen(function* () {
        const store = yield* SessionStore
        const { provider, ref } = yield* signedIn()
        yield* TestClock.adjust("1 hour")
        const lease = Option.getOrThrow(yield* store.lease(provider.key, "1 hour"))
        assert.isAbove(lease.fence, 0)
        const waiting = yield* Effect.forkChild(Effect.flip(ref.get))
        yield* TestClock.adjust("39 seconds")
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust("2 seconds")
        const error = yield* Fiber.join(waiting)
        assert.strictEqual(error._tag === "SessionStoreError" && error.reason._tag, "LeaseTimeout")
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )
})

describe("a renewal that has two rounds", () => {
  it.effect("keeps nobody waiting in the second for longer than in the first, nor busy", () =>
    provided(
      Effect.gen(function* () {
        const store = yield* SessionStore
        const { provider, ref } = yield* signedIn()
        yield* TestClock.adjust(due)
        const lease = Option.getOrThrow(yield* store.lease(provider.key, "1 hour"))
        assert.isAbove(lease.fence, 0)
        yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("6 seconds")
        // The other one has brought a session that is due by now, and is renewing it again.
        const { session } = Option.getOrThrow(yield* store.get(ref.key))
        yield* store.put(new Session({ ...session, accessToken: Redacted.make("token-1b") }))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(tokenOf(yield* ref.get), "token-1b")
      })
    )
  )
})

describe("a lease of our own", () => {
  const watched = Effect.gen(function* () {
    const seen = { beats: 0, hangs: false }
    const context = yield* withStore((store) => ({
      get: (key) => Effect.suspend(() => (seen.hangs ? Effect.never : store.get(key))),
      lease: (key, ttl) =>
        Effect.map(
          store.lease(key, ttl),
          Option.map((lease) => ({
            ...lease,
            extend: Effect.suspend(() => (seen.beats++, lease.extend))
          }))
        )
    }))
    return { seen, context }
  })

  it.effect("is given back when the scope closes", () =>
    provided(
      Effect.gen(function* () {
        const { context, seen } = yield* watched
        const scope = yield* Scope.make()
        const { ref } = yield* signedInOver(context).pipe(Effect.provideService(Scope.Scope, scope))
        yield* TestClock.adjust("1 hour")
        seen.hangs = true
        yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("1 second")
        yield* Scope.close(scope, Exit.void)
        assert.isTrue(Option.isSome(yield* (yield* SessionStore).lease(ref.key, "1 second")))
      })
    )
  )

  it.effect("has no heartbeat once it was given back, beside a mark of somebody else", () =>
    provided(
      Effect.gen(function* () {
        const { context, seen } = yield* watched
        const { ref } = yield* signedInOver(context)
        const store = yield* SessionStore
        yield* TestClock.adjust("1 hour")
        const { version } = Option.getOrThrow(yield* store.get(ref.key))
        const lease = Option.getOrThrow(yield* store.lease(ref.key, "1 second"))
        yield* lease.mark(Option.some(`${lease.fence} ${version}`))
        yield* lease.release
        const waiting = yield* Effect.forkChild(Effect.flip(ref.get))
        yield* TestClock.adjust("6 seconds")
        assert.strictEqual((yield* Fiber.join(waiting))._tag, "RefreshUncertain")
        assert.strictEqual(seen.beats, 0)
      })
    )
  )
})

describe("the scope", () => {
  it.effect("once closed lets no renewal begin", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const scope = yield* Scope.make()
        const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
          Effect.provideService(Scope.Scope, scope)
        )
        yield* ref.keepAlive
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("10 hours")
        const exit = yield* Effect.exit(ref.get)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("ends the stream of events, also for who comes later", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const scope = yield* Scope.make()
        const ref = yield* SessionRef.make(provider, yield* provider.login).pipe(
          Effect.provideService(Scope.Scope, scope)
        )
        const reading = yield* Effect.forkChild(Stream.runCollect(ref.changes))
        yield* settle
        yield* ref.adopt(yield* provider.login)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(
          (yield* Fiber.join(reading)).map((event) => event._tag),
          ["Adopted"]
        )
        assert.deepStrictEqual(yield* Stream.runCollect(ref.changes), [])
      })
    )
  )
})

describe("a login of another program", () => {
  it.effect("is taken up by reload, and so is its logout", () =>
    provided(
      Effect.gen(function* () {
        const store = yield* SessionStore
        const provider = TestProvider.make()
        const ref = yield* SessionRef.open(provider, provider.key)
        yield* store.put(yield* provider.login)
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
        yield* ref.reload
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
        yield* store.remove(ref.key)
        yield* ref.reload
        assert.strictEqual((yield* Effect.flip(ref.get))._tag, "NotAuthenticated")
      })
    )
  )

  it.effect("is noticed by keepAlive within a minute", () =>
    provided(
      Effect.gen(function* () {
        const store = yield* SessionStore
        const provider = TestProvider.make()
        const ref = yield* SessionRef.open(provider, provider.key)
        yield* ref.keepAlive
        yield* store.put(yield* provider.login)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(tokenOf(yield* ref.get), "token-1")
      })
    )
  )
})

it.effect("subscribers that come and go leave nothing behind in the scope", () =>
  provided(
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { ref } = yield* Effect.provideService(signedIn(), Scope.Scope, scope)
      for (let n = 0; n < 100; n++) {
        const reading = yield* Effect.forkChild(Stream.runDrain(ref.changes))
        yield* settle
        yield* Fiber.interrupt(reading)
      }
      assert.isAtMost(scope.state._tag === "Open" ? (scope.state.finalizers?.size ?? 1) : 0, 1)
      yield* Scope.close(scope, Exit.void)
    })
  )
)

describe("SessionRef", () => {
  it.effect("can be taken apart", () =>
    provided(
      Effect.gen(function* () {
        const { adopt, get, token, use } = (yield* signedIn()).ref
        assert.strictEqual(yield* use((session) => Effect.succeed(tokenOf(session))), "token-1")
        yield* adopt(yield* get)
        assert.strictEqual(Redacted.value(yield* token), "token-1")
      })
    )
  )

  it.effect("names neither account nor token in logs, spans and metrics, whatever happens to it", () =>
    provided(
      Effect.gen(function* () {
        const account = Canary.make("account")
        const provider = TestProvider.make({ account: account.secret })
        const ref = yield* SessionRef.make(provider, yield* provider.login)
        provider.failNext(away)
        yield* TestClock.adjust("1 hour")
        yield* Effect.flip(ref.get)
        yield* TestClock.adjust("2 seconds")
        yield* ref.get
        yield* ref.refused(yield* ref.get)
        yield* ref.logout
        yield* Canary.assertNoneCaptured([account])
      }).pipe(Effect.provide(Canary.capture))
    )
  )
})
