/** What other processes do to a store in PostgreSQL: `node postgresChild.ts '{"url": …, "schema": …, "do": …}'`. */
import { PgClient } from "@effect/sql-pg"
import { SessionStore } from "@latchkey/core/SessionStore"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { Effect, Layer, Option, Redacted } from "effect"
import { writeSync } from "node:fs"
import { key, session, tokenOf } from "./support.ts"
import { count } from "./takingTurns.ts"

interface Task {
  readonly url: string
  readonly schema: string
  readonly do: "count" | "lease" | "hold"
  readonly account: string
  readonly times: number
}

const task: Task = JSON.parse(process.argv[2] ?? "{}")
const say = (line: string) => Effect.sync(() => writeSync(1, `${line}\n`))

/** Adds one to a token under the lease, so that two at once would lose one. */
const addUnderLease = Effect.fnUntraced(function* (store: SessionStore["Service"]) {
  const lease = yield* store.lease(key("leased"), "1 minute")
  if (Option.isNone(lease)) return false
  const before = yield* store.get(key("leased"))
  const next = Option.isNone(before) ? 1 : Number(tokenOf(before.value.session)) + 1
  yield* Effect.sleep("1 millis")
  yield* store.put(session("leased", String(next)))
  yield* say(String(lease.value.fence))
  yield* lease.value.release
  return true
})

const program = Effect.gen(function* () {
  const store = yield* SessionStore
  if (task.do === "hold") {
    const lease = yield* store.lease(key(task.account), "1 minute")
    yield* say(`held ${Option.isSome(lease)}`)
    return yield* Effect.never
  }
  if (task.do === "count")
    return yield* count({ store, key, session, account: task.account, times: task.times })
  for (let n = 0; n < task.times; n++) {
    while (!(yield* addUnderLease(store))) yield* Effect.sleep("2 millis")
  }
})

const layer = Layer.provide(
  PostgresSessionStore.layer({ schema: task.schema }),
  PgClient.layer({ url: Redacted.make(task.url) })
)
const reason = await Effect.runPromise(
  program.pipe(
    Effect.provide(layer),
    Effect.as("no failure"),
    Effect.catchTag("SessionStoreError", (error) => Effect.succeed(error.reason._tag))
  )
)
await Effect.runPromise(say(reason))
