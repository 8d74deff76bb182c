/** What other processes do to a store in Redis: `node redisChild.ts '{"address": …, "prefix": …, "do": …}'`. */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { SessionStore } from "@latchkey/core/SessionStore"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import { Effect, Layer, Option } from "effect"
import { appendFileSync, writeSync } from "node:fs"
import type { Address } from "./redisServer.ts"
import { key, session, tokenOf } from "./support.ts"

export interface Task {
  readonly address: Address
  readonly prefix: string
  readonly do: "count" | "lease" | "putForever" | "hold"
  readonly account?: string
  readonly times?: number
  readonly log?: string
}

const task: Task = JSON.parse(process.argv[2] ?? "{}")
const { account = "shared", address, log = "", prefix, times = 1 } = task
const say = (line: string) => Effect.sync(() => void writeSync(1, `${line}\n`))

const count = Effect.gen(function* () {
  const store = yield* SessionStore
  for (let n = 0; n < times; n++) {
    yield* store.put(session(`${account}-${n}`, `own-${n}`))
    let done = false
    while (!done) {
      const before = yield* store.get(key("counter"))
      const next = Option.isNone(before) ? 1 : Number(tokenOf(before.value.session)) + 1
      done = yield* store
        .put(session("counter", String(next)), { expected: Option.map(before, ({ version }) => version) })
        .pipe(
          Effect.as(true),
          Effect.catchReason("SessionStoreError", "Conflict", () => Effect.succeed(false))
        )
    }
  }
})

const note = (word: string, fence: number) =>
  Effect.sync(() => appendFileSync(log, `${word} ${fence} ${account}\n`))

const lease = Effect.gen(function* () {
  const store = yield* SessionStore
  for (let n = 0; n < times;) {
    const lease = yield* store.lease(key("leased"), "1 minute")
    if (Option.isNone(lease)) {
      yield* Effect.sleep("1 millis")
      continue
    }
    n++
    yield* note("enter", lease.value.fence)
    yield* Effect.sleep("2 millis")
    yield* note("leave", lease.value.fence)
    yield* lease.value.release
  }
})

const putForever = Effect.gen(function* () {
  const store = yield* SessionStore
  for (let n = 0; ; n++) {
    yield* store.put(session(account, `${n}-${"x".repeat(5_000 + (n % 2) * 9_000)}`))
    yield* say(String(n))
  }
})

const hold = Effect.gen(function* () {
  const store = yield* SessionStore
  yield* store.lease(key(account), "1 minute")
  yield* say("held")
  return yield* Effect.never
})

const programs = { count, hold, lease, putForever }

const reason = await Effect.runPromise(
  programs[task.do].pipe(
    Effect.provide(RedisSessionStore.layer({ prefix }).pipe(Layer.provide(NodeRedis.layer(address)))),
    Effect.as("no failure"),
    Effect.catchTag("SessionStoreError", (error) => Effect.succeed(error.reason._tag))
  )
)
writeSync(1, `${reason}\n`)
