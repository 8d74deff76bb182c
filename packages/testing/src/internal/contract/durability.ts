/** What one process writes, the next one finds, and two at once keep out of each other's way. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type Backing,
  everything,
  isHeld,
  leased,
  reasonOf,
  refused,
  session,
  someEntry,
  type Store,
  test,
  whole,
  wholeEntry
} from "./samples.ts"

export const durability = (backing: Backing): void => {
  const { key, passTime, ttl } = backing
  const one = (token: string) => session(backing, key(0), token)

  test(backing, "a store opened later holds what was put, in order, with the same versions", (_, open) =>
    Effect.gen(function* () {
      const before = yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open
          for (const n of [3, 1, 2]) yield* store.put(session(backing, key(n), `t${n}`))
          yield* store.remove(key(1))
          return yield* everything(store)
        })
      )
      assert.strictEqual(before.length, 2)
      assert.deepStrictEqual(yield* everything(yield* open), before)
    })
  )

  test(backing, "a version is good in every store on the place, and stale in every one", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      const first = yield* store.put(one("first"))
      assert.deepStrictEqual(someEntry(yield* other.get(key(0))), wholeEntry(first))
      yield* other.put(one("second"), { expected: Option.some(first.version) })
      yield* refused(store, "Conflict", store.put(one("late"), { expected: Option.some(first.version) }))
      yield* refused(store, "Conflict", store.remove(key(0), { expected: first.version }))
      assert.isTrue(yield* other.remove(key(0)))
      assert.isTrue(Option.isNone(yield* store.get(key(0))))
      yield* refused(store, "Conflict", store.put(one("late"), { expected: Option.some(first.version) }))
    })
  )

  test(backing, "of many puts at once from two stores that expect the same, one wins", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      const { version } = yield* store.put(one("start"))
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, n) => n),
        (n) => reasonOf((n % 2 === 0 ? store : other).put(one(`t${n}`), { expected: Option.some(version) })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(outcomes.filter((outcome) => outcome === "no failure").length, 1)
    })
  )

  test(
    backing,
    "what a put returned is what the store holds, also while others are refused or remove another entry",
    (store, open) =>
      Effect.gen(function* () {
        const rivals = [yield* open, yield* open]
        let { version } = yield* store.put(one("t0"))
        const chain = Effect.gen(function* () {
          for (let n = 1; n <= 30; n++) {
            const entry = yield* store.put(one(`t${n}`), { expected: Option.some(version) })
            version = entry.version
            yield* Effect.yieldNow
          }
        })
        const disturb = (rival: Store) =>
          Effect.gen(function* () {
            yield* reasonOf(rival.put(one("stale"), { expected: Option.some("stale") }))
            yield* reasonOf(rival.remove(key(0), { expected: "stale" }))
            yield* Effect.yieldNow
          }).pipe(Effect.forever)
        yield* Effect.raceFirst(
          chain,
          Effect.forEach(rivals, disturb, { concurrency: "unbounded", discard: true })
        )
        assert.deepStrictEqual(someEntry(yield* store.get(key(0))), {
          session: whole(one("t30")),
          version
        })
      })
  )

  test(backing, "a lease excludes the others on the place until it is released", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      const lease = yield* leased(store, key(0), ttl)
      assert.isTrue(yield* isHeld(other, key(0)))
      yield* lease.release
      const next = yield* leased(other, key(0), ttl)
      assert.isAbove(next.fence, lease.fence)
      yield* refused(store, "Conflict", store.put(one("late"), { fence: lease.fence }))
      assert.strictEqual(yield* reasonOf(lease.extend), "Conflict")
    })
  )

  test(backing, "a lease whose holder is gone ends with its time, and the next fence is higher", (_, open) =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(Effect.flatMap(open, (store) => leased(store, key(0), ttl)))
      const store = yield* open
      assert.isTrue(yield* isHeld(store, key(0)))
      yield* passTime(ttl)
      const lease = yield* leased(store, key(0), ttl)
      assert.isAbove(lease.fence, gone.fence)
      yield* refused(store, "Conflict", store.put(one("late"), { fence: gone.fence }))
      yield* store.put(one("t"), { fence: lease.fence })
    })
  )

  test(backing, "versions do not repeat when the store is opened again", (_, open) =>
    Effect.gen(function* () {
      const session = Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open
          const { version } = yield* store.put(one("same"))
          yield* store.remove(key(0))
          return version
        })
      )
      const seen = yield* Effect.all([session, session, session])
      assert.strictEqual(new Set(seen).size, 3)
    })
  )
}
