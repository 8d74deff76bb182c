/** Marks: what a holder leaves on a key for whoever is given it next. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Backing, isHeld, leased, reasonOf, session, test } from "./samples.ts"

export const marks = (backing: Backing): void => {
  const { key, passTime, ttl } = backing
  const next = Effect.fnUntraced(function* (store: Parameters<typeof leased>[0], n = 0) {
    const lease = yield* leased(store, key(n), ttl)
    yield* lease.release
    return Option.getOrNull(lease.marked)
  })

  test(backing, "a key that nobody has marked has no mark", (store) =>
    Effect.gen(function* () {
      assert.isNull(yield* next(store))
      yield* store.put(session(backing, key(0), "t"))
      assert.isNull(yield* next(store))
    })
  )

  test(
    backing,
    "a mark is seen by every later holder of that key, until it is replaced or taken back",
    (store) =>
      Effect.gen(function* () {
        const first = yield* leased(store, key(0), ttl)
        yield* first.mark(Option.some("v1"))
        // Of its holder's own marks a lease knows nothing.
        assert.isTrue(Option.isNone(first.marked))
        yield* first.release
        assert.strictEqual(yield* next(store), "v1")
        assert.strictEqual(yield* next(store), "v1")
        assert.isNull(yield* next(store, 1))
        const second = yield* leased(store, key(0), ttl)
        yield* second.mark(Option.some("v2 of any form: '\"\\ ü"))
        yield* second.release
        assert.strictEqual(yield* next(store), "v2 of any form: '\"\\ ü")
        const third = yield* leased(store, key(0), ttl)
        yield* third.mark(Option.none())
        yield* third.release
        assert.isNull(yield* next(store))
      })
  )

  test(
    backing,
    "a mark is there after its holder's time is over, and puts and removals leave it alone",
    (store) =>
      Effect.gen(function* () {
        const { version } = yield* store.put(session(backing, key(0), "t"))
        const lease = yield* leased(store, key(0), ttl)
        yield* lease.mark(Option.some(version))
        yield* store.put(session(backing, key(0), "u"), { fence: lease.fence })
        yield* store.remove(key(0))
        yield* passTime(ttl)
        assert.strictEqual(yield* next(store), version)
      })
  )

  test(backing, "marking starts the lease's time anew", (store) =>
    Effect.gen(function* () {
      const lease = yield* leased(store, key(0), ttl)
      yield* passTime(ttl / 2)
      yield* lease.mark(Option.some("v"))
      yield* passTime(ttl / 2)
      assert.isTrue(yield* isHeld(store, key(0)))
      yield* passTime(ttl / 2)
      assert.isFalse(yield* isHeld(store, key(0)))
    })
  )

  test(backing, "whoever lost its lease leaves no mark and takes none back", (store) =>
    Effect.gen(function* () {
      const late = yield* leased(store, key(0), ttl)
      yield* passTime(ttl)
      const owner = yield* leased(store, key(0), ttl)
      assert.strictEqual(yield* reasonOf(late.mark(Option.some("late"))), "Conflict")
      yield* owner.mark(Option.some("owner"))
      assert.strictEqual(yield* reasonOf(late.mark(Option.none())), "Conflict")
      yield* owner.release
      assert.strictEqual(yield* reasonOf(owner.mark(Option.none())), "Conflict")
      assert.strictEqual(yield* next(store), "owner")
    })
  )

  if (backing.lacks("durability")) return

  test(backing, "a mark is seen in every store on the place, now and later", (_, open) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const [store, other] = [yield* open, yield* open]
          const lease = yield* leased(store, key(0), ttl)
          yield* lease.mark(Option.some("v"))
          yield* lease.release
          assert.strictEqual(yield* next(other), "v")
        })
      )
      assert.strictEqual(yield* next(yield* open), "v")
    })
  )
}
