/** A month of a session: the number of calls is what arithmetic says, whatever the clock and the network do. */
import { assert, describe, it } from "@effect/vitest"
import { ServerError, SessionRef } from "@latchkey/core"
import { RENEWAL_MARGIN_CAP, RENEWAL_SPREAD } from "@latchkey/core/Provider"
import { TestProvider } from "@latchkey/testing"
import { Clock, DateTime, Duration, Effect, Exit, Fiber, Random, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { provided, sleepyClock, withChance } from "./support/sessions.ts"

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const slow = (name: string, test: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, test, 60_000)

/** What happens at one minute of the month, before the caller asks. */
interface Minute {
  readonly jump?: number
  readonly isAway?: boolean
}

/** A token of one hour; due with the margin of five minutes; what is left of it does not grow by a clock that is set back. */
const expectedCalls = (minutes: ReadonlyArray<Minute>): number => {
  const LIFE = HOUR
  let [calls, age] = [0, 0]
  for (const { isAway = false, jump = 0 } of minutes) {
    age += MINUTE + Math.max(0, jump)
    if (age < LIFE - Duration.toMillis(RENEWAL_MARGIN_CAP)) continue
    // While it fails, the pause is over at the next minute.
    calls++
    if (!isAway) age = 0
  }
  return calls
}

/** Somebody asks once a minute. */
const lived = (minutes: ReadonlyArray<Minute>) =>
  provided(
    Effect.gen(function* () {
      yield* TestClock.setTime(400 * DAY)
      const { clock, jump: jumpBy } = yield* sleepyClock
      const away = new ServerError({ provider: "test", instance: "memory", message: "away", status: 500 })
      return yield* Effect.gen(function* () {
        const base = TestProvider.make()
        let isAway = false
        const provider: TestProvider.TestProvider = {
          ...base,
          refresh: (session) =>
            Effect.suspend(() => {
              if (isAway) base.failNext(away)
              return base.refresh(session)
            })
        }
        const ref = yield* SessionRef.make(provider, yield* base.login)
        let unserved = 0
        for (const minute of minutes) {
          isAway = minute.isAway ?? false
          jumpBy(minute.jump ?? 0)
          yield* TestClock.adjust(MINUTE)
          const exit = yield* Effect.exit(ref.get)
          if (Exit.isFailure(exit)) unserved++
          else {
            // Never one that has ended, nor one that the service does not know.
            const { expiresAt } = exit.value
            assert.isTrue(base.accepts(exit.value))
            assert.isAbove(
              expiresAt === undefined ? 0 : DateTime.toEpochMillis(expiresAt),
              yield* Clock.currentTimeMillis
            )
          }
        }
        return { calls: base.seen.renewals, reuses: base.seen.reuses, unserved }
      }).pipe(Effect.provideService(Clock.Clock, clock))
    })
  ).pipe(withChance(0))

const monthOf = (minute: (n: number) => Minute): ReadonlyArray<Minute> =>
  Array.from({ length: 30 * 24 * 60 }, (_, n) => minute(n))

describe("a month", () => {
  slow("in which nothing happens", () =>
    Effect.gen(function* () {
      const month = monthOf(() => ({}))
      assert.strictEqual(expectedCalls(month), Math.floor((30 * 24 * 60) / 55))
      assert.deepStrictEqual(yield* lived(month), { calls: expectedCalls(month), reuses: 0, unserved: 0 })
    })
  )

  slow("P15: with eight hours of sleep a day, noticed at the first use", () =>
    Effect.gen(function* () {
      const month = monthOf((n) => (n % (16 * 60) === 777 ? { jump: 8 * HOUR } : {}))
      const { calls, reuses, unserved } = yield* lived(month)
      assert.deepStrictEqual(
        { calls, reuses, unserved },
        { calls: expectedCalls(month), reuses: 0, unserved: 0 }
      )
    })
  )

  slow("P15: with a clock that is set back by hours and minutes: neither a loop nor a longer life", () =>
    Effect.gen(function* () {
      const month = monthOf((n) =>
        n % 1_000 === 500 ? { jump: -8 * HOUR } : n % 70 === 30 ? { jump: -5 * MINUTE } : {}
      )
      const { calls, reuses } = yield* lived(month)
      // A minute in which the clock goes back adds nothing to the age; at most one such minute falls into a life.
      assert.isAtMost(calls, expectedCalls(month))
      assert.isAtLeast(calls, expectedCalls(month.map(() => ({}))) * (55 / 57) - 1)
      assert.strictEqual(reuses, 0)
    })
  )

  slow("P16: with a clock that is five minutes fast or slow, and is put right", () =>
    Effect.gen(function* () {
      const month = monthOf((n) =>
        n % 2_000 === 100 ? { jump: 5 * MINUTE } : n % 2_000 === 1_100 ? { jump: -5 * MINUTE } : {}
      )
      const { calls, reuses } = yield* lived(month)
      assert.isAtMost(Math.abs(calls - expectedCalls(month)), 30)
      assert.strictEqual(reuses, 0)
    })
  )

  slow(
    "P08, P14: with an outage of three hours a day: one call a minute while it lasts, and then all is well",
    () =>
      Effect.gen(function* () {
        const month = monthOf((n) => ({ isAway: n % (24 * 60) >= 600 && n % (24 * 60) < 780 }))
        const { calls, reuses, unserved } = yield* lived(month)
        assert.deepStrictEqual({ calls, reuses }, { calls: expectedCalls(month), reuses: 0 })
        assert.isAtMost(unserved, 30 * 180)
        assert.isAtLeast(unserved, 30 * (180 - 60))
      })
  )
})

slow("P19: a service that says no for a day is asked no more often than the pauses allow", () =>
  provided(
    Effect.gen(function* () {
      const provider = TestProvider.make()
      const ref = yield* SessionRef.make(provider, yield* provider.login)
      const no = new ServerError({ provider: "test", instance: "memory", message: "no", status: 403 })
      provider.failNext(...Array.from({ length: 10_000 }, () => no))
      yield* TestClock.adjust("1 hour")
      const asking = yield* Effect.forkChild(
        Effect.forever(Effect.andThen(Effect.exit(ref.get), Effect.sleep("1 second")))
      )
      yield* TestClock.adjust("1 day")
      yield* Fiber.interrupt(asking)
      // Six pauses until they are a minute long; then one a minute, or up to a tenth and a second later.
      assert.isAtMost(provider.seen.renewals, 24 * 60 + 7)
      assert.isAtLeast(provider.seen.renewals, Math.floor((24 * 3600) / 67))
    })
  )
)

slow("a thousand that were born together are never renewed together", () =>
  provided(
    Effect.gen(function* () {
      const begun = yield* Clock.currentTimeMillis
      const seconds = new Map<number, number>()
      for (let n = 0; n < 1_000; n++) {
        const provider = TestProvider.make({ account: `account-${n}` })
        const ref = yield* SessionRef.make(provider, yield* provider.login)
        yield* ref.keepAlive
        yield* Effect.forkScoped(
          Stream.runForEach(ref.changes, () =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              const second = Math.floor((now - begun) / 1_000)
              seconds.set(second, (seconds.get(second) ?? 0) + 1)
            })
          )
        )
      }
      const margin = Duration.toMillis(RENEWAL_MARGIN_CAP)
      const [first, last] = [HOUR - margin * (1 + RENEWAL_SPREAD), HOUR - margin]
      yield* TestClock.adjust(first - 1)
      assert.strictEqual(seconds.size, 0)
      for (let now = first; now <= last; now += 1_000) yield* TestClock.adjust(1_000)
      yield* TestClock.adjust(1)
      assert.strictEqual(
        [...seconds.values()].reduce((a, b) => a + b, 0),
        1_000
      )
      // On average it is seven in a second.
      assert.isAtMost(Math.max(...seconds.values()), 35)
    })
  ).pipe(Random.withSeed("born together"))
)
