import { assert, describe, it } from "@effect/vitest"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import { Canary } from "@latchkey/testing"
import { Effect, Fiber, Option, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { connect } from "node:net"
import { Duplex } from "node:stream"
import {
  findPostgres,
  freshSchema,
  type Postgres,
  query,
  startPostgres,
  unusedPort
} from "./postgresServer.ts"
import { clientOf, countOf, layerOn, onPostgres, placesOn, type Store, until } from "./postgresStores.ts"
import { key, open, reasonOf, session, tokenOf } from "./support.ts"

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = performance.now()
    const outcome = yield* reasonOf(effect)
    return { outcome, millis: performance.now() - began }
  })

const mute = () => new Duplex({ read: () => undefined, write: (_, __, done) => done() })

const tokens = (store: Store) =>
  Effect.map(store.get(key("ops")), (entry) => Option.getOrUndefined(entry)?.session)

await onPostgres("failures", findPostgres, (server) => {
  const { ask, opened, schemaOf } = placesOn(server)

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
        yield* ask(`create function ${schema}.fail() returns trigger language plpgsql as
          'begin raise exception using errcode = new.account; end'`)
        yield* ask(
          `create trigger fail before insert on ${schema}.sessions for each row execute function ${schema}.fail()`
        )
        const outcomes = yield* Effect.forEach(
          Object.keys(reasons),
          (code) => Effect.map(reasonOf(store.put(session(code, "t"))), (reason) => [code, reason]),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(Object.fromEntries(outcomes), reasons)
        assert.deepStrictEqual(yield* store.list, [])
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
})

/** What can only be done to a server that nobody else uses. */
await onPostgres("a server that stops and starts", startPostgres, (own) => {
  it.live("P14: one that is stopped and started again is Unavailable in between, and nothing is lost", () =>
    Effect.gen(function* () {
      const store = yield* open(layerOn(own, {}))
      yield* store.put(session("ops", "t"))
      const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      for (const how of ["fast", "immediate"] as const) {
        yield* own.stop(how)
        const asking: ReadonlyArray<Effect.Effect<unknown, unknown, Scope.Scope>> = [
          store.get(key("ops")),
          lease.extend,
          store.put(session("ops", "u")),
          open(layerOn(own, {}))
        ]
        const outcomes = yield* Effect.forEach(asking, reasonOf, { concurrency: "unbounded" })
        assert.deepStrictEqual(new Set(outcomes), new Set(["Unavailable"]))
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
})

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
