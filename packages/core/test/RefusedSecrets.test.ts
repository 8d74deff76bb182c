/** Promise 13 at its corners: sharing a login, losing one, and telling one secret and one account from another. */
import { assert, describe, it } from "@effect/vitest"
import {
  InvalidLogin,
  ServerError,
  Session,
  SessionKey,
  Sessions,
  SessionStore,
  TemporarilyLockedOut
} from "@latchkey/core"
import { SessionStoreError, Unavailable } from "@latchkey/core/SessionStoreError"
import { TestProvider } from "@latchkey/testing"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Layer, Option, Redacted, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { fingerprint } from "../src/internal/fingerprint.ts"
import { away, lockOut, provided, refusal, where } from "./support/logins.ts"

const diskFull = SessionStoreError.because(where, new Unavailable({ message: "the disk is full: make room" }))

const secret = Redacted.make("correct horse")

/** `Sessions` over a store of which some verbs are replaced. */
const over = <A, E>(
  replace: (store: SessionStore["Service"]) => Partial<SessionStore["Service"]>,
  effect: Effect.Effect<A, E, Sessions | SessionStore>
) =>
  Effect.gen(function* () {
    const store = yield* SessionStore
    const replaced = Layer.succeed(SessionStore, { ...store, ...replace(store) })
    return yield* Effect.provide(effect, Layer.fresh(Layer.provideMerge(Sessions.layer, replaced)))
  }).pipe(Effect.provide(Layer.fresh(SessionStore.layerMemory)))

/** Takes 10 ms, and fails as long as there is something to fail with. */
const slowly = (
  provider: TestProvider.TestProvider,
  ...errors: Array<InvalidLogin | TemporarilyLockedOut | ServerError>
) => {
  const seen = { calls: 0 }
  const login = Effect.suspend(() => {
    seen.calls++
    const answer: Effect.Effect<Session, InvalidLogin | TemporarilyLockedOut | ServerError> =
      errors.shift() ?? provider.login
    return Effect.andThen(Effect.sleep("10 millis"), answer)
  })
  return { seen, login }
}

const many = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.all(
    Array.from({ length: 100 }, () => effect),
    { concurrency: "unbounded" }
  )

describe("a shared login", () => {
  for (const budget of [3, 5, 8, 13, 21]) {
    it.effect(
      `P11: of a hundred callers who are interrupted by each other every ${budget} steps is one call`,
      () =>
        provided(
          Effect.gen(function* () {
            const sessions = yield* Sessions
            const provider = TestProvider.make()
            const { login, seen } = slowly(provider)
            const all = yield* Effect.forkChild(
              many(sessions.signIn(provider, { account: "ada", secret, login })).pipe(
                Effect.provideService(Scheduler.MaxOpsBeforeYield, budget)
              )
            )
            // Until everybody has looked.
            for (let turn = 0; turn < 1000; turn++) yield* Effect.yieldNow
            yield* TestClock.adjust("10 millis")
            yield* Fiber.join(all)
            assert.strictEqual(seen.calls, 1)
          })
        )
    )
  }

  it.effect("whose callers give up at any step leaves nobody waiting", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        for (let turns = 0; turns < 40; turns++) {
          const provider = TestProvider.make({ account: `ada${turns}` })
          const { login } = slowly(provider)
          const signIn = sessions.signIn(provider, { account: `ada${turns}`, secret, login })
          const first = yield* Effect.forkChild(Effect.provideService(signIn, Scheduler.MaxOpsBeforeYield, 3))
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(first)
          const second = yield* Effect.forkChild(signIn)
          yield* TestClock.adjust("20 millis")
          yield* Fiber.join(second)
        }
      })
    )
  )

  it.effect("is saved once", () => {
    let puts = 0
    return over(
      (store) => ({
        put: (session, options) =>
          Effect.suspend(() => {
            puts++
            return store.put(session, options)
          })
      }),
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login } = slowly(provider)
        const all = yield* Effect.forkChild(
          many(sessions.signIn(provider, { account: "ada", secret, login }))
        )
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(all)
        assert.strictEqual(puts, 1)
      })
    )
  })

  it.effect("that fails does so for all who wait, in one call", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, seen } = slowly(provider, away)
        const one = Effect.flip(sessions.signIn(provider, { account: "ada", secret, login }))
        const all = yield* Effect.forkChild(many(one))
        yield* TestClock.adjust("10 millis")
        assert.isTrue((yield* Fiber.join(all)).every((error) => error._tag === "ServerError"))
        assert.strictEqual(seen.calls, 1)
      })
    )
  )

  for (const [name, order] of [
    ["first", [0, 1]],
    ["last", [1, 0]]
  ] as const) {
    it.effect(`is not brought back when the one who came ${name} logs out at once`, () =>
      provided(
        Effect.gen(function* () {
          const sessions = yield* Sessions
          const store = yield* SessionStore
          const provider = TestProvider.make()
          const { login } = slowly(provider)
          const one = sessions.signIn(provider, { account: "ada", secret, login })
          const both = [Effect.asVoid(Effect.flatMap(one, (ref) => ref.logout)), Effect.asVoid(one)]
          const fibers = yield* Effect.forEach(order, (index) => Effect.forkChild(both[index] ?? Effect.void))
          yield* TestClock.adjust("10 millis")
          yield* Fiber.joinAll(fibers)
          assert.isTrue(Option.isNone(yield* store.get(provider.key)))
          assert.deepStrictEqual(provider.goodTokens(), [])
        })
      )
    )
  }

  it.effect("is not written over the renewal of one who was quicker", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const store = yield* SessionStore
        const provider = TestProvider.make()
        const { login } = slowly(provider)
        const one = sessions.signIn(provider, { account: "ada", secret, login })
        const slow = yield* Effect.forkChild(one)
        const quick = yield* Effect.forkChild(
          Effect.flatMap(one, (ref) => Effect.flatMap(ref.get, ref.refused))
        )
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(quick)
        yield* Fiber.join(slow)
        const { session } = Option.getOrThrow(yield* store.get(provider.key))
        assert.isTrue(provider.accepts(session))
      })
    )
  )
})

describe("a login with another secret", () => {
  it.effect("waits for the one that is under way, and shares nothing of it", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const right = slowly(provider)
        const wrong = slowly(provider, refusal)
        const first = yield* Effect.forkChild(
          sessions.signIn(provider, { account: "ada", secret, login: right.login })
        )
        const second = yield* Effect.forkChild(
          sessions.signIn(provider, { account: "ada", secret: Redacted.make("wrong"), login: wrong.login })
        )
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(first)
        yield* TestClock.adjust("10 millis")
        assert.strictEqual((yield* Effect.flip(Fiber.join(second)))._tag, "InvalidLogin")
        assert.deepStrictEqual([right.seen.calls, wrong.seen.calls], [1, 1])
      })
    )
  )
})

it.effect("a code that was refused does not hold back the password", () =>
  provided(
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const provider = TestProvider.make()
      const wrongCode = new InvalidLogin({ ...where, message: "wrong code", factor: "totp" })
      const { login, seen } = slowly(provider, wrongCode)
      const signIn = Effect.forkChild(sessions.signIn(provider, { account: "ada", secret, login }))
      const first = yield* signIn
      yield* TestClock.adjust("10 millis")
      const refused = yield* Effect.flip(Fiber.join(first))
      assert.strictEqual(refused._tag === "InvalidLogin" && refused.factor, "totp")
      const second = yield* signIn
      yield* TestClock.adjust("10 millis")
      yield* Fiber.join(second)
      assert.strictEqual(seen.calls, 2)
    })
  )
)

describe("a login that is interrupted", () => {
  const OPERATIONS_AT_A_TIME = 3
  const STEPS = 120

  const blocksTheAccount = (step: number) =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const one = sessions.signIn(provider, { account: "ada", secret, login: provider.login })
        const first = yield* Effect.forkChild(
          Effect.provideService(one, Scheduler.MaxOpsBeforeYield, OPERATIONS_AT_A_TIME)
        )
        yield* Effect.repeat(Effect.yieldNow, { times: step })
        yield* Fiber.interrupt(first)
        const second = yield* Effect.forkChild(one)
        yield* TestClock.adjust("1 hour")
        return second.pollUnsafe() === undefined
      })
    )

  it.effect("at whatever step, does not block the account", () =>
    Effect.gen(function* () {
      const blocked = yield* Effect.forEach(
        Array.from({ length: STEPS }, (_, step) => step),
        blocksTheAccount
      )
      assert.isFalse(blocked.includes(true))
    })
  )

  it.effect("while its session is being saved, is saved", () => {
    const saving = Deferred.makeUnsafe<void>()
    return over(
      (store) => ({
        put: (session, options) => Effect.andThen(Deferred.await(saving), store.put(session, options))
      }),
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const store = yield* SessionStore
        const provider = TestProvider.make()
        const one = sessions.signIn(provider, { account: "ada", secret, login: provider.login })
        const leaving = yield* Effect.forkChild(one)
        yield* TestClock.adjust(0)
        yield* Effect.forkChild(Fiber.interrupt(leaving))
        yield* TestClock.adjust(0)
        yield* Deferred.succeed(saving, undefined)
        yield* Fiber.await(leaving)
        assert.isTrue(Option.isSome(yield* store.get(provider.key)))
      })
    )
  })
})

describe("what is remembered", () => {
  it.effect("is of one provider, one far end and one account", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, seen } = slowly(provider, refusal)
        const signIn = (other: { readonly name?: string; readonly instance?: string }, account = "ada") =>
          Effect.gen(function* () {
            const there = { ...provider, ...other }
            const own = Effect.map(
              login,
              (session) =>
                new Session({ ...session, key: new SessionKey({ ...session.key, provider: there.name }) })
            )
            const one = sessions.signIn(there, { account, secret, login: own })
            const fiber = yield* Effect.forkChild(Effect.exit(one))
            yield* TestClock.adjust("10 millis")
            return Exit.isSuccess(yield* Fiber.join(fiber))
          })
        assert.isFalse(yield* signIn({}))
        assert.isFalse(yield* signIn({}))
        assert.strictEqual(seen.calls, 1)
        assert.isTrue(yield* signIn({}, "grace"))
        assert.isTrue(yield* signIn({ instance: "another" }))
        assert.isTrue(yield* signIn({ name: "another" }))
        assert.strictEqual(seen.calls, 4)
      })
    )
  )

  it.effect("of a lock-out is forgotten when somebody says so", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, seen } = slowly(provider, lockOut)
        const signIn = (again: boolean) =>
          Effect.gen(function* () {
            const one = Effect.exit(sessions.signIn(provider, { account: "ada", secret, login, again }))
            const fiber = yield* Effect.forkChild(one)
            yield* TestClock.adjust("10 millis")
            return Exit.isSuccess(yield* Fiber.join(fiber))
          })
        assert.isFalse(yield* signIn(false))
        assert.isTrue(yield* signIn(true))
        assert.strictEqual(seen.calls, 2)
      })
    )
  )

  it.effect("of a lock-out does not end early when the clock is set back", () =>
    provided(
      Effect.gen(function* () {
        yield* TestClock.setTime(1_000_000)
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        let calls = 0
        const login = Effect.suspend(() => {
          calls++
          return lockOut
        })
        const one = Effect.exit(sessions.signIn(provider, { account: "ada", secret, login }))
        yield* one
        yield* TestClock.setTime(999_000)
        yield* one
        assert.strictEqual(calls, 1)
        yield* TestClock.adjust("1 minute")
        yield* one
        assert.strictEqual(calls, 2)
      })
    )
  )

  it.effect("is at most sixteen refusals of an account, the oldest being forgotten first", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        let calls = 0
        const login = Effect.suspend(() => {
          calls++
          return refusal
        })
        const attempt = (index: number) =>
          Effect.exit(
            sessions.signIn(provider, { account: "ada", secret: Redacted.make(`secret ${index}`), login })
          )
        yield* Effect.forEach(
          Array.from({ length: 17 }, (_, index) => index),
          attempt
        )
        yield* attempt(16)
        assert.strictEqual(calls, 17)
        yield* attempt(0)
        assert.strictEqual(calls, 18)
      })
    )
  )

  it.effect("has nothing to do with somebody else's failures of the same name", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const foreign = { _tag: "TemporarilyLockedOut" as const }
        const one = sessions.signIn(provider, { account: "ada", secret, login: Effect.fail(foreign) })
        assert.strictEqual(yield* Effect.flip(one), foreign)
      })
    )
  )

  it("of secrets are fingerprints that tell alike ones apart", () => {
    const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    const alike = [...letters].flatMap((a) => [...letters].map((b) => `${a}${b}ot-robot-7`))
    const prints = new Set(alike.map((text) => fingerprint(Redacted.make(text))))
    assert.strictEqual(prints.size, alike.length)
    assert.strictEqual(fingerprint(Redacted.make("same")), fingerprint(Redacted.make("same")))
    assert.notInclude([...prints].join(), "robot")
  })
})

describe("Sessions.open", () => {
  it.effect("does not need the store for a session that is held", () => {
    let gets = 0
    let isDown = false
    return over(
      (store) => ({
        get: (key) =>
          Effect.suspend(() => {
            gets++
            return isDown ? diskFull : store.get(key)
          })
      }),
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const ref = yield* sessions.open(provider, provider.key)
        yield* ref.adopt(yield* provider.login)
        const before = gets
        isDown = true
        yield* sessions.open(provider, provider.key)
        assert.strictEqual(gets, before)
      })
    )
  })

  it.effect("follows the provider that was named last: its rule, and whom it tells of a logout", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const first = TestProvider.make()
        const second = TestProvider.make()
        const hourly = { ...second, renewAfter: () => Option.some(Duration.minutes(1)) }
        yield* sessions.open(first, first.key)
        const ref = yield* sessions.open(hourly, second.key)
        yield* ref.adopt(yield* second.login)
        yield* TestClock.adjust("1 minute")
        yield* ref.get
        assert.strictEqual(second.seen.renewals, 1)
        yield* ref.logout
        assert.deepStrictEqual([first.seen.logouts, second.seen.logouts], [[], ["token-2"]])
      })
    )
  )

  it.effect("dies for the key of another provider", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        yield* sessions.open(provider, provider.key)
        const exit = yield* Effect.exit(sessions.open({ ...provider, name: "another" }, provider.key))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      })
    )
  )
})
