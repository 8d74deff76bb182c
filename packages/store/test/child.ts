/** What other processes do to a store: `node child.ts '{"store": …, "place": …, "do": …}'`. */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"

interface Task {
  readonly store: "sqlite" | "bosdyn" | "cryosparc"
  readonly place: string
  readonly do: "count" | "lease" | "putForever" | "putOnce" | "hold" | "insert" | "rival"
  readonly account?: string
  readonly times?: number
  readonly log?: string
  /** Dies just before its n-th change to the file system, counted from 1. */
  readonly dieAt?: number
  /** Sleeps there instead, until it is told to go on. */
  readonly signal?: "SIGKILL" | "SIGSTOP"
}

const task: Task = JSON.parse(process.argv[2] ?? "{}")
const say = (line: string) => fs.writeSync(1, `${line}\n`)

if (task.dieAt !== undefined) {
  let changes = 0
  const { closeSync, fsyncSync, futimesSync, mkdirSync, openSync, renameSync, writeFileSync } = fs
  const steps = { closeSync, fsyncSync, futimesSync, mkdirSync, openSync, renameSync, writeFileSync }
  for (const [name, original] of Object.entries(steps)) {
    Object.defineProperty(fs, name, {
      value: (...args: ReadonlyArray<unknown>) => {
        if (armed && ++changes === task.dieAt) process.kill(process.pid, task.signal ?? "SIGKILL")
        return Reflect.apply(original, fs, args)
      }
    })
  }
  syncBuiltinESMExports()
}
let armed = false

const { Effect, Option, Redacted } = await import("effect")
const { SessionStore } = await import("@latchkey/core/SessionStore")
const { keys, sessions, tokenOf } = await import("./support.ts")
const { count, takeLeases } = await import("./takingTurns.ts")
const { BosdynTokenStore, CryosparcSessionStore, InstanceAuthSessions, SqliteSessionStore } =
  await import("@latchkey/store")

const layer = {
  sqlite: SqliteSessionStore.layer({ path: task.place }),
  bosdyn: BosdynTokenStore.layer({ directory: task.place }),
  cryosparc: CryosparcSessionStore.layer({ path: task.place })
}[task.store]
const key = keys[task.store]
const session = sessions[task.store]

const account = task.account ?? "shared"
const times = task.times ?? 1

const program = Effect.gen(function* () {
  const store = yield* SessionStore
  switch (task.do) {
    case "count":
      return yield* count({ store, key, session, account, times })
    case "lease":
      return yield* takeLeases({ store, key, session, account, times }, task.log ?? "")
    case "putForever": {
      for (let n = 0; ; n++) {
        yield* store.put(session(account, `${n}-${"x".repeat(5_000 + (n % 2) * 9_000)}`))
        say(String(n))
        yield* Effect.yieldNow
      }
    }
    case "putOnce": {
      armed = true
      yield* store.put(session(account, "new".repeat(3_000)))
      armed = false
      say("done")
      return
    }
    case "rival": {
      // Puts the very session that comes next, and is always refused.
      say("started")
      while (true) {
        const before = yield* store.get(key("counter"))
        const next = Option.isNone(before) ? 1 : Number(tokenOf(before.value.session)) + 1
        yield* store
          .put(session("counter", String(next)), { expected: Option.some("stale") })
          .pipe(Effect.catchReason("SessionStoreError", "Conflict", () => Effect.void))
        yield* Effect.yieldNow
      }
    }
    case "insert": {
      // As the Python tools do it, one after the other: load, insert, save.
      const auth = yield* InstanceAuthSessions.load(task.place)
      yield* auth.insert("https://cryosparc.example.com", account, Redacted.make("t"), "2099-01-31T12:00:00Z")
      yield* auth.save()
      return
    }
    case "hold": {
      yield* store.lease(key(account), "1 minute")
      say("held")
      return yield* Effect.sleep("10 minutes")
    }
  }
})

const reason = await Effect.runPromise(
  program.pipe(
    Effect.provide(layer),
    Effect.as("no failure"),
    Effect.catchTag("SessionStoreError", (error) => Effect.succeed(error.reason._tag))
  )
)
say(reason)
