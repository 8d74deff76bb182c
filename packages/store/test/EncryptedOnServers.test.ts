import { NodeRedis } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { afterAll } from "@effect/vitest"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import { Effect, Exit, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { findPostgres, freshSchema } from "./postgresServer.ts"
import { hasRedis, ownPrefix, redisServer } from "./redisServer.ts"
import { sealedOn } from "./sealedOn.ts"

if (hasRedis) {
  sealedOn(
    "Redis",
    Effect.map(
      Effect.orDie(Effect.andThen(TestClock.adjust(0), Effect.flatMap(redisServer, ownPrefix))),
      ({ address, prefix }) =>
        RedisSessionStore.layer({ prefix }).pipe(Layer.provide(Layer.fresh(NodeRedis.layer(address))))
    )
  )
}

const whole = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(whole, Exit.void)))
const postgres = await Effect.runPromise(Scope.provide(findPostgres, whole))

if (Option.isSome(postgres)) {
  const server = postgres.value
  sealedOn(
    "PostgreSQL",
    Effect.map(freshSchema(server), (schema) =>
      PostgresSessionStore.layer({ schema }).pipe(
        Layer.provide(Layer.fresh(PgClient.layer({ url: server.url })))
      )
    )
  )
} else process.stderr.write("SKIPPED: what seals sessions in PostgreSQL. There is none\n")
