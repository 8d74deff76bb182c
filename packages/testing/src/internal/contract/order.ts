/** The order in which keys were first put. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Backing, idsOf, session, someEntry, test, wholeEntry } from "./samples.ts"

export const order = (backing: Backing): void => {
  const { key } = backing

  test(
    backing,
    "entries are listed in the order in which their keys were first put, and find takes the first",
    (store) =>
      Effect.gen(function* () {
        const order = [5, 3, 9, 0, 1].map(key)
        for (const one of order) yield* store.put(session(backing, one, "t"))
        assert.deepStrictEqual(
          idsOf(yield* store.list),
          order.map((one) => one.id)
        )
        assert.strictEqual(Option.getOrThrow(yield* store.find({})).session.key.id, key(5).id)
        assert.strictEqual(
          Option.getOrThrow(yield* store.find({ instance: key(0).instance })).session.key.id,
          key(0).id
        )
      })
  )

  test(backing, "an updated entry keeps its place", (store) =>
    Effect.gen(function* () {
      for (const n of [2, 1, 0]) yield* store.put(session(backing, key(n), "old"))
      const entry = yield* store.put(session(backing, key(2), "new"))
      yield* store.put(session(backing, key(1), "new"), { expected: Option.none() }).pipe(Effect.ignore)
      assert.deepStrictEqual(
        idsOf(yield* store.list),
        [2, 1, 0].map((n) => key(n).id)
      )
      assert.deepStrictEqual(someEntry(yield* store.find({})), wholeEntry(entry))
    })
  )

  test(backing, "an entry that was removed and put again comes last", (store) =>
    Effect.gen(function* () {
      for (const n of [0, 1, 2]) yield* store.put(session(backing, key(n), "old"))
      yield* store.remove(key(2))
      yield* store.put(session(backing, key(2), "new"))
      yield* store.remove(key(0))
      yield* store.put(session(backing, key(0), "new"))
      assert.deepStrictEqual(
        idsOf(yield* store.list),
        [1, 2, 0].map((n) => key(n).id)
      )
    })
  )
}
