import type { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import { type Lease, SessionStore } from "@latchkey/core/SessionStore"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { Canary, SessionStoreContract } from "@latchkey/testing"
import { Context, Duration, Effect, Exit, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { findPostgres } from "./postgresServer.ts"
import { clientOf, countOf, layerOn, onPostgres, placesOn, until } from "./postgresStores.ts"
import { key, reasonOf, session, tokenOf } from "./support.ts"

const timers = () => process.getActiveResourcesInfo().filter((it) => it === "Timeout").length

await onPostgres("a store", findPostgres, (server) => {
  const { ask, opened, schemaOf } = placesOn(server)

  // Time passes for leases alone, and for them at once: what is left of each is less by as much. So a slow machine ends none too early.
  let place = ""
  const passTime = (duration: Duration.Duration) =>
    Effect.asVoid(
      ask(`update "${place}".sessions set held_until = held_until - $1::float8 * interval '1 millisecond'`, [
        String(Duration.toMillis(duration))
      ])
    )
  SessionStoreContract.suite(
    "PostgresSessionStore",
    Effect.map(schemaOf, (schema) => {
      place = schema
      return layerOn(server, { schema })
    }),
    { lacks: ["nul"], passTime, ttl: 60_000 }
  )

  describe("the clock of the server", () => {
    it.live("a lease really ends when its time is over, and extending and marking really start it anew", () =>
      Effect.gen(function* () {
        const { store } = yield* opened()
        const take = Effect.map(store.lease(key("ops"), "150 millis"), Option.getOrUndefined)
        let lease: Lease | undefined
        for (const renew of [(it: Lease) => it.extend, (it: Lease) => it.mark(Option.some("v"))]) {
          yield* until(
            Effect.map(take, (taken) => {
              lease = taken
              return taken !== undefined
            })
          )
          if (lease === undefined) return assert.fail("no lease was given")
          yield* Effect.sleep("200 millis")
          yield* renew(lease)
          yield* lease.release
        }
        const [began] = [Date.now(), yield* take]
        yield* until(Effect.map(take, (taken) => taken !== undefined))
        assert.isAtLeast(Date.now() - began, 140)
      })
    )

    it.live("a lease from before the clock was set back keeps nobody out for ever", () =>
      Effect.gen(function* () {
        const { schema, store } = yield* opened()
        yield* store.lease(key("ops"), "1 minute")
        const setBack = (by: string) =>
          ask(`update "${schema}".sessions set held_until = held_until + interval '${by}'`)
        yield* setBack("50 seconds")
        assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "1 minute")))
        yield* setBack("20 seconds")
        assert.isTrue(Option.isSome(yield* store.lease(key("ops"), "1 minute")))
      })
    )
  })

  describe("an entry that cannot be read", () => {
    const damages: Record<string, string> = {
      "no line of ours": "line = '{}'",
      "half a line": "line = substr(line, 1, 40)",
      "a line of a later format": `line = replace(line, '"v":1', '"v":2')`,
      "somebody else's line": "line = (select line from sessions where account = 'good')"
    }
    for (const [name, damage] of Object.entries(damages)) {
      it.live(`${name} is a CorruptEntry, is listed, hides no other, and can be replaced or removed`, () =>
        Effect.gen(function* () {
          const { schema, store } = yield* opened()
          const { version } = yield* store.put(session("bad", "b"))
          yield* store.put(session("good", "g"))
          const sql = `update ${schema}.sessions set ${damage.replace("from ", `from ${schema}.`)} where account = 'bad'`
          yield* ask(sql)
          assert.strictEqual(yield* reasonOf(store.get(key("bad"))), "CorruptEntry")
          assert.strictEqual(yield* reasonOf(store.find({ ...key("bad") })), "CorruptEntry")
          assert.strictEqual(yield* reasonOf(store.find({})), "CorruptEntry")
          assert.isTrue(Option.isSome(yield* store.get(key("good"))))
          assert.isTrue(Option.isSome(yield* store.find({ account: "good" })))
          assert.deepStrictEqual(
            (yield* store.list).map((one) => one.key.account),
            ["bad", "good"]
          )
          for (const expected of [Option.none(), Option.some("x")]) {
            assert.strictEqual(yield* reasonOf(store.put(session("bad", "n"), { expected })), "Conflict")
          }
          assert.strictEqual(yield* reasonOf(store.get(key("bad"))), "CorruptEntry")
          yield* store.put(session("bad", "n"), { expected: Option.some(version) })
          assert.isTrue(Option.isSome(yield* store.get(key("bad"))))
          yield* ask(sql)
          yield* store.put(session("bad", "m"))
          assert.isTrue(yield* store.remove(key("bad")))
        })
      )
    }

    const unshowable: Record<string, string> = {
      "a time of issue beyond any": "issued_at = 9223372036854775807",
      "an expiry beyond any": "expires_at = 8640000000000001",
      "no account": "account = ''"
    }
    for (const [name, damage] of Object.entries(unshowable)) {
      it.live(`one with ${name} is left out of the list with a warning, and hides no other`, () =>
        Effect.gen(function* () {
          const { schema, store } = yield* opened()
          yield* store.put(session("bad", "b"))
          yield* store.put(session("good", "g"))
          yield* ask(`update ${schema}.sessions set ${damage} where account = 'bad'`)
          assert.deepStrictEqual(
            (yield* store.list).map((one) => one.key.account),
            ["good"]
          )
          const logged = yield* (yield* Canary.Captured).everything
          assert.isTrue(logged.some(({ where, text }) => where === "log" && text.includes(schema)))
          yield* store.put(session("bad", "n"))
          assert.isTrue(Option.isSome(yield* store.get(key("bad"))))
          assert.strictEqual((yield* store.list).length, 2)
        }).pipe(Effect.provide(Canary.capture))
      )
    }

    it.live("one whose names were changed is a CorruptEntry to who knows it, and to who finds it", () =>
      Effect.gen(function* () {
        const { schema, store } = yield* opened()
        yield* store.put(session("bad", "b"))
        for (const account of ["", "other"]) {
          yield* ask(`update ${schema}.sessions set account = $1`, [account])
          assert.strictEqual(yield* reasonOf(store.get(key("bad"))), "CorruptEntry")
          assert.strictEqual(yield* reasonOf(store.find({})), "CorruptEntry")
        }
      })
    )

    it.live("a fence beyond any number, and a table that is gone or was changed, are Corrupt", () =>
      Effect.gen(function* () {
        const { schema, store } = yield* opened()
        yield* store.lease(key("ops"), "1 minute")
        const setFence = (fence: string) =>
          ask(`update ${schema}.sessions set fence = ${fence}, held_until = null`)
        yield* setFence(String(Number.MAX_SAFE_INTEGER))
        assert.strictEqual(yield* reasonOf(store.lease(key("ops"), "1 minute")), "Corrupt")
        yield* ask(`alter table ${schema}.sessions drop constraint sessions_fence_check`)
        yield* setFence("9007199254740993")
        assert.strictEqual(yield* reasonOf(store.lease(key("ops"), "1 minute")), "Corrupt")
        assert.isTrue(Option.isSome(yield* store.lease(key("other"), "1 minute")))
        yield* ask(`alter table ${schema}.sessions drop column line cascade`)
        assert.strictEqual(yield* reasonOf(store.put(session("ops", "t"))), "Corrupt")
        yield* ask(`drop table ${schema}.sessions`)
        assert.strictEqual(yield* reasonOf(store.list), "Corrupt")
        yield* ask(`drop schema ${schema} cascade`)
        assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "Corrupt")
      })
    )

    it.live(
      "a text that PostgreSQL has no place for is NotRepresentable in a key or mark, and no version",
      () =>
        Effect.gen(function* () {
          const { store } = yield* opened()
          yield* store.put(session("\ufffd", "t"))
          const { extend, mark, release } = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
          for (const odd of ["\ud800", "a\0b"]) {
            const one = new Session({
              ...session("x", "t"),
              key: new SessionKey({ ...key("x"), account: odd })
            })
            assert.strictEqual(yield* reasonOf(store.put(one)), "NotRepresentable")
            assert.strictEqual(yield* reasonOf(store.lease(one.key, "1 minute")), "NotRepresentable")
            assert.strictEqual(yield* reasonOf(mark(Option.some(odd))), "NotRepresentable")
            assert.isTrue(Option.isNone(yield* store.get(one.key)))
            assert.isTrue(Option.isNone(yield* store.find({ account: odd })))
            assert.isFalse(yield* store.remove(one.key))
            const there = session("\ufffd", "u")
            const expected = Option.some(odd)
            assert.strictEqual(yield* reasonOf(store.put(there, { expected })), "Conflict")
            assert.strictEqual(yield* reasonOf(store.remove(there.key, { expected: odd })), "Conflict")
          }
          for (const fence of [0, -1, 1.5, NaN, Infinity, 2 ** 60]) {
            assert.strictEqual(yield* reasonOf(store.put(session("ops", "t"), { fence })), "Conflict")
          }
          yield* extend
          yield* release
          assert.strictEqual((yield* store.list).length, 1)
        })
    )
  })

  describe("while a lease is held", () => {
    it.live("there is no lock and no transaction, and a pool of one connection serves others", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const context = yield* Layer.build(
          Layer.provideMerge(
            PostgresSessionStore.layer({ schema }),
            clientOf(server, { applicationName: schema, maxConnections: 1 })
          )
        )
        const [store, sql] = [Context.get(context, SessionStore), Context.get(context, SqlClient.SqlClient)]
        yield* store.put(session("ops", "t"))
        const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
        yield* lease.mark(Option.some("v"))
        assert.deepStrictEqual(
          yield* ask("select state, xact_start from pg_stat_activity where application_name = $1", [schema]),
          [{ state: "idle", xact_start: null }]
        )
        assert.strictEqual(
          countOf(
            yield* ask(
              "select count(*) from pg_locks join pg_stat_activity using (pid) where application_name = $1",
              [schema]
            )
          ),
          0
        )
        assert.deepStrictEqual(yield* sql.unsafe("select 1 as one"), [{ one: 1 }])
        yield* store.put(session("ops", "u"), { fence: lease.fence })
      })
    )

    it.live(
      "P10: a lease that a failover or a restored backup has forgotten is no more, whoever has the next",
      () =>
        Effect.gen(function* () {
          const { schema, store } = yield* opened()
          yield* store.put(session("ops", "t"))
          const take = Effect.map(store.lease(key("ops"), "1 minute"), Option.getOrThrow)
          for (const turn of ["with no lease before", "with an earlier one"]) {
            yield* ask(`create table ${schema}.past as table ${schema}.sessions`)
            const forgotten = yield* take
            yield* ask(`delete from ${schema}.sessions`)
            yield* ask(`insert into ${schema}.sessions table ${schema}.past`)
            yield* ask(`drop table ${schema}.past`)
            const isOver = Effect.gen(function* () {
              const { extend, fence, mark } = forgotten
              assert.strictEqual(yield* reasonOf(mark(Option.some("v"))), "Conflict", turn)
              assert.strictEqual(yield* reasonOf(extend), "Conflict", turn)
              assert.strictEqual(yield* reasonOf(store.put(session("ops", "u"), { fence })), "Conflict", turn)
            })
            yield* isOver
            const held = yield* take
            assert.isAbove(held.fence, forgotten.fence)
            yield* isOver
            yield* forgotten.release
            assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "1 minute")))
            assert.isTrue(Option.isNone(held.marked))
            yield* held.release
          }
        })
    )

    it.live("a put with its fence leaves the entry at its place, and one that was removed comes last", () =>
      Effect.gen(function* () {
        const { store } = yield* opened()
        const { version } = yield* store.put(session("a", "t"))
        yield* store.put(session("b", "t"))
        const { fence } = Option.getOrThrow(yield* store.lease(key("a"), "1 minute"))
        const order = Effect.map(store.list, (list) => list.map((one) => one.key.account))
        yield* store.put(session("a", "u"), { fence, expected: Option.some(version) })
        assert.deepStrictEqual(yield* order, ["a", "b"])
        yield* store.remove(key("a"))
        yield* store.put(session("a", "v"), { fence })
        assert.deepStrictEqual(yield* order, ["b", "a"])
      })
    )

    it.live("of a removed entry nothing stays but a hash of its key, its fence and its mark", () =>
      Effect.gen(function* () {
        const { schema, store } = yield* opened()
        yield* store.put(session("ops", "t"))
        const { fence, mark, release } = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
        yield* mark(Option.some("v"))
        yield* release
        yield* store.remove(key("ops"))
        const [row] = yield* ask(
          `select jsonb_strip_nulls(to_jsonb(it) - 'key' - 'life' - 'holder') as rest from ${schema}.sessions as it`
        )
        assert.deepStrictEqual(row, { rest: { fence, mark: "v" } })
      })
    )
  })

  describe("the client", () => {
    it.live("a transaction of the caller's takes nothing back, nor one in which the store was opened", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const context = yield* Layer.build(clientOf(server))
        const sql = Context.get(context, SqlClient.SqlClient)
        const make = Effect.provideService(PostgresSessionStore.make({ schema }), SqlClient.SqlClient, sql)
        let store: SessionStore["Service"] | undefined
        const exit = yield* Effect.exit(
          sql.withTransaction(
            Effect.gen(function* () {
              store = yield* make
              yield* store.put(session("ops", "t"))
              yield* store.lease(key("ops"), "1 minute")
              return yield* Effect.fail("rolled back")
            })
          )
        )
        assert.isTrue(Exit.isFailure(exit))
        for (const it of [store ?? assert.fail("not opened"), yield* make]) {
          assert.isTrue(Option.isSome(yield* it.get(key("ops"))))
          assert.isTrue(Option.isNone(yield* it.lease(key("ops"), "1 minute")))
        }
        yield* sql
          .withTransaction(Effect.andThen((yield* make).put(session("ops", "u")), Effect.fail("rolled back")))
          .pipe(Effect.exit)
        assert.strictEqual(tokenOf(Option.getOrThrow(yield* (yield* make).get(key("ops"))).session), "u")
      })
    )

    it.live("P26: what was answered leaves no timer behind", () =>
      Effect.gen(function* () {
        const { store } = yield* opened()
        const before = timers()
        for (let n = 0; n < 20; n++) yield* store.get(key("ops"))
        assert.isBelow(timers(), before + 10)
      })
    )

    const clients: Record<string, PgClient.PgPoolConfig> = {
      "renames what it asks and gets": {
        transformQueryNames: (name) => name.toUpperCase(),
        transformResultNames: (name) => `x_${name}`
      },
      "prepares nothing": { prepare: false },
      "shares its connection": { multiplex: true, maxConnections: 1 }
    }
    for (const [name, client] of Object.entries(clients)) {
      it.live(`one that ${name} will do`, () =>
        Effect.gen(function* () {
          const { store } = yield* opened(client)
          yield* Effect.forEach([0, 1, 2, 3], (n) => store.put(session(`a${n}`, `t${n}`)), {
            concurrency: "unbounded"
          })
          assert.strictEqual((yield* store.list).length, 4)
          const lease = Option.getOrThrow(yield* store.lease(key("a1"), "1 minute"))
          yield* store.put(session("a1", "u"), { fence: lease.fence })
          yield* lease.release
          assert.isTrue(yield* store.remove(key("a1")))
        })
      )
    }

    it.live("statements that a pooler has forgotten are prepared again", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const context = yield* Layer.build(
          Layer.provideMerge(PostgresSessionStore.layer({ schema }), clientOf(server, { maxConnections: 1 }))
        )
        const [store, sql] = [Context.get(context, SessionStore), Context.get(context, SqlClient.SqlClient)]
        for (const token of ["t", "u", "v"]) {
          yield* store.put(session("ops", token))
          assert.strictEqual((yield* store.list).length, 1)
          yield* sql.unsafe("discard all").unprepared
        }
      })
    )
  })
})
