import { assert, describe, it } from "@effect/vitest"
import { ServerError } from "@latchkey/core/AuthError"
import { TestProvider } from "@latchkey/testing"
import { DateTime, Duration, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.match(effect, { onSuccess: () => "no failure", onFailure: ({ _tag }) => _tag })

describe("TestProvider", () => {
  it.effect("a login is good, names its account, and lives as long as it was told", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("5 minutes")
      const provider = TestProvider.make({ account: "zoe", life: "10 minutes" })
      const session = yield* provider.login
      assert.strictEqual(session.key.id, provider.key.id)
      assert.strictEqual(session.key.account, "zoe")
      assert.strictEqual(DateTime.toEpochMillis(session.issuedAt), 300_000)
      assert.deepStrictEqual(
        Option.map(Option.fromUndefinedOr(session.expiresAt), DateTime.toEpochMillis),
        Option.some(900_000)
      )
      assert.isTrue(provider.accepts(session))
      assert.isUndefined((yield* TestProvider.make({ life: undefined }).login).expiresAt)
    })
  )

  it.effect("a renewal spends the token, and one that comes back ends the family", () =>
    Effect.gen(function* () {
      const provider = TestProvider.make()
      const first = yield* provider.login
      const second = yield* provider.refresh(first)
      assert.deepStrictEqual([provider.accepts(first), provider.accepts(second)], [false, true])
      assert.strictEqual(yield* tagOf(provider.refresh(first)), "InvalidToken")
      assert.deepStrictEqual(provider.goodTokens(), [])
      assert.strictEqual(yield* tagOf(provider.refresh(second)), "InvalidToken")
      assert.deepStrictEqual([provider.seen.renewals, provider.seen.reuses], [3, 2])
    })
  )

  it.effect("without rotation the old token stays good", () =>
    Effect.gen(function* () {
      const provider = TestProvider.make({ rotates: false })
      const first = yield* provider.login
      const second = yield* provider.refresh(first)
      assert.isFalse(provider.rotates)
      assert.deepStrictEqual([provider.accepts(first), provider.accepts(second)], [true, true])
    })
  )

  it.effect("a renewal fails as it is told to, without a change, and then works", () =>
    Effect.gen(function* () {
      const provider = TestProvider.make()
      const session = yield* provider.login
      provider.failNext(
        new ServerError({ provider: "test", instance: "memory", message: "it is told to", status: 503 })
      )
      assert.strictEqual(yield* tagOf(provider.refresh(session)), "ServerError")
      assert.isTrue(provider.accepts(session))
      assert.strictEqual(yield* tagOf(provider.refresh(session)), "no failure")
    })
  )

  it.effect("the tokens change half way, also where nobody waits for the answer", () =>
    Effect.gen(function* () {
      const provider = TestProvider.make({ latency: Duration.seconds(10) })
      const session = yield* provider.login
      const renewal = yield* Effect.forkChild(provider.refresh(session))
      yield* TestClock.adjust("4 seconds")
      assert.isTrue(provider.accepts(session))
      yield* TestClock.adjust("2 seconds")
      assert.isFalse(provider.accepts(session))
      yield* Fiber.interrupt(renewal)
      assert.strictEqual(provider.goodTokens().length, 1)
    })
  )

  it.effect("a logout ends the token it is given; revokeAll ends every one", () =>
    Effect.gen(function* () {
      const provider = TestProvider.make()
      const [mine, yours] = [yield* provider.login, yield* provider.login]
      assert.strictEqual(yield* provider.logout(mine), "Revoked")
      assert.deepStrictEqual([provider.accepts(mine), provider.accepts(yours)], [false, true])
      assert.strictEqual(provider.seen.logouts.length, 1)
      provider.revokeAll()
      assert.isFalse(provider.accepts(yours))
    })
  )
})
