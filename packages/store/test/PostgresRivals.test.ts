import { assert, describe, it } from "@effect/vitest"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import { Deferred, Effect, Exit, Fiber, Option, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { findPostgres, type Postgres } from "./postgresServer.ts"
import { clientOf, countOf, layerOn, onPostgres, placesOn, type Store, until } from "./postgresStores.ts"
import { key, open, reasonOf, session, tokenOf } from "./support.ts"

/** A lease, or else a Conflict. */
const granted = (store: Store) =>
  Effect.flatMap(store.lease(key("ops"), "1 minute"), (lease) =>
    Option.isSome(lease) ? Effect.void : Effect.asVoid(store.put(session("x", "t"), { fence: 1 }))
  )

/** What a rival does to the row of `ops`, or to make it. */
const lock = (schema: string) => `select from ${schema}.sessions for update`
const insert = (schema: string) =>
  `insert into ${schema}.sessions (key, fence) values (sha256('["robot","spot-1","ops"]'), 7)`

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

await onPostgres("many at once", findPostgres, (server) => {
  const { ask, opened, schemaOf } = placesOn(server)

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
            if (end === "rollback") return yield* Effect.fail("rolled back")
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

    it.live("P12: of two removals that expect the same one removes, and the other finds nothing", () =>
      Effect.gen(function* () {
        let version = ""
        const removed: Array<string> = []
        const remove = (store: Store) =>
          Effect.map(store.remove(key("ops"), { expected: version }), (was) => removed.push(String(was)))
        const { outcomes } = yield* race(
          (store) => Effect.map(store.put(session("ops", "t")), (entry) => (version = entry.version)),
          lock,
          (one, other) => [remove(one), remove(other)]
        )
        assert.deepStrictEqual(outcomes, ["no failure", "no failure"])
        assert.deepStrictEqual(removed.toSorted(), ["false", "true"])
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

    const waits =
      "select count(*) from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'"
    const givenUp = {
      "is given up in time": (store: Store) =>
        Effect.map(reasonOf(store.put(session("ops", "u"))), (it) => assert.strictEqual(it, "Unavailable")),
      "is given up with its caller": (store: Store, isWaiting: Effect.Effect<void, unknown>) =>
        Effect.gen(function* () {
          const putting = yield* Effect.forkChild(store.put(session("ops", "u")))
          yield* isWaiting
          yield* Fiber.interrupt(putting)
        }),
      "is given up with its store": (
        _: Store,
        isWaiting: Effect.Effect<void, unknown>,
        layer: ReturnType<typeof layerOn>
      ) =>
        Effect.gen(function* () {
          const closing = yield* Scope.make()
          const store = yield* Scope.provide(open(layer), closing)
          const putting = yield* Effect.forkChild(store.put(session("ops", "u")))
          yield* isWaiting
          yield* Scope.close(closing, Exit.void)
          assert.isTrue(Exit.isFailure(yield* Fiber.await(putting)))
        })
    }
    for (const [name, giveUp] of Object.entries(givenUp)) {
      it.live(`a row that somebody keeps locked ${name}, on the server too`, () =>
        Effect.gen(function* () {
          const schema = yield* schemaOf
          const timeout = name.includes("time") ? "200 millis" : "1 minute"
          const layer = layerOn(server, { schema, timeout }, { applicationName: schema })
          const store = yield* open(layer)
          yield* store.put(session("ops", "t"))
          yield* Effect.gen(function* () {
            const sql = yield* SqlClient.SqlClient
            const waiting = Effect.map(sql.unsafe<Record<string, unknown>>(waits, [schema]), countOf)
            yield* sql.withTransaction(
              Effect.gen(function* () {
                yield* sql.unsafe(lock(schema))
                yield* giveUp(store, until(Effect.map(waiting, (count) => count === 1)), layer)
                assert.strictEqual(yield* waiting, 0)
                assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
              })
            )
          }).pipe(Effect.provide(clientOf(server)))
          const held = Option.getOrThrow(yield* store.get(key("ops")))
          assert.strictEqual(tokenOf(held.session), "t")
        })
      )
    }
  })

  describe("among processes", () => {
    const TIMEOUT = 60_000
    it.live(
      "P29: 4 processes that make the schema, put their own entries and count on a shared one lose nothing",
      () =>
        Effect.gen(function* () {
          const schema = yield* schemaOf
          const lines = yield* together(server, schema, "count", 4)
          assert.deepStrictEqual(new Set(lines.flat()), new Set(["no failure"]))
          const store = yield* open(layerOn(server, { schema }))
          const counter = Option.getOrThrow(yield* store.get(key("counter")))
          assert.strictEqual(tokenOf(counter.session), String(4 * 8))
          assert.strictEqual((yield* store.list).length, 4 * 8 + 1)
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
          assert.strictEqual(new Set(fences).size, 3 * 8)
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
})

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
