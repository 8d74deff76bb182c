/** Leases: exclusive, ending by themselves, and fenced. */
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import { type Backing, isHeld, leased, reasonOf, session, test } from "./samples.ts"

export const leases = (backing: Backing): void => {
  const { key, passTime, ttl } = backing
  const one = (token: string) => session(backing, key(0), token)

  test(
    backing,
    "a key is leased to one at a time, whether it has an entry or not, and to each key its own",
    (store) =>
      Effect.gen(function* () {
        yield* leased(store, key(0), ttl)
        assert.isTrue(Option.isNone(yield* store.lease(key(0), ttl)))
        yield* store.put(one("t"))
        assert.isTrue(Option.isNone(yield* store.lease(key(0), ttl)))
        yield* leased(store, key(1), ttl)
        assert.deepStrictEqual((yield* store.list).length, 1)
      })
  )

  test(backing, "of many that ask at once, one is given the lease", (store) =>
    Effect.gen(function* () {
      const given = yield* Effect.all(
        Array.from({ length: 20 }, () => store.lease(key(0), ttl)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(given.filter(Option.isSome).length, 1)
    })
  )

  test(backing, "a lease ends by itself when its time is over", (store) =>
    Effect.gen(function* () {
      yield* leased(store, key(0), ttl)
      yield* passTime(ttl / 2)
      assert.isTrue(Option.isNone(yield* store.lease(key(0), ttl)))
      yield* passTime(ttl / 2)
      yield* leased(store, key(0), ttl)
    })
  )

  test(backing, "a lease without an end is one", (store) =>
    Effect.gen(function* () {
      const lease = yield* leased(store, key(0), Duration.infinity)
      yield* passTime(2 * ttl)
      assert.isTrue(yield* isHeld(store, key(0)))
      yield* lease.extend
      yield* lease.release
      assert.isFalse(yield* isHeld(store, key(0)))
    })
  )

  test(backing, "extend starts the time anew, also of a lease that ran out while nobody asked", (store) =>
    Effect.gen(function* () {
      const lease = yield* leased(store, key(0), ttl)
      for (const pause of [ttl / 2, ttl, 3 * ttl]) {
        yield* passTime(pause)
        yield* lease.extend
        yield* passTime(ttl / 2)
        assert.isTrue(yield* isHeld(store, key(0)))
      }
      yield* passTime(ttl / 2)
      assert.isFalse(yield* isHeld(store, key(0)))
    })
  )

  test(backing, "a released key is free at once, and the lease cannot be extended back to life", (store) =>
    Effect.gen(function* () {
      const lease = yield* leased(store, key(0), ttl)
      yield* lease.release
      assert.strictEqual(yield* reasonOf(lease.extend), "Conflict")
      const next = yield* leased(store, key(0), ttl)
      yield* next.release
      yield* next.release
      assert.isFalse(yield* isHeld(store, key(0)))
    })
  )

  test(
    backing,
    "a lease keeps nobody from reading, writing or removing the entry, and outlives it",
    (store) =>
      Effect.gen(function* () {
        yield* leased(store, key(0), ttl)
        const { version } = yield* store.put(one("t"))
        yield* store.put(one("u"), { expected: Option.some(version) })
        assert.isTrue(yield* store.remove(key(0)))
        assert.isTrue(yield* isHeld(store, key(0)))
      })
  )

  if (!backing.exact) return

  test(backing, "a lease holds until the last millisecond of its time, and not one more", (store) =>
    Effect.gen(function* () {
      yield* leased(store, key(0), ttl)
      yield* passTime(ttl - 1)
      assert.isTrue(yield* isHeld(store, key(0)))
      yield* passTime(1)
      assert.isFalse(yield* isHeld(store, key(0)))
    })
  )

  test(
    backing,
    "a clock that is set back a little ends no lease, and set back far keeps no key for ever",
    (store) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_000_000_000)
        yield* leased(store, key(0), ttl)
        yield* TestClock.setTime(1_000_000_000 - ttl / 2)
        assert.isTrue(yield* isHeld(store, key(0)))
        yield* TestClock.setTime(0)
        assert.isFalse(yield* isHeld(store, key(0)))
      })
  )
}
