/** What only several processes, or the death of one, can show. */
import { assert, describe, it } from "@effect/vitest"
import { SqliteSessionStore } from "@latchkey/store"
import { Effect, Option } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { keys, open, runChild, sessions, startChild, stores, temporaryDirectory, tokenOf } from "./support.ts"
import { assertTurns } from "./takingTurns.ts"

const PROCESSES = 8
const TIMES = 12
const KILLS = 12
const TIMEOUT = 120_000

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

for (const store of ["sqlite", "bosdyn", "cryosparc"] as const) {
  const { layer, placeIn } = stores[store]
  const [key, session] = [keys[store], sessions[store]]
  describe(`${store} among processes`, () => {
    it.live(
      "P29: 8 processes that put their own entries and count on a shared one lose nothing",
      () =>
        Effect.gen(function* () {
          const place = placeIn(yield* temporaryDirectory)
          const ends = yield* Effect.forEach(
            numbers(PROCESSES),
            (n) => runChild({ store, place, do: "count", account: `p${n}`, times: TIMES }),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(ends.flat()), new Set(["no failure"]))
          const opened = yield* open(layer(place))
          const counter = Option.getOrThrow(yield* opened.get(key("counter")))
          assert.strictEqual(tokenOf(counter.session), String(PROCESSES * TIMES))
          assert.strictEqual((yield* opened.list).length, PROCESSES * TIMES + 1)
        }),
      TIMEOUT
    )

    it.live(
      "P01: processes that contend for a lease have it one at a time, with growing fences",
      () =>
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const [place, log] = [placeIn(directory), join(directory, "log")]
          const ends = yield* Effect.forEach(
            numbers(3),
            (n) => runChild({ store, place, do: "lease", account: `p${n}`, times: 15, log }),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(ends.flat()), new Set(["no failure"]))
          assert.isAbove(assertTurns(log, 3 * 15), 1)
        }),
      TIMEOUT
    )

    it.live(
      "P04: the lease of a process that was killed ends with its time, not before",
      () =>
        Effect.gen(function* () {
          const place = placeIn(yield* temporaryDirectory)
          const child = yield* startChild(
            { store, place, do: "hold", account: "ops" },
            { onLine: (_, holder) => holder.kill() }
          )
          assert.strictEqual(yield* Effect.promise(() => child.ended), "SIGKILL")
          const opened = yield* open(layer(place))
          assert.isTrue(Option.isNone(yield* opened.lease(key("ops"), "1 minute")))
          assert.isTrue(Option.isSome(yield* opened.lease(key("other"), "1 minute")))
        }),
      TIMEOUT
    )

    it.live(
      `P03: killed ${KILLS} times in the middle of puts, the store opens and has the last put that was confirmed`,
      () =>
        Effect.gen(function* () {
          const place = placeIn(yield* temporaryDirectory)
          yield* Effect.scoped(
            Effect.flatMap(open(layer(place)), (first) => first.put(session("other", "stays")))
          )
          for (const n of numbers(KILLS)) {
            const child = yield* startChild(
              { store, place, do: "putForever" },
              { onLine: (line, writer) => (line === String(3 + 2 * n) ? writer.kill() : undefined) }
            )
            assert.strictEqual(yield* Effect.promise(() => child.ended), "SIGKILL")
            const confirmed = Number(child.lines.at(-1))
            yield* Effect.scoped(
              Effect.gen(function* () {
                const opened = yield* open(layer(place))
                const token = tokenOf(Option.getOrThrow(yield* opened.get(key("shared"))).session) ?? ""
                const [count = "", body = ""] = token.split("-")
                assert.isAtLeast(Number(count), confirmed)
                assert.strictEqual(body, "x".repeat(5_000 + (Number(count) % 2) * 9_000))
                assert.isTrue(Option.isSome(yield* opened.get(key("other"))))
                yield* opened.put(session("other", `after-${n}`))
              })
            )
          }
        }),
      TIMEOUT
    )

    it.live(
      "P03: a reader beside a writer in another process never sees a torn or missing token",
      () =>
        Effect.gen(function* () {
          const place = placeIn(yield* temporaryDirectory)
          const opened = yield* open(layer(place))
          yield* opened.put(session("shared", "0-" + "x".repeat(5_000)))
          const child = yield* startChild(
            { store, place, do: "putForever" },
            { onLine: (line, writer) => (line === "150" ? writer.kill() : undefined) }
          )
          const seen = new Set<number>()
          const read = Effect.gen(function* () {
            // The store itself would look again: the file must be whole for those who do not.
            if (store === "cryosparc") assert.isNotEmpty(JSON.parse(readFileSync(place, "utf8")))
            const token = tokenOf(Option.getOrThrow(yield* opened.get(key("shared"))).session) ?? ""
            const [count = "", body = ""] = token.split("-")
            assert.strictEqual(body.length, 5_000 + (Number(count) % 2) * 9_000)
            seen.add(Number(count))
            // Lets the lines of the other process in.
            yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          })
          yield* Effect.raceFirst(
            Effect.forever(read),
            Effect.promise(() => child.ended)
          )
          assert.isAbove(seen.size, 10)
        }),
      TIMEOUT
    )

    it.live(
      "without node:sqlite it is Unavailable",
      () =>
        Effect.gen(function* () {
          const place = placeIn(yield* temporaryDirectory)
          const lines = yield* runChild(
            { store, place, do: "putOnce" },
            { node: ["--no-experimental-sqlite"] }
          )
          assert.deepStrictEqual(lines, ["Unavailable"])
        }),
      TIMEOUT
    )
  })
}

it.live(
  "sqlite: a disk with no room left is Unavailable, and what was stored stays",
  () =>
    Effect.gen(function* () {
      const place = join(yield* temporaryDirectory, "sessions.db")
      yield* Effect.scoped(
        Effect.flatMap(open(SqliteSessionStore.layer({ path: place })), (it) =>
          it.put(sessions.sqlite("other", "t"))
        )
      )
      const lines = yield* runChild({ store: "sqlite", place, do: "putForever" }, { shell: "ulimit -f 64" })
      assert.strictEqual(lines.at(-1), "Unavailable")
      const opened = yield* open(SqliteSessionStore.layer({ path: place }))
      assert.isTrue(Option.isSome(yield* opened.get(keys.sqlite("other"))))
      yield* opened.put(sessions.sqlite("other", "u"))
    }),
  TIMEOUT
)
