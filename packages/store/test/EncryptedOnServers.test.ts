import { NodeRedis } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { afterAll } from "@effect/vitest"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import * as SealingKey from "@latchkey/store/SealingKey"
import { SessionStoreContract } from "@latchkey/testing"
import { Duration, Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"
import { findPostgres, freshSchema, query } from "./postgresServer.ts"
import { hasRedis, ownPrefix, redisServer } from "./redisServer.ts"

const sealed = EncryptedSessionStore.layer({ key: SealingKey.make(Redacted.make(randomBytes(32))) })

const really = (duration: Duration.Duration) =>
  Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, Duration.toMillis(duration))))

if (hasRedis) {
  SessionStoreContract.suite(
    "EncryptedSessionStore around Redis",
    Effect.map(
      Effect.andThen(TestClock.adjust(0), Effect.flatMap(redisServer, ownPrefix)),
      ({ address, prefix }) =>
        sealed.pipe(
          Layer.provide(RedisSessionStore.layer({ prefix })),
          Layer.provide(NodeRedis.layer(address))
        )
    ),
    { passTime: really, ttl: 300 }
  )
}

const whole = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(whole, Exit.void)))
const postgres = await Effect.runPromise(Scope.provide(findPostgres, whole))

if (Option.isSome(postgres)) {
  const server = postgres.value
  let place = ""
  // For leases alone, and for them at once, as in the tests of the store itself.
  const passTime = (duration: Duration.Duration) =>
    Effect.asVoid(
      query(
        server,
        `update "${place}".sessions set held_until = held_until - $1::float8 * interval '1 millisecond'`,
        [String(Duration.toMillis(duration))]
      )
    )
  SessionStoreContract.suite(
    "EncryptedSessionStore around PostgreSQL",
    Effect.map(freshSchema(server), (schema) => {
      place = schema
      return sealed.pipe(
        Layer.provide(PostgresSessionStore.layer({ schema })),
        Layer.provide(Layer.fresh(PgClient.layer({ url: server.url })))
      )
    }),
    { lacks: ["nul"], passTime, ttl: 60_000 }
  )
}
