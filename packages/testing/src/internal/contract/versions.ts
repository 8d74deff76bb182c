/** Versions: a write against what is no longer there is a Conflict. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Backing, reasonOf, refused, session, someEntry, test, wholeEntry } from "./samples.ts"

export const versions = (backing: Backing): void => {
  const { key } = backing
  const one = (token: string) => session(backing, key(0), token)

  test(
    backing,
    "every write has a version of its own, even of the same session, even after a removal",
    (store) =>
      Effect.gen(function* () {
        const seen = new Set<string>()
        for (let round = 0; round < 5; round++) {
          seen.add((yield* store.put(one("same"))).version)
          const again = yield* store.put(one("same"))
          assert.deepStrictEqual(someEntry(yield* store.get(key(0))), wholeEntry(again))
          seen.add(again.version)
          yield* store.remove(key(0))
        }
        assert.strictEqual(seen.size, 10)
      })
  )

  test(
    backing,
    "a put that expects no entry succeeds on a free key and is a Conflict on a taken one",
    (store) =>
      Effect.gen(function* () {
        const put = yield* store.put(one("first"), { expected: Option.none() })
        yield* refused(store, "Conflict", store.put(one("second"), { expected: Option.none() }))
        assert.deepStrictEqual(someEntry(yield* store.get(key(0))), wholeEntry(put))
        yield* store.remove(key(0))
        yield* store.put(one("third"), { expected: Option.none() })
      })
  )

  test(backing, "a put that expects a version succeeds once", (store) =>
    Effect.gen(function* () {
      const first = yield* store.put(one("first"))
      const second = yield* store.put(one("second"), { expected: Option.some(first.version) })
      yield* refused(store, "Conflict", store.put(one("late"), { expected: Option.some(first.version) }))
      assert.deepStrictEqual(someEntry(yield* store.get(key(0))), wholeEntry(second))
    })
  )

  test(
    backing,
    "a put that expects a version is a Conflict where there is no entry, so that logout wins",
    (store) =>
      Effect.gen(function* () {
        const first = yield* store.put(one("first"))
        yield* store.remove(key(0))
        yield* refused(store, "Conflict", store.put(one("late"), { expected: Option.some(first.version) }))
        assert.isTrue(Option.isNone(yield* store.get(key(0))))
        yield* store.put(one("again"))
        yield* refused(store, "Conflict", store.put(one("late"), { expected: Option.some(first.version) }))
      })
  )

  test(backing, "the version of another entry, or one that never was, is a Conflict", (store) =>
    Effect.gen(function* () {
      yield* store.put(one("first"))
      const other = yield* store.put(session(backing, key(1), "other"))
      for (const version of [other.version, "", "no such version", "0", "-1"]) {
        yield* refused(store, "Conflict", store.put(one("late"), { expected: Option.some(version) }))
      }
    })
  )

  test(backing, "a removal that expects a version", (store) =>
    Effect.gen(function* () {
      const first = yield* store.put(one("first"))
      const second = yield* store.put(one("second"))
      yield* refused(store, "Conflict", store.remove(key(0), { expected: first.version }))
      assert.isTrue(yield* store.remove(key(0), { expected: second.version }))
      assert.isFalse(yield* store.remove(key(0), { expected: second.version }))
    })
  )

  test(backing, "of many puts at once that expect the same, one wins", (store) =>
    Effect.gen(function* () {
      const start = yield* store.put(one("start"))
      for (const expected of [Option.some(start.version), Option.none()]) {
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, n) => n),
          (n) => reasonOf(store.put(one(`t${n}`), { expected })),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(outcomes), new Set(["no failure", "Conflict"]))
        const winners = outcomes.flatMap((outcome, n) => (outcome === "no failure" ? [`t${n}`] : []))
        assert.strictEqual(winners.length, 1)
        const held = someEntry(yield* store.get(key(0)))
        assert.strictEqual(held?.session, wholeEntry({ session: one(winners[0] ?? ""), version: "" }).session)
        yield* store.remove(key(0))
      }
    })
  )

  test(backing, "of a put and a removal at once that expect the same, one wins", (store) =>
    Effect.gen(function* () {
      const { version } = yield* store.put(one("start"))
      const outcomes = yield* Effect.all(
        [
          reasonOf(store.put(one("next"), { expected: Option.some(version) })),
          store.remove(key(0), { expected: version }).pipe(Effect.orElseSucceed(() => false))
        ],
        { concurrency: "unbounded" }
      )
      const left = Option.isSome(yield* store.get(key(0)))
      assert.deepStrictEqual(outcomes, left ? ["no failure", false] : ["Conflict", true])
    })
  )

  test(backing, "puts of different keys at once are all there", (store) =>
    Effect.gen(function* () {
      const keys = Array.from({ length: 10 }, (_, n) => key(n))
      yield* Effect.forEach(keys, (each) => store.put(session(backing, each, each.account)), {
        concurrency: "unbounded",
        discard: true
      })
      assert.deepStrictEqual(
        new Set((yield* store.list).map((summary) => summary.key.id)),
        new Set(keys.map((each) => each.id))
      )
    })
  )
}
