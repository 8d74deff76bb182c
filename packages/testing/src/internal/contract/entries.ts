/** Entries: found again, listed, replaced, removed. */
import { SessionKey } from "@latchkey/core/SessionKey"
import { matches, type Query, summarize, type Summary } from "@latchkey/core/SessionStore"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Canary from "../../Canary.ts"
import { type Backing, idsOf, session, someEntry, test, wholeEntry } from "./samples.ts"

const byId = (a: Summary, b: Summary) => (a.key.id < b.key.id ? -1 : 1)

export const entries = (backing: Backing): void => {
  const { key } = backing

  test(backing, "an empty store has nothing to get, find, list or remove", (store) =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* store.get(key(0))))
      assert.isTrue(Option.isNone(yield* store.find({})))
      assert.isTrue(Option.isNone(yield* store.find({ provider: key(0).provider })))
      assert.deepStrictEqual(yield* store.list, [])
      assert.isFalse(yield* store.remove(key(0)))
    })
  )

  test(backing, "what was put is got and found again, with the version that put told", (store) =>
    Effect.gen(function* () {
      const put = yield* store.put(session(backing, key(0), "t0"))
      assert.deepStrictEqual(
        wholeEntry(put).session,
        wholeEntry({ ...put, session: session(backing, key(0), "t0") }).session
      )
      assert.deepStrictEqual(someEntry(yield* store.get(key(0))), wholeEntry(put))
      assert.deepStrictEqual(someEntry(yield* store.find({})), wholeEntry(put))
    })
  )

  test(backing, "another put replaces the entry", (store) =>
    Effect.gen(function* () {
      yield* store.put(session(backing, key(0), "old"))
      const put = yield* store.put(session(backing, key(0), "new", 1_700_000_100_001))
      assert.deepStrictEqual(someEntry(yield* store.get(key(0))), wholeEntry(put))
      assert.deepStrictEqual(yield* store.list, [summarize(put.session)])
    })
  )

  test(backing, "keys that differ in one part have an entry each", (store) =>
    Effect.gen(function* () {
      const { provider, instance, account } = key(0)
      const neighbours = [
        key(0),
        new SessionKey({ provider, instance, account: key(1).account }),
        new SessionKey({ provider, instance: key(1).instance, account }),
        ...(backing.lacks("anyProvider")
          ? []
          : [new SessionKey({ provider: `${provider}2`, instance, account })])
      ]
      for (const [n, one] of neighbours.entries()) yield* store.put(session(backing, one, `t${n}`))
      for (const [n, one] of neighbours.entries()) {
        const expected = session(backing, one, `t${n}`)
        assert.deepStrictEqual(
          someEntry(yield* store.get(one))?.session,
          wholeEntry({ session: expected, version: "" }).session
        )
      }
      assert.strictEqual((yield* store.list).length, neighbours.length)
    })
  )

  test(backing, "find takes any part of the key, and a part left out matches anything", (store) =>
    Effect.gen(function* () {
      const keys = [key(0), key(1), key(2), key(3)]
      for (const one of keys) yield* store.put(session(backing, one, one.account))
      const { provider, instance, account } = key(3)
      const queries: ReadonlyArray<Query> = [
        {},
        { provider },
        { instance },
        { account },
        { provider, instance },
        { instance, account },
        { provider, account },
        { provider, instance, account }
      ]
      const listed = (yield* store.list).map((summary) => summary.key)
      for (const query of queries) {
        const found = yield* store.find(query)
        const first = listed.find((one) => matches(one, query))
        assert.strictEqual(Option.getOrThrow(found).session.key.id, first?.id)
      }
      assert.isTrue(Option.isNone(yield* store.find({ provider, instance: key(0).instance, account })))
      assert.isTrue(Option.isNone(yield* store.find({ account: "nobody" })))
      assert.isTrue(Option.isNone(yield* store.find({ account: account.toUpperCase() })))
    })
  )

  test(backing, "list shows key, issue and expiry of every entry, and no secret", (store) =>
    Effect.gen(function* () {
      const canary = Canary.make("listed")
      const sessions = [0, 1, 2].map((n) =>
        session(backing, key(n), `${canary.secret}${n}`, 1_700_000_000_000 + n)
      )
      for (const one of sessions) yield* store.put(one)
      const list = yield* store.list
      assert.deepStrictEqual(list.toSorted(byId), sessions.map(summarize).toSorted(byId))
      Canary.assertAbsent([canary], list)
      assert.deepStrictEqual(Object.keys(list[0] ?? {}).toSorted(), ["expiresAt", "issuedAt", "key"])
    })
  )

  test(backing, "a removed entry is gone, and the others stay", (store) =>
    Effect.gen(function* () {
      yield* store.put(session(backing, key(0), "t0"))
      const stays = yield* store.put(session(backing, key(1), "t1"))
      assert.isTrue(yield* store.remove(key(0)))
      assert.isFalse(yield* store.remove(key(0)))
      assert.isTrue(Option.isNone(yield* store.get(key(0))))
      assert.isTrue(Option.isNone(yield* store.find({ account: key(0).account })))
      assert.deepStrictEqual(idsOf(yield* store.list), [key(1).id])
      assert.deepStrictEqual(someEntry(yield* store.get(key(1))), wholeEntry(stays))
    })
  )
}
