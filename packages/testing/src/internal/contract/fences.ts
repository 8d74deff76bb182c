/** Fences: whoever slept through its lease cannot write. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type Backing,
  isHeld,
  leased,
  reasonOf,
  refused,
  session,
  someEntry,
  test,
  wholeEntry
} from "./samples.ts"

export const fences = (backing: Backing): void => {
  const { key, passTime, ttl } = backing
  const one = (token: string) => session(backing, key(0), token)

  test(
    backing,
    "a lease that was taken over can be neither extended nor released, and its put is a Conflict",
    (store) =>
      Effect.gen(function* () {
        const start = yield* store.put(one("start"))
        const late = yield* leased(store, key(0), ttl)
        yield* passTime(ttl)
        const owner = yield* leased(store, key(0), ttl)
        assert.strictEqual(yield* reasonOf(late.extend), "Conflict")
        yield* late.release
        assert.isTrue(yield* isHeld(store, key(0)))
        yield* refused(store, "Conflict", store.put(one("late"), { fence: late.fence }))
        const expected = Option.some(start.version)
        yield* refused(store, "Conflict", store.put(one("late"), { fence: late.fence, expected }))
        const put = yield* store.put(one("owner"), { fence: owner.fence, expected })
        assert.deepStrictEqual(someEntry(yield* store.get(key(0))), wholeEntry(put))
      })
  )

  test(backing, "a lease that ran out while nobody asked for it can still be written with", (store) =>
    Effect.gen(function* () {
      const lease = yield* leased(store, key(0), ttl)
      yield* passTime(2 * ttl)
      yield* store.put(one("t"), { fence: lease.fence })
      yield* lease.release
      assert.isTrue(Option.isSome(yield* store.get(key(0))))
    })
  )

  test(
    backing,
    "a fence that was never given out is a Conflict, with a lease on the key and without",
    (store) =>
      Effect.gen(function* () {
        yield* refused(store, "Conflict", store.put(one("t"), { fence: 1 }))
        const lease = yield* leased(store, key(0), ttl)
        yield* refused(store, "Conflict", store.put(one("t"), { fence: lease.fence + 1 }))
        yield* refused(store, "Conflict", store.put(session(backing, key(1), "t"), { fence: lease.fence }))
      })
  )

  test(backing, "fences grow with every lease, over releases, ends and removals", (store) =>
    Effect.gen(function* () {
      const fences: Array<number> = []
      for (let round = 0; round < 4; round++) {
        const lease = yield* leased(store, key(0), ttl)
        fences.push(lease.fence)
        if (round % 2 === 0) yield* lease.release
        yield* store.put(one(`t${round}`))
        yield* store.remove(key(0))
        yield* passTime(ttl)
      }
      assert.deepStrictEqual(
        fences,
        [...new Set(fences)].toSorted((a, b) => a - b)
      )
    })
  )

  test(
    backing,
    "with the right fence and the wrong version a put is a Conflict, so that logout wins",
    (store) =>
      Effect.gen(function* () {
        const { version } = yield* store.put(one("start"))
        const { fence } = yield* leased(store, key(0), ttl)
        assert.isTrue(yield* store.remove(key(0)))
        yield* refused(store, "Conflict", store.put(one("late"), { fence, expected: Option.some(version) }))
        assert.isTrue(Option.isNone(yield* store.get(key(0))))
      })
  )
}
