import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import { type Lease, SessionStore } from "@latchkey/core/SessionStore"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { Canary, SessionStoreContract } from "@latchkey/testing"
import {
  Config,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Redacted,
  Scope
} from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, Statement } from "effect/sql"
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { connect } from "node:net"
import { Duplex } from "node:stream"
import { fileURLToPath } from "node:url"
import {
  findPostgres,
  freshSchema,
  type Postgres,
  type PrivatePostgres,
  query,
  startPostgres,
  unusedPort
} from "./postgresServer.ts"
import { environment, key, open, reasonOf, session, tokenOf } from "./support.ts"

const whole = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(whole, Exit.void)))
const found = Option.getOrUndefined(await Effect.runPromise(Scope.provide(findPostgres, whole)))

const own = Option.getOrUndefined(await Effect.runPromise(Scope.provide(startPostgres, whole)))
const missing = found === undefined ? "needs" : own === undefined ? "stops and starts" : undefined
if (missing !== undefined) {
  process.stderr.write(
    `SKIPPED: what ${missing} a PostgreSQL. There is none; \`npm run services\` installs one\n`
  )
}

type Store = SessionStore["Service"]

const clientOf = (server: Postgres, client: PgClient.PgPoolConfig = {}) =>
  Layer.fresh(PgClient.layer({ url: server.url, ...client }))

const layerOn = (
  server: Postgres,
  options: PostgresSessionStore.Options,
  client: PgClient.PgPoolConfig = {}
) => Layer.provide(PostgresSessionStore.layer(options), clientOf(server, client))

/** Polls for what another connection is about to reach, and no test passes without it. */
const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* Effect.sleep("5 millis")
  })

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = performance.now()
    const outcome = yield* reasonOf(effect)
    return { outcome, millis: performance.now() - began }
  })

/** A lease, or else a Conflict. */
const granted = (store: Store) =>
  Effect.flatMap(store.lease(key("ops"), "1 minute"), (lease) =>
    Option.isSome(lease) ? Effect.void : Effect.asVoid(store.put(session("x", "t"), { fence: 1 }))
  )

/** What a rival does to the row of `ops`, or to make it. */
const lock = (schema: string) => `select from ${schema}.sessions for update`
const insert = (schema: string) =>
  `insert into ${schema}.sessions (key, fence) values (sha256('["robot","spot-1","ops"]'), 7)`

const tokens = (store: Store) =>
  Effect.map(store.get(key("ops")), (entry) => Option.getOrUndefined(entry)?.session)

const mute = () => new Duplex({ read: () => undefined, write: (_, __, done) => done() })

const objects = (server: Postgres, schema: string) =>
  query(
    server,
    `select relname as name from pg_class where relnamespace = to_regnamespace($1)
    union all select proname from pg_proc where pronamespace = to_regnamespace($1) order by 1`,
    [`"${schema}"`]
  )

const task = (server: Postgres, schema: string, what: string, n: number) => ({
  url: Redacted.value(server.url),
  schema,
  do: what,
  account: `p${n}`,
  times: 8
})

/** What each process said, at the end of all. */
const together = (server: Postgres, schema: string, what: string, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    (n) =>
      Effect.scoped(
        Effect.flatMap(startChild(task(server, schema, what, n)), (it) => Effect.promise(() => it.ended))
      ),
    { concurrency: "unbounded" }
  )

const countOf = (rows: ReadonlyArray<Record<string, unknown>>): number => Number(rows[0]?.["count"])

describe.skipIf(found === undefined)("PostgreSQL", () => {
  if (found !== undefined) tests(found)
})

describe.skipIf(own === undefined)("PostgreSQL of one's own", () => {
  if (own !== undefined) testsOfOwn(own)
})

function tests(server: Postgres): void {
  const ask = (statement: string, values?: ReadonlyArray<unknown>) => query(server, statement, values)
  const schemaOf = freshSchema(server)
  const opened = Effect.fnUntraced(function* (client?: PgClient.PgPoolConfig, timeout?: Duration.Input) {
    const schema = yield* schemaOf
    const options = timeout === undefined ? { schema } : { schema, timeout }
    return { schema, store: yield* open(layerOn(server, options, client)) }
  })

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

  describe("the schema", () => {
    for (const isolation of [undefined, "repeatable read"]) {
      it.live(`many that open at once make it once, under ${isolation ?? "the usual isolation"}`, () =>
        Effect.gen(function* () {
          const schema = yield* schemaOf
          const startupParameters =
            isolation === undefined ? {} : { default_transaction_isolation: isolation }
          const stores = yield* Effect.forEach(
            Array.from({ length: 16 }),
            () => open(layerOn(server, { schema }, { startupParameters })),
            { concurrency: "unbounded" }
          )
          for (const [n, store] of stores.entries()) yield* store.put(session(`a${n}`, "t"))
          const last = yield* open(layerOn(server, { schema }))
          assert.strictEqual((yield* last.list).length, 16)
          assert.strictEqual(countOf(yield* ask(`select count(*) from "${schema}".latchkey_store`)), 1)
        })
      )
    }

    it.live("one that another process is making is waited for, and then judged", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const opening = reasonOf(open(layerOn(server, { schema })))
        const outcomes = yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const waiting = yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* sql.unsafe("select pg_advisory_xact_lock($1::int, hashtext($2))", [0x4c4b5353, schema])
              const both = yield* Effect.forkScoped(
                Effect.all([opening, opening], { concurrency: "unbounded" })
              )
              const waits =
                "select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = hashtext($1)::oid"
              yield* until(Effect.map(ask(waits, [schema]), (rows) => countOf(rows) === 2))
              yield* sql.unsafe(`create schema ${schema}`)
              yield* sql.unsafe(`create table ${schema}.latchkey_store as select 2 as version`)
              return both
            })
          )
          return yield* Fiber.join(waiting)
        }).pipe(Effect.provide(clientOf(server)))
        assert.deepStrictEqual(outcomes, ["Corrupt", "Corrupt"])
      })
    )

    const refusals: Record<string, (schema: string) => ReadonlyArray<string>> = {
      "with somebody's table": (schema) => [`create table ${schema}.t (a int)`],
      "with somebody's sequence": (schema) => [`create sequence ${schema}.s`],
      "with somebody's function": (schema) => [
        `create function ${schema}.f() returns int language sql return 1`
      ],
      "with somebody's type": (schema) => [`create type ${schema}.mood as enum ('sad')`],
      "with somebody's table of our table's name": (schema) => [`create table ${schema}.sessions (a int)`],
      "with a table of our mark's name and no version": (schema) => [
        `create table ${schema}.latchkey_store (a int)`
      ],
      "of a newer release": (schema) => [
        `create table ${schema}.latchkey_store (version int)`,
        `insert into ${schema}.latchkey_store values (2)`
      ],
      "without its version": (schema) => [`create table ${schema}.latchkey_store (version int)`],
      "of two versions": (schema) => [
        `create table ${schema}.latchkey_store (version int)`,
        `insert into ${schema}.latchkey_store values (1), (1)`
      ],
      "of a version that never was": (schema) => [
        `create table ${schema}.latchkey_store (version int)`,
        `insert into ${schema}.latchkey_store values (0)`
      ]
    }
    for (const [name, statements] of Object.entries(refusals)) {
      it.live(`one ${name} is Corrupt, and is left as it was`, () =>
        Effect.gen(function* () {
          const schema = yield* schemaOf
          yield* ask(`create schema ${schema}`)
          for (const statement of statements(schema)) yield* ask(statement)
          const before = yield* objects(server, schema)
          assert.strictEqual(yield* reasonOf(open(layerOn(server, { schema }))), "Corrupt")
          assert.deepStrictEqual(yield* objects(server, schema), before)
        })
      )
    }

    it.live("an empty one that somebody made for it is taken", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        yield* ask(`create schema ${schema}`)
        yield* (yield* open(layerOn(server, { schema }))).put(session("ops", "t"))
      })
    )

    it.live(
      "a role that may not make one works in one that is there, and is Unavailable without its rights",
      () =>
        Effect.gen(function* () {
          const { schema, store } = yield* opened()
          yield* store.put(session("ops", "t"))
          const role = `latchkey_role_${randomBytes(6).toString("hex")}`
          yield* Effect.acquireRelease(ask(`create role ${role} login`), () =>
            Effect.andThen(ask(`drop owned by ${role}`), ask(`drop role ${role}`))
          )
          const asRole = (options: PostgresSessionStore.Options) =>
            open(layerOn(server, options, { username: role }))
          assert.strictEqual(yield* reasonOf(asRole({ schema })), "Unavailable")
          assert.strictEqual(yield* reasonOf(asRole({ schema: `${schema}x` })), "Unavailable")
          yield* ask(`grant usage on schema ${schema} to ${role}`)
          yield* ask(`grant select on all tables in schema ${schema} to ${role}`)
          const reader = yield* asRole({ schema })
          assert.strictEqual((yield* reader.list).length, 1)
          assert.strictEqual(yield* reasonOf(reader.put(session("ops", "u"))), "Unavailable")
          yield* ask(`grant insert, update on all tables in schema ${schema} to ${role}`)
          yield* ask(`grant usage on all sequences in schema ${schema} to ${role}`)
          const writer = yield* asRole({ schema })
          yield* writer.put(session("other", "u"))
          assert.isTrue(Option.isSome(yield* writer.lease(key("ops"), "1 minute")))
          assert.isTrue(yield* writer.remove(key("ops")))
        })
    )

    for (const odd of [
      'We "ird',
      "it's",
      "back\\slash'",
      "$latchkey$",
      "a.b; drop schema public",
      "☃",
      "%s%I"
    ]) {
      it.live(`may be called ${odd}`, () =>
        Effect.gen(function* () {
          const schema = `${yield* schemaOf}${odd}`
          const quoted = `"${schema.replaceAll('"', '""')}"`
          yield* Effect.addFinalizer(() => ask(`drop schema ${quoted} cascade`))
          for (const account of ["a", "b"]) {
            const store = yield* open(layerOn(server, { schema }))
            const { fence } = Option.getOrThrow(yield* store.lease(key(account), "1 minute"))
            yield* store.put(session(account, "t"), { fence })
          }
          assert.strictEqual(countOf(yield* ask(`select count(*) from ${quoted}.sessions`)), 2)
        })
      )
    }

    it.live("a name that PostgreSQL would cut, refuse or misread is Unavailable", () =>
      Effect.gen(function* () {
        for (const schema of ["", "☃".repeat(22), "a\0b", "\ud800", "pg_sessions"]) {
          assert.strictEqual(yield* reasonOf(open(layerOn(server, { schema }))), "Unavailable", schema)
        }
      })
    )

    it.live("comes from the configuration where it is said there", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const layer = PostgresSessionStore.layerConfig({
          schema: Config.String("SCHEMA"),
          timeout: Config.Duration("PATIENCE")
        })
        const store = yield* open(Layer.provide(layer, clientOf(server))).pipe(
          environment({ SCHEMA: schema, PATIENCE: "2 seconds" })
        )
        yield* store.put(session("ops", "t"))
        assert.strictEqual(countOf(yield* ask(`select count(*) from ${schema}.sessions`)), 1)
      })
    )

    it.live("another database's client is Unavailable", () =>
      Effect.gen(function* () {
        const sqlite = Effect.gen(function* () {
          const context = yield* Layer.build(clientOf(server))
          const compiler = Statement.makeCompilerSqlite()
          const acquirer = Effect.die("nobody asks")
          const client = yield* SqlClient.make({
            acquirer,
            compiler,
            driver: "sqlite",
            spanAttributes: []
          }).pipe(Effect.provide(Reactivity.layer))
          return Context.add(context, SqlClient.SqlClient, client)
        })
        const layer = Layer.provide(PostgresSessionStore.layer(), Layer.effectContext(sqlite))
        assert.strictEqual(yield* reasonOf(open(layer)), "Unavailable")
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

  describe("two connections at once", () => {
    /** Somebody has the row of `ops` under a lock, does something to it, and lets go only when both of `racers` wait for it. */
    const race = Effect.fnUntraced(function* <A, B>(
      prepare: (store: Store) => Effect.Effect<unknown, SessionStoreError>,
      meddle: (schema: string) => string,
      racers: (one: Store, other: Store) => readonly [Effect.Effect<A, unknown>, Effect.Effect<B, unknown>],
      end: "commit" | "rollback" = "commit"
    ) {
      const { schema, store } = yield* opened()
      const other = yield* open(layerOn(server, { schema }, { applicationName: schema }))
      yield* prepare(store)
      const one = yield* open(layerOn(server, { schema }, { applicationName: schema }))
      const meddled = yield* Deferred.make<void>()
      const free = yield* Deferred.make<void>()
      const rival = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql.unsafe(meddle(schema))
            yield* Deferred.succeed(meddled, undefined)
            yield* Deferred.await(free)
            if (end === "rollback") yield* Effect.fail("rolled back")
          })
        )
      }).pipe(Effect.exit, Effect.provide(clientOf(server)))
      const running = yield* Effect.forkChild(rival)
      yield* Deferred.await(meddled)
      const [first, second] = racers(one, other)
      const racing = yield* Effect.forkChild(
        Effect.all([reasonOf(first), reasonOf(second)], { concurrency: "unbounded" })
      )
      yield* until(
        Effect.map(
          ask(
            "select count(*) from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'",
            [schema]
          ),
          (rows) => countOf(rows) === 2
        )
      )
      yield* Deferred.succeed(free, undefined)
      yield* Fiber.join(running)
      return { outcomes: (yield* Fiber.join(racing)).toSorted(), schema, store: one }
    })
    const oneWins = ["Conflict", "no failure"]

    it.live("P29: of two puts that expect the same version one wins, however they are interleaved", () =>
      Effect.gen(function* () {
        let version = ""
        const { outcomes } = yield* race(
          (store) => Effect.map(store.put(session("ops", "t")), (entry) => (version = entry.version)),
          lock,
          (one, other) => [
            one.put(session("ops", "u"), { expected: Option.some(version) }),
            other.put(session("ops", "v"), { expected: Option.some(version) })
          ]
        )
        assert.deepStrictEqual(outcomes, oneWins)
      })
    )

    for (const end of ["commit", "rollback"] as const) {
      it.live(`P29: of two puts that expect no entry one wins, while a row is being made (${end})`, () =>
        Effect.gen(function* () {
          const expected = Option.none()
          const { outcomes, store } = yield* race(
            () => Effect.void,
            insert,
            (one, other) => [
              one.put(session("ops", "u"), { expected }),
              other.put(session("ops", "v"), { expected })
            ],
            end
          )
          assert.deepStrictEqual(outcomes, oneWins)
          assert.strictEqual((yield* store.list).length, 1)
        })
      )

      it.live(`P01: of two that ask for a lease one is given it, while a row is being made (${end})`, () =>
        Effect.gen(function* () {
          const { outcomes } = yield* race(
            () => Effect.void,
            insert,
            (one, other) => [granted(one), granted(other)],
            end
          )
          assert.deepStrictEqual(outcomes, oneWins)
        })
      )
    }

    it.live("P10: a put with a fence that is being passed by another lease is a Conflict", () =>
      Effect.gen(function* () {
        let fence = 0
        const { outcomes, store } = yield* race(
          (it) =>
            Effect.map(it.lease(key("ops"), "1 minute"), (lease) => (fence = Option.getOrThrow(lease).fence)),
          (schema) => `update ${schema}.sessions set fence = fence + 1`,
          (one, other) => [
            one.put(session("ops", "u"), { fence }),
            other.put(session("ops", "v"), { fence, expected: Option.none() })
          ]
        )
        assert.deepStrictEqual(outcomes, ["Conflict", "Conflict"])
        assert.deepStrictEqual(yield* store.list, [])
      })
    )

    it.live(
      "P12: of a put and a removal that expect the same one wins, also when the removal was first to wait",
      () =>
        Effect.gen(function* () {
          let version = ""
          const { outcomes } = yield* race(
            (store) => Effect.map(store.put(session("ops", "t")), (entry) => (version = entry.version)),
            lock,
            (one, other) => [
              one.remove(key("ops"), { expected: version }),
              other.put(session("ops", "v"), { expected: Option.some(version) })
            ]
          )
          assert.deepStrictEqual(outcomes, oneWins)
        })
    )

    for (const isolation of ["repeatable read", "serializable"]) {
      it.live(`rivals that fail each other's statements try again under ${isolation}`, () =>
        Effect.gen(function* () {
          const startupParameters = { default_transaction_isolation: isolation }
          const { schema, store } = yield* opened({ startupParameters })
          const other = yield* open(layerOn(server, { schema }, { startupParameters }))
          const { version } = yield* store.put(session("ops", "t"))
          const both = (n: number) => (n % 2 === 0 ? store : other)
          const many = Array.from({ length: 16 }, (_, n) => n)
          const all = <A, E>(each: (n: number) => Effect.Effect<A, E>) =>
            Effect.forEach(many, each, { concurrency: "unbounded" })
          const puts = yield* all((n) =>
            reasonOf(both(n).put(session("ops", `t${n}`), { expected: Option.some(version) }))
          )
          assert.strictEqual(puts.filter((it) => it === "no failure").length, 1)
          assert.strictEqual(puts.filter((it) => it === "Conflict").length, many.length - 1)
          const leases = yield* all((n) => both(n).lease(key("ops"), "1 minute"))
          assert.strictEqual(leases.filter(Option.isSome).length, 1)
          const firsts = yield* all((n) =>
            reasonOf(both(n).put(session("new", "t"), { expected: Option.none() }))
          )
          assert.strictEqual(firsts.filter((it) => it === "no failure").length, 1)
        })
      )
    }

    it.live("a row that somebody keeps locked is given up in time", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const store = yield* open(
          layerOn(server, { schema, timeout: "200 millis" }, { applicationName: schema })
        )
        yield* store.put(session("ops", "t"))
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* sql.unsafe(lock(schema))
              assert.strictEqual(yield* reasonOf(store.put(session("ops", "u"))), "Unavailable")
              const waits =
                "select count(*) from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'"
              assert.strictEqual(countOf(yield* sql.unsafe<Record<string, unknown>>(waits, [schema])), 0)
              assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
            })
          )
        }).pipe(Effect.provide(clientOf(server)))
        assert.deepStrictEqual(
          Option.map(yield* store.get(key("ops")), (entry) => tokenOf(entry.session)),
          Option.some("t")
        )
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
    it.live("a transaction of the caller's takes nothing back", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const context = yield* Layer.build(
          Layer.provideMerge(PostgresSessionStore.layer({ schema }), clientOf(server))
        )
        const [store, sql] = [Context.get(context, SessionStore), Context.get(context, SqlClient.SqlClient)]
        const exit = yield* Effect.exit(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* store.put(session("ops", "t"))
              yield* store.lease(key("ops"), "1 minute")
              return yield* Effect.fail("rolled back")
            })
          )
        )
        assert.isTrue(Exit.isFailure(exit))
        assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
        assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "1 minute")))
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

  describe("a server that does not do what it is asked", () => {
    it.live("where nobody listens it is Unavailable, soon", () =>
      Effect.gen(function* () {
        const port = yield* unusedPort
        const opening = open(layerOn(server, { schema: "any" }, { host: "127.0.0.1", port }))
        const { millis, outcome } = yield* timed(opening)
        assert.strictEqual(outcome, "Unavailable")
        assert.isBelow(millis, 4_000)
      })
    )

    it.live("P17: one that takes the connection and never answers is Unavailable in the set time", () =>
      Effect.gen(function* () {
        const opening = open(layerOn(server, { schema: "any", timeout: "300 millis" }, { stream: mute }))
        const { millis, outcome } = yield* timed(opening)
        assert.strictEqual(outcome, "Unavailable")
        assert.isBelow(millis, 3_000)
      })
    )

    it.live(
      "P17: one that falls silent is Unavailable in the set time, and nobody waits for its connection",
      () =>
        Effect.gen(function* () {
          const wires = new Wires(server)
          const { store } = yield* opened({ stream: wires.make, connectTimeout: "300 millis" }, "300 millis")
          yield* store.put(session("ops", "t"))
          wires.mode = "silent"
          const asking: ReadonlyArray<Effect.Effect<unknown, SessionStoreError>> = [
            store.get(key("ops")),
            store.list,
            store.put(session("ops", "u"))
          ]
          for (const asked of asking) {
            const { millis, outcome } = yield* timed(asked)
            assert.strictEqual(outcome, "Unavailable")
            assert.isBelow(millis, 3_000)
          }
          wires.mode = "open"
          yield* until(
            store.get(key("ops")).pipe(
              Effect.map(Option.isSome),
              Effect.orElseSucceed(() => false)
            )
          )
        })
    )

    it.live(
      "P42: a guarded write whose answer is lost is found to be done, and any other says that it may be",
      () =>
        Effect.gen(function* () {
          const wires = new Wires(server)
          const { store } = yield* opened({ stream: wires.make })
          const losing = <A, E>(effect: Effect.Effect<A, E>) =>
            Effect.suspend(() => {
              wires.mode = "cut"
              return effect
            })
          const first = yield* losing(store.put(session("ops", "t"), { expected: Option.none() }))
          const held = () => Effect.map(store.get(key("ops")), Option.getOrUndefined)
          assert.strictEqual((yield* held())?.version, first.version)
          const second = yield* losing(
            store.put(session("ops", "u"), { expected: Option.some(first.version) })
          )
          assert.strictEqual((yield* held())?.version, second.version)
          const lease = Option.getOrThrow(yield* losing(store.lease(key("ops"), "1 minute")))
          yield* losing(lease.mark(Option.some("v")))
          yield* losing(lease.extend)
          const third = yield* losing(store.put(session("ops", "v"), { fence: lease.fence }))
          assert.strictEqual((yield* held())?.version, third.version)
          yield* losing(lease.release)
          const next = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
          assert.deepStrictEqual(next.marked, Option.some("v"))
          assert.isAbove(next.fence, lease.fence)
          assert.strictEqual((yield* losing(store.list)).length, 1)

          assert.strictEqual(yield* reasonOf(losing(store.put(session("ops", "w")))), "Unavailable")
          const fourth = yield* held()
          assert.strictEqual(fourth && tokenOf(fourth.session), "w")
          assert.strictEqual(yield* reasonOf(losing(store.remove(key("ops")))), "Unavailable")
          assert.isUndefined(yield* held())
        })
    )

    it.live("connections that the server ends, idle or at work, are made anew", () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const store = yield* open(layerOn(server, { schema }, { applicationName: schema }))
        const { version } = yield* store.put(session("ops", "t"))
        const mine = "pg_stat_activity where application_name = $1"
        const end = ask(`select pg_terminate_backend(pid) from ${mine}`, [schema])
        yield* end
        yield* until(Effect.map(ask(`select count(*) from ${mine}`, [schema]), (rows) => countOf(rows) === 0))
        assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const put = yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* sql.unsafe(`select from ${schema}.sessions for update`)
              const waiting = yield* Effect.forkScoped(
                store.put(session("ops", "u"), { expected: Option.some(version) })
              )
              const waits = ask(`select count(*) from ${mine} and wait_event_type = 'Lock'`, [schema])
              yield* until(Effect.map(waits, (rows) => countOf(rows) === 1))
              yield* end
              return waiting
            })
          )
          const { version: next } = yield* Fiber.join(put)
          assert.strictEqual(Option.getOrThrow(yield* store.get(key("ops"))).version, next)
        }).pipe(Effect.provide(clientOf(server)))
      })
    )

    it.live("one that only reads, as a standby does, is read from, and to write is Unavailable", () =>
      Effect.gen(function* () {
        const { schema, store } = yield* opened()
        yield* store.put(session("ops", "t"))
        const startupParameters = { default_transaction_read_only: "on" }
        const reader = yield* open(layerOn(server, { schema }, { startupParameters }))
        assert.isTrue(Option.isSome(yield* reader.get(key("ops"))))
        const asking: ReadonlyArray<Effect.Effect<unknown, unknown, Scope.Scope>> = [
          reader.put(session("ops", "u")),
          reader.remove(key("ops")),
          reader.lease(key("ops"), "1 minute"),
          open(layerOn(server, { schema: `${schema}x` }, { startupParameters }))
        ]
        for (const asked of asking) {
          assert.strictEqual(yield* reasonOf(asked), "Unavailable")
        }
      })
    )

    /** What SQLSTATE means what. */
    const reasons: Record<string, string> = {
      "40001": "LeaseTimeout",
      "40P01": "LeaseTimeout",
      "55P03": "LeaseTimeout",
      "53100": "Unavailable",
      "53200": "Unavailable",
      "53300": "Unavailable",
      "57014": "Unavailable",
      "57P03": "Unavailable",
      "58030": "Unavailable",
      "25006": "Unavailable",
      "42501": "Unavailable",
      "28000": "Unavailable",
      XX000: "Unavailable",
      XX001: "Corrupt",
      XX002: "Corrupt",
      "42P01": "Corrupt",
      "42703": "Corrupt",
      "3F000": "Corrupt",
      "22003": "Corrupt",
      "23514": "Corrupt",
      P0001: "Corrupt"
    }
    it.live("what PostgreSQL says becomes a reason, and nothing is written", () =>
      Effect.gen(function* () {
        const { schema, store } = yield* opened()
        const { version } = yield* store.put(session("ops", "t"))
        const failWith = (code: string) =>
          ask(`create or replace function ${schema}.fail() returns trigger language plpgsql as
            'begin raise exception using errcode = ''${code}''; end'`)
        yield* failWith("00000")
        yield* ask(
          `create trigger fail before update on ${schema}.sessions for each row execute function ${schema}.fail()`
        )
        for (const [code, reason] of Object.entries(reasons)) {
          yield* failWith(code)
          assert.strictEqual(yield* reasonOf(store.put(session("ops", "u"))), reason, code)
          assert.strictEqual(Option.getOrThrow(yield* store.get(key("ops"))).version, version)
        }
      })
    )
  })

  describe("secrets", () => {
    it.live("P06: no failure, log line or span shows a token, whatever the server quotes", () =>
      Effect.gen(function* () {
        const access = Canary.make("access")
        const failures: Array<SessionStoreError> = []
        const failing = <A>(effect: Effect.Effect<A, SessionStoreError>) =>
          Effect.map(Effect.flip(effect), (error) => failures.push(error))
        yield* Effect.gen(function* () {
          const startupParameters = { log_parameter_max_length_on_error: "-1" }
          const { schema, store } = yield* opened({ startupParameters })
          const secret = session("ops", access.secret)
          const { version } = yield* store.put(secret)
          yield* failing(store.put(secret, { expected: Option.none() }))
          yield* failing(store.put(secret, { fence: 9, expected: Option.some(version) }))
          yield* ask(`update ${schema}.sessions set line = substr(line, 2)`)
          yield* failing(store.get(key("ops")))
          yield* ask(`alter table ${schema}.sessions add check (length(line) < 9) not valid`)
          yield* failing(store.put(secret))
          yield* ask(`alter table ${schema}.sessions drop constraint sessions_line_check`)
          const quoteWith = (code: string) =>
            ask(`create or replace function ${schema}.quote() returns trigger language plpgsql as
              'begin raise exception using errcode = ''${code}'', message = new.line, detail = new.line, hint = new.line; end'`)
          yield* quoteWith("P0001")
          yield* ask(
            `create trigger quote before insert on ${schema}.sessions for each row execute function ${schema}.quote()`
          )
          for (const code of ["P0001", "42501", "XX000", "40001"]) {
            yield* quoteWith(code)
            yield* failing(store.put(secret))
          }
          yield* ask(`alter table ${schema}.sessions drop column key`)
          yield* failing(store.put(secret))
          Canary.assertAbsent([access], failures)
          yield* Canary.assertNoneCaptured([access])
          const shown = yield* (yield* Canary.Captured).everything
          assert.isTrue(shown.some(({ text }) => text === "PostgresSessionStore.put"))
          assert.isFalse(shown.some(({ text }) => text.includes(`insert into "${schema}"`)))
        }).pipe(Effect.provide(Canary.capture))
        assert.strictEqual(failures.length, 9)
      })
    )

    it.live("P06: a password in the address of a server that is away is nowhere to be seen", () =>
      Effect.gen(function* () {
        const password = Canary.make("password")
        const url = `postgres://ada:${encodeURIComponent(password.secret)}@127.0.0.1:${yield* unusedPort}/none`
        yield* Effect.gen(function* () {
          const error = yield* Effect.flip(open(layerOn({ url: Redacted.make(url) }, {})))
          Canary.assertAbsent([password], error)
          yield* Canary.assertNoneCaptured([password])
        }).pipe(Effect.provide(Canary.capture))
      })
    )
  })

  describe("among processes", () => {
    const TIMEOUT = 60_000
    it.live(
      "P29: 8 processes that make the schema, put their own entries and count on a shared one lose nothing",
      () =>
        Effect.gen(function* () {
          const schema = yield* schemaOf
          const lines = yield* together(server, schema, "count", 8)
          assert.deepStrictEqual(new Set(lines.flat()), new Set(["no failure"]))
          const store = yield* open(layerOn(server, { schema }))
          const counter = Option.getOrThrow(yield* store.get(key("counter")))
          assert.strictEqual(tokenOf(counter.session), String(8 * 8))
          assert.strictEqual((yield* store.list).length, 8 * 8 + 1)
        }),
      TIMEOUT
    )

    it.live(
      "P01: processes that contend for a lease have it one at a time, each with a fence of its own",
      () =>
        Effect.gen(function* () {
          const schema = yield* schemaOf
          const lines = (yield* together(server, schema, "lease", 3)).flat()
          const fences = lines.filter((line) => line !== "no failure").map(Number)
          assert.strictEqual(lines.length - fences.length, 3)
          assert.deepStrictEqual(
            fences.toSorted((a, b) => a - b),
            Array.from({ length: 3 * 8 }, (_, n) => n + 1)
          )
          const store = yield* open(layerOn(server, { schema }))
          assert.strictEqual(
            tokenOf(Option.getOrThrow(yield* store.get(key("leased"))).session),
            String(3 * 8)
          )
        }),
      TIMEOUT
    )

    it.live(
      "P04: the lease of a process that was killed ends with its time, not before",
      () =>
        Effect.gen(function* () {
          const schema = yield* schemaOf
          const child = yield* startChild(task(server, schema, "hold", 0), (kill) => kill())
          assert.deepStrictEqual(yield* Effect.promise(() => child.ended), ["held true"])
          const store = yield* open(layerOn(server, { schema }))
          assert.isTrue(Option.isNone(yield* store.lease(key("p0"), "1 minute")))
          assert.isTrue(Option.isSome(yield* store.lease(key("other"), "1 minute")))
          yield* ask(`update ${schema}.sessions set held_until = held_until - interval '1 minute'`)
          assert.isTrue(Option.isSome(yield* store.lease(key("p0"), "1 minute")))
        }),
      TIMEOUT
    )
  })
}

/** What can only be done to a server that nobody else uses. */
function testsOfOwn(own: PrivatePostgres): void {
  it.live("P14: one that is stopped and started again is Unavailable in between, and nothing is lost", () =>
    Effect.gen(function* () {
      const store = yield* open(layerOn(own, {}))
      yield* store.put(session("ops", "t"))
      const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      for (const how of ["fast", "immediate"] as const) {
        yield* own.stop(how)
        const asking: ReadonlyArray<Effect.Effect<unknown, SessionStoreError>> = [
          store.get(key("ops")),
          lease.extend,
          store.put(session("ops", "u"))
        ]
        for (const asked of asking) {
          assert.strictEqual(yield* reasonOf(asked), "Unavailable")
        }
        assert.strictEqual(yield* reasonOf(open(layerOn(own, {}))), "Unavailable")
        yield* own.start()
        const held = yield* tokens(store)
        assert.strictEqual(held && tokenOf(held), "t")
        assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "1 minute")))
        yield* lease.extend
      }
      yield* store.put(session("ops", "u"), { fence: lease.fence })
      assert.strictEqual(countOf(yield* query(own, "select count(*) from latchkey.sessions")), 1)
    })
  )

  /** Each does one thing last, and tells how to see that it is still there. */
  const writes: Record<
    string,
    (
      store: Store
    ) => Effect.Effect<(store: Store) => Effect.Effect<boolean, SessionStoreError>, SessionStoreError>
  > = {
    put: (store) =>
      Effect.map(
        store.put(session("ops", "t")),
        ({ version }) =>
          (after) =>
            Effect.map(after.get(key("ops")), (entry) => Option.getOrThrow(entry).version === version)
      ),
    "put that expects a version": Effect.fnUntraced(function* (store: Store) {
      const { version } = yield* store.put(session("ops", "t"))
      const next = yield* store.put(session("ops", "u"), { expected: Option.some(version) })
      return (after) =>
        Effect.map(after.get(key("ops")), (entry) => Option.getOrThrow(entry).version === next.version)
    }),
    remove: Effect.fnUntraced(function* (store: Store) {
      yield* store.put(session("ops", "t"))
      yield* store.remove(key("ops"))
      return (after) => Effect.map(after.get(key("ops")), Option.isNone)
    }),
    lease: (store) =>
      Effect.as(store.lease(key("ops"), "1 minute"), (after) =>
        Effect.map(after.lease(key("ops"), "1 minute"), Option.isNone)
      ),
    mark: Effect.fnUntraced(function* (store: Store) {
      const first = Option.getOrThrow(yield* store.lease(key("ops"), 0))
      yield* first.mark(Option.some("v"))
      return (after) =>
        Effect.map(after.lease(key("ops"), 0), (lease) => Option.isSome(Option.getOrThrow(lease).marked))
    })
  }
  for (const [name, write] of Object.entries(writes)) {
    it.live(
      `S02: a ${name} that has returned survives a crash, also where the server need not have flushed it`,
      () =>
        Effect.gen(function* () {
          const schema = yield* freshSchema(own)
          yield* own.stop("fast")
          yield* own.start(["-c", "synchronous_commit=off", "-c", "wal_writer_delay=10000"])
          const isThere = yield* write(yield* open(layerOn(own, { schema })))
          yield* own.stop("immediate")
          yield* own.start()
          assert.isTrue(yield* isThere(yield* open(layerOn(own, { schema }))))
        })
    )
  }

  it.live("a database that cannot hold every character is Unavailable", () =>
    Effect.gen(function* () {
      yield* query(own, "create database latin template template0 encoding 'LATIN1' locale 'C'")
      const opening = open(layerOn(own, {}, { database: "latin" }))
      assert.strictEqual(yield* reasonOf(opening), "Unavailable")
      assert.strictEqual(yield* reasonOf(open(layerOn(own, {}, { database: "none" }))), "Unavailable")
    })
  )
}

/** How a statement begins, and nothing of what goes before: Parse, Bind, Close. */
const STATEMENTS = new Set([0x50, 0x42, 0x43])

/** Ways to the server that can fall silent, or be cut when the answer to the next statement comes. */
class Wires {
  mode: "open" | "silent" | "cut" = "open"
  readonly server: Postgres

  constructor(server: Postgres) {
    this.server = server
  }

  readonly make = (): Duplex => {
    const url = new URL(Redacted.value(this.server.url))
    const port = Number(url.port === "" ? 5432 : url.port)
    const directory = url.searchParams.get("host")
    const socket = directory === null ? connect(port, url.hostname) : connect(`${directory}/.s.PGSQL.${port}`)
    let isAsking = false
    const wire = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        isAsking = STATEMENTS.has(chunk[0] ?? 0)
        if (this.mode === "silent") done()
        else socket.write(chunk, () => done())
      },
      destroy: (error, done) => {
        socket.destroy()
        done(error)
      }
    })
    socket.on("data", (chunk) => {
      if (this.mode === "cut" && isAsking) {
        this.mode = "open"
        wire.destroy()
      } else if (this.mode !== "silent") wire.push(chunk)
    })
    socket.on("error", (error) => wire.destroy(error))
    socket.on("close", () => wire.destroy())
    return wire
  }
}

/** A process of its own running `postgresChild.ts`; told when it says something. Killed with the scope. */
function startChild(task: unknown, onLine: (kill: () => void) => void = () => undefined) {
  return Effect.acquireRelease(
    Effect.sync(() => {
      const script = fileURLToPath(new URL("./postgresChild.ts", import.meta.url))
      const args = ["--conditions=@latchkey/source", script, JSON.stringify(task)]
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
      const kill = () => child.kill("SIGKILL")
      let said = ""
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        said += chunk
        if (said.includes("\n")) onLine(kill)
      })
      const ended = new Promise<ReadonlyArray<string>>((resolve) =>
        child.on("close", () => resolve(said.trim().split("\n")))
      )
      return { kill, ended }
    }),
    ({ ended, kill }) => {
      kill()
      return Effect.promise(() => ended)
    }
  )
}
