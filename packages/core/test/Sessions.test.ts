import { assert, describe, it } from "@effect/vitest"
import {
  InvalidLogin,
  ServerError,
  type Session,
  Sessions,
  SessionStore,
  TemporarilyLockedOut
} from "@latchkey/core"
import * as TestProvider from "@latchkey/testing/TestProvider"
import { Duration, Effect, Fiber, Layer, Metric, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { away, layer, lockOut, provided, refusal } from "./support/logins.ts"

/** On a store of its own. */
const stack = () => Sessions.layer.pipe(Layer.provideMerge(Layer.fresh(SessionStore.layerMemory)))

/** A login that counts its calls and answers what it is told to. */
const scriptedLogin = (provider: TestProvider.TestProvider) => {
  const seen = { calls: 0 }
  const script: Array<InvalidLogin | TemporarilyLockedOut | ServerError> = []
  const login = Effect.suspend(() => {
    seen.calls++
    return Effect.andThen(
      Effect.sleep("10 millis"),
      Effect.suspend((): Effect.Effect<Session, InvalidLogin | TemporarilyLockedOut | ServerError> => {
        const error = script.shift()
        return error ?? provider.login
      })
    )
  })
  return { seen, script, login }
}

const done = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  yield* TestClock.adjust("10 millis")
  return yield* Fiber.join(fiber)
})

const right = Redacted.make("correct horse")
const wrong = Redacted.make("wrong horse")

describe("Sessions", () => {
  it.effect("a session that was won elsewhere is saved, and is the one that is opened from then on", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const store = yield* SessionStore
        const provider = TestProvider.make()
        const session = yield* provider.login
        const live = yield* sessions.adopt(provider, session)
        assert.strictEqual(yield* live.get, session)
        assert.isTrue(Option.isSome(yield* store.get(provider.key)))
        assert.strictEqual(yield* sessions.open(provider, provider.key), live)
        const next = yield* provider.login
        assert.strictEqual(yield* sessions.adopt(provider, next), live)
        assert.strictEqual(yield* live.get, next)
      })
    )
  )

  it.effect("signs in, saves, and keeps the session valid", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const store = yield* SessionStore
        const provider = TestProvider.make()
        const { login } = scriptedLogin(provider)
        const ref = yield* done(sessions.signIn(provider, { account: "ada", secret: right, login }))
        assert.isTrue(Option.isSome(yield* store.get(provider.key)))
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(Redacted.value(yield* ref.token), "token-2")
      })
    )
  )

  it.effect("P36: one session per key, whoever opens it, and one renewal", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make({ latency: "10 millis" })
        const { login } = scriptedLogin(provider)
        const one = yield* done(sessions.signIn(provider, { account: "ada", secret: right, login }))
        const other = yield* sessions.open({ ...provider }, provider.key)
        assert.strictEqual(one, other)
        yield* TestClock.adjust("1 hour")
        yield* done(Effect.all([one.get, other.get], { concurrency: "unbounded" }))
        assert.strictEqual(provider.seen.renewals, 1)
      })
    )
  )

  it.effect("two layers on two stores keep their sessions apart", () =>
    Effect.gen(function* () {
      const provider = TestProvider.make()
      const signIn = Effect.gen(function* () {
        const sessions = yield* Sessions
        const secret = Redacted.make("right")
        yield* sessions.signIn(provider, { account: "ada", secret, login: provider.login })
        return (yield* (yield* SessionStore).list).length
      })
      const none = Effect.flatMap(SessionStore, ({ list }) => Effect.map(list, ({ length }) => length))
      const counts = Effect.all([Effect.provide(signIn, stack()), none])
      assert.deepStrictEqual(yield* Effect.provide(counts, stack()), [1, 0])
    })
  )

  it.effect("P36: the layer named twice is one registry", () =>
    Effect.gen(function* () {
      const again = Sessions.pipe(Effect.provide(layer))
      assert.strictEqual(yield* again, yield* Sessions)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a session goes on over the connection that was named last", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        yield* (yield* sessions.open({ ...provider, refresh: () => away }, provider.key)).adopt(
          yield* provider.login
        )
        const ref = yield* sessions.open(provider, provider.key)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(Redacted.value(yield* ref.token), "token-2")
      })
    )
  )

  it.effect("promise 13: a refused secret is not sent again by anybody until told so", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, script, seen } = scriptedLogin(provider)
        script.push(refusal, refusal)
        const signIn = (secret: Redacted.Redacted<string>, again = false) =>
          done(sessions.signIn(provider, { account: "ada", secret, login, again }))
        assert.strictEqual((yield* Effect.flip(signIn(wrong)))._tag, "InvalidLogin")
        assert.strictEqual((yield* Effect.flip(signIn(Redacted.make("wrong horse"))))._tag, "InvalidLogin")
        assert.strictEqual(seen.calls, 1)
        assert.strictEqual((yield* Effect.flip(signIn(wrong, true)))._tag, "InvalidLogin")
        assert.strictEqual(seen.calls, 2)
        yield* signIn(right)
        assert.strictEqual((yield* Effect.flip(signIn(wrong)))._tag, "InvalidLogin")
        assert.strictEqual(seen.calls, 3)
      })
    )
  )

  it.effect("P11: 100 callers with the same wrong password make one attempt", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, script, seen } = scriptedLogin(provider)
        script.push(refusal)
        const one = Effect.flip(sessions.signIn(provider, { account: "ada", secret: wrong, login }))
        const errors = yield* done(
          Effect.all(
            Array.from({ length: 100 }, () => one),
            { concurrency: "unbounded" }
          )
        )
        assert.isTrue(errors.every((error) => error._tag === "InvalidLogin"))
        assert.strictEqual(seen.calls, 1)
      })
    )
  )

  it.effect("callers with the same right password share one login", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, seen } = scriptedLogin(provider)
        const one = sessions.signIn(provider, { account: "ada", secret: right, login })
        const refs = yield* done(
          Effect.all(
            Array.from({ length: 100 }, () => one),
            { concurrency: "unbounded" }
          )
        )
        assert.strictEqual(new Set(refs).size, 1)
        assert.strictEqual(seen.calls, 1)
      })
    )
  )

  it.effect("a caller that is interrupted leaves the attempt to the next one", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, seen } = scriptedLogin(provider)
        const one = sessions.signIn(provider, { account: "ada", secret: right, login })
        const first = yield* Effect.forkChild(one)
        yield* TestClock.adjust("5 millis")
        const second = yield* Effect.forkChild(one)
        yield* TestClock.adjust("1 millis")
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(second)
        assert.strictEqual(seen.calls, 2)
      })
    )
  )

  it.effect("P11: during a lock-out nobody calls, with whatever secret, until the window ends", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, script, seen } = scriptedLogin(provider)
        script.push(lockOut)
        const signIn = (secret: Redacted.Redacted<string>, account = "ada") =>
          done(sessions.signIn(provider, { account, secret, login }))
        yield* Effect.flip(signIn(wrong))
        yield* TestClock.adjust("30 seconds")
        const error = yield* Effect.flip(signIn(right))
        assert.strictEqual(error._tag, "TemporarilyLockedOut")
        assert.isTrue(error._tag === "TemporarilyLockedOut" && Duration.toMillis(error.retryAfter) <= 30_000)
        assert.strictEqual(seen.calls, 1)
        yield* signIn(right, "grace")
        assert.strictEqual(seen.calls, 2)
        yield* TestClock.adjust("30 seconds")
        yield* signIn(right)
        assert.strictEqual(seen.calls, 3)
      })
    )
  )

  it.effect("a failure that is no refusal is forgotten at once", () =>
    provided(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const provider = TestProvider.make()
        const { login, script } = scriptedLogin(provider)
        script.push(away)
        const one = done(sessions.signIn(provider, { account: "ada", secret: right, login }))
        assert.strictEqual((yield* Effect.flip(one))._tag, "ServerError")
        yield* one
      })
    )
  )

  it.effect(
    "logins, renewals and waiters are counted by provider, and by nothing that names an account",
    () =>
      provided(
        Effect.gen(function* () {
          const sessions = yield* Sessions
          const provider = TestProvider.make({ account: "nobody's business", latency: "10 millis" })
          const { login } = scriptedLogin(provider)
          const ref = yield* done(
            sessions.signIn(provider, { account: "nobody's business", secret: right, login })
          )
          yield* TestClock.adjust("1 hour")
          yield* done(Effect.all([ref.get, ref.get, ref.get], { concurrency: "unbounded" }))
          const metrics = yield* Metric.snapshot
          const counted = metrics.filter(({ id }) => id.startsWith("latchkey_"))
          assert.sameMembers(
            [...new Set(counted.map(({ id }) => id))],
            [
              "latchkey_logins_total",
              "latchkey_renewals_total",
              "latchkey_renewal_waiters_total",
              "latchkey_renewal_duration"
            ]
          )
          assert.notInclude(JSON.stringify(counted.map(({ attributes }) => attributes)), "nobody")
        })
      ).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
