/** What other processes do to a store in Redis: `node redisChild.ts '{"address": …, "prefix": …, "do": …}'`. */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { SessionStore } from "@latchkey/core/SessionStore"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import { Effect, Layer } from "effect"
import { writeSync } from "node:fs"
import type { Address } from "./redisServer.ts"
import { key, session } from "./support.ts"
import { count, takeLeases } from "./takingTurns.ts"

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

const turns = Effect.map(SessionStore, (store) => ({ store, key, session, account, times }))

const programs = {
  count: Effect.flatMap(turns, count),
  hold,
  lease: Effect.flatMap(turns, (its) => takeLeases(its, log)),
  putForever
}

const reason = await Effect.runPromise(
  programs[task.do].pipe(
    Effect.provide(RedisSessionStore.layer({ prefix }).pipe(Layer.provide(NodeRedis.layer(address)))),
    Effect.as("no failure"),
    Effect.catchTag("SessionStoreError", (error) => Effect.succeed(error.reason._tag))
  )
)
writeSync(1, `${reason}\n`)
