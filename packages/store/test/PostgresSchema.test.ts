import { assert, it } from "@effect/vitest"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { Config, Context, Effect, Fiber, Layer, Option } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, Statement } from "effect/sql"
import { randomBytes } from "node:crypto"
import { findPostgres, type Postgres, query } from "./postgresServer.ts"
import { clientOf, countOf, layerOn, onPostgres, placesOn, until } from "./postgresStores.ts"
import { environment, key, open, reasonOf, session } from "./support.ts"

const objects = (server: Postgres, schema: string) =>
  query(
    server,
    `select relname as name from pg_class where relnamespace = to_regnamespace($1)
    union all select proname from pg_proc where pronamespace = to_regnamespace($1) order by 1`,
    [`"${schema}"`]
  )

await onPostgres("the schema", findPostgres, (server) => {
  const { ask, opened, schemaOf } = placesOn(server)

  for (const isolation of [undefined, "repeatable read"]) {
    it.live(`many that open at once make it once, under ${isolation ?? "the usual isolation"}`, () =>
      Effect.gen(function* () {
        const schema = yield* schemaOf
        const startupParameters = isolation === undefined ? {} : { default_transaction_isolation: isolation }
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
