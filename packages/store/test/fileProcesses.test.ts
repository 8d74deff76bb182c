/** What only several processes, or the death of one, can show of the stores that are files of other programs. */
import { assert, it } from "@effect/vitest"
import { CryosparcSessionStore, InstanceAuthSessions } from "@latchkey/store"
import { Deferred, Duration, Effect, Option, Schedule } from "effect"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import {
  keys,
  open,
  reasonOf,
  runChild,
  sessions,
  startChild,
  stores,
  temporaryDirectory,
  tokenOf
} from "./support.ts"

const TIMEOUT = 120_000

const files = {
  bosdyn: { entries: [".latchkey", "spot-1.shared.jwt"], aside: ".latchkey", prefix: "robot-42" },
  cryosparc: { entries: [".latchkey", "auth.json"], aside: ".latchkey/auth.json", prefix: "store-28" }
} as const

for (const store of ["bosdyn", "cryosparc"] as const) {
  const { layer, placeIn } = stores[store]
  const [key, session] = [keys[store], sessions[store]]
  const { aside, entries, prefix } = files[store]

  /** The directory that the files of the store are in. */
  const folderOf = (place: string) => (store === "bosdyn" ? place : dirname(place))
  const unfinished = (place: string) =>
    readdirSync(join(folderOf(place), aside)).filter((name) => name.endsWith(".tmp"))

  it.live(
    `${prefix}: ${store}: a disk with no room left is Unavailable, the old token stays, and nothing is left beside it`,
    () =>
      Effect.gen(function* () {
        const place = placeIn(yield* temporaryDirectory)
        const opened = yield* open(layer(place))
        yield* opened.put(session("shared", "old"))
        const lines = yield* runChild({ store, place, do: "putOnce" }, { shell: "ulimit -f 8" })
        assert.deepStrictEqual(lines, ["Unavailable"])
        assert.strictEqual(tokenOf(Option.getOrThrow(yield* opened.get(key("shared"))).session), "old")
        assert.deepStrictEqual(unfinished(place), [])
      }),
    TIMEOUT
  )

  it.live(
    `${prefix}: ${store}: a crash before any step of a write leaves the old token or the new one, and the next write works`,
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const outcomes: Array<string> = []
        for (let dieAt = 1; ; dieAt++) {
          const folder = join(directory, String(dieAt))
          const place = placeIn(folder)
          mkdirSync(folderOf(place), { mode: 0o700, recursive: true })
          yield* Effect.scoped(
            Effect.flatMap(open(layer(place)), (first) => first.put(session("shared", "old")))
          )
          const child = yield* startChild({ store, place, do: "putOnce", dieAt })
          if ((yield* Effect.promise(() => child.ended)) === 0) break
          const opened = yield* open(layer(place))
          const found = tokenOf(Option.getOrThrow(yield* opened.get(key("shared"))).session)
          assert.include(["old", "new".repeat(3_000)], found)
          outcomes.push(found === "old" ? "old" : "new")
          assert.deepStrictEqual(unfinished(place), [])
          assert.deepStrictEqual(readdirSync(folderOf(place)).toSorted(), [...entries])
          assert.strictEqual(yield* reasonOf(opened.put(session("shared", "next"))), "no failure")
        }
        // Old until the rename, new from then on.
        assert.deepStrictEqual(outcomes, outcomes.toSorted().toReversed())
        assert.isAbove(outcomes.filter((outcome) => outcome === "old").length, 2)
        assert.isAbove(outcomes.filter((outcome) => outcome === "new").length, 1)
      }),
    TIMEOUT
  )
}

const cryosparc = { store: "cryosparc", key: keys.cryosparc, session: sessions.cryosparc } as const

it.live(
  "store-29: 20 processes that each insert another e-mail at once lose none",
  () =>
    Effect.gen(function* () {
      const place = join(yield* temporaryDirectory, "auth.json")
      const ends = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, n) => n),
        (n) =>
          runChild({ store: "cryosparc", place, do: n % 2 === 0 ? "insert" : "putOnce", account: `p${n}` }),
        { concurrency: "unbounded" }
      )
      for (const lines of ends) assert.strictEqual(lines.at(-1), "no failure")
      const all = yield* Effect.flatMap(InstanceAuthSessions.load(place), ({ sessions }) => sessions)
      assert.strictEqual(all.get("https://cryosparc.example.com")?.size, 20)
    }),
  TIMEOUT
)

it.live(
  "store-30: a holder of the lock that died delays the next caller by less than two seconds",
  () =>
    Effect.gen(function* () {
      const { key, session, store } = cryosparc
      const place = join(yield* temporaryDirectory, "auth.json")
      const opened = yield* open(CryosparcSessionStore.layer({ path: place }))
      yield* opened.put(session("other", "t"))
      // In the middle of a write: after the new file was made, before it took its place.
      const child = yield* startChild({ store, place, do: "putOnce", dieAt: 3 })
      assert.strictEqual(yield* Effect.promise(() => child.ended), "SIGKILL")
      const [waited] = yield* Effect.timed(opened.put(session("next", "t")))
      assert.isBelow(Duration.toMillis(waited), 2_000)
      assert.isTrue(Option.isSome(yield* opened.get(key("next"))))
      assert.isTrue(Option.isNone(yield* opened.get(key("shared"))))
    }),
  TIMEOUT
)

it.live.skipIf(process.platform !== "linux")(
  "store-30: a holder of the lock that lives is never robbed, however long it takes",
  () =>
    Effect.gen(function* () {
      const { key, session, store } = cryosparc
      const place = join(yield* temporaryDirectory, "auth.json")
      const opened = yield* open(CryosparcSessionStore.layer({ path: place }))
      yield* opened.put(session("other", "t"))
      const child = yield* startChild({ store, place, do: "putOnce", dieAt: 3, signal: "SIGSTOP" })
      yield* untilStopped(child.pid)
      assert.strictEqual(yield* reasonOf(opened.put(session("next", "t"))), "LeaseTimeout")
      process.kill(child.pid, "SIGCONT")
      assert.strictEqual(yield* Effect.promise(() => child.ended), 0)
      yield* opened.put(session("next", "t"))
      for (const account of ["other", "shared", "next"]) {
        assert.isTrue(Option.isSome(yield* opened.get(key(account))))
      }
    }),
  TIMEOUT
)

/** As the system tells it; Linux only. */
const untilStopped = (pid: number) =>
  Effect.sync(() => readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2]).pipe(
    Effect.repeat({ until: (state) => state === "T", schedule: Schedule.spaced("10 millis") })
  )

it.live(
  "a version that a put returned is good, however often another process is refused with the same session",
  () =>
    Effect.gen(function* () {
      const { key, session, store } = cryosparc
      const place = join(yield* temporaryDirectory, "auth.json")
      const opened = yield* open(CryosparcSessionStore.layer({ path: place }))
      let { version } = yield* opened.put(session("counter", "0"))
      const started = yield* Deferred.make<void>()
      yield* startChild(
        { store, place, do: "rival" },
        { onLine: () => Effect.runSync(Deferred.succeed(started, undefined)) }
      )
      yield* Deferred.await(started)
      for (let n = 1; n <= 150; n++) {
        const put = yield* opened.put(session("counter", String(n)), { expected: Option.some(version) })
        version = put.version
        assert.strictEqual(Option.getOrThrow(yield* opened.get(key("counter"))).version, version)
        // The other one has its turn too.
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
    }),
  TIMEOUT
)

for (const name of ["bosdyn", "cryosparc"] as const) {
  it.effect(`S02: ${name}: a token that was replaced is nowhere on disk any more`, () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const store = yield* open(stores[name].layer(stores[name].placeIn(directory)))
      const [before, after] = ["0123456789".repeat(8), "9876543210".repeat(8)]
      const { version } = yield* store.put(sessions[name]("ops", before))
      assert.isTrue(isOnDisk(directory, before))
      yield* store.put(sessions[name]("ops", after), { expected: Option.some(version) })
      assert.isFalse(isOnDisk(directory, before))
      assert.isTrue(isOnDisk(directory, after))
    })
  )
}

const isOnDisk = (directory: string, text: string): boolean =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text)
  )
