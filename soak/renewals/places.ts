/** Places of one's own for the stores, removed with the scope. */
import { Effect, Option, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { textOfPostgres } from "../../packages/store/test/openPostgres.ts"
import { textOfRedis } from "../../packages/store/test/openRedis.ts"
import { findPostgres, freshSchema, startPostgres } from "../../packages/store/test/postgresServer.ts"
import {
  hasPrivateRedis,
  hasRedis,
  ownPrefix,
  privateRedis,
  redisServer
} from "../../packages/store/test/redisServer.ts"
import type { StoreName } from "./stores.ts"

export interface Place {
  /** What other processes are told. */
  readonly address: string
  /** Stops the server behind it, and starts it again. Files have none. */
  readonly restart: Effect.Effect<void>
}

/** None where the server is not installed. */
type Found = Effect.Effect<Option.Option<Place>, never, Scope.Scope>

const file = (name: string): Found =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "latchkey-soak-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  ).pipe(Effect.map((directory) => Option.some({ address: join(directory, name), restart: Effect.void })))

const redis: Found = Effect.gen(function* () {
  if (!hasRedis) return Option.none()
  const { address, prefix } = yield* Effect.orDie(Effect.flatMap(redisServer, ownPrefix))
  return Option.some({ address: textOfRedis({ address, prefix }), restart: Effect.void })
})

const privateRedisPlace: Found = Effect.gen(function* () {
  if (!hasPrivateRedis) return Option.none()
  const { address, start, stop } = yield* privateRedis({ appendonly: "yes", appendfsync: "always" })
  const restart = Effect.andThen(stop(), start)
  return Option.some({ address: textOfRedis({ address, prefix: "latchkey" }), restart })
})

const postgres: Found = Effect.gen(function* () {
  const found = yield* findPostgres
  if (Option.isNone(found)) return Option.none()
  const schema = yield* freshSchema(found.value)
  const address = textOfPostgres({ url: found.value.url, schema })
  return Option.some({ address, restart: Effect.void })
})

const privatePostgresPlace: Found = Effect.gen(function* () {
  const found = yield* startPostgres
  if (Option.isNone(found)) return Option.none()
  const { start, stop, url } = found.value
  const restart = Effect.andThen(stop("immediate"), start())
  return Option.some({ address: textOfPostgres({ url, schema: "latchkey" }), restart })
})

/** On the server of this machine, where there is one. */
export const places: Readonly<Record<StoreName, Found>> = {
  sqlite: file("sessions.db"),
  cryosparc: file("auth.json"),
  encrypted: file("sessions.db"),
  redis,
  postgres
}

/** On a server of its own. */
export const restartable: Readonly<Record<StoreName, Found>> = {
  ...places,
  redis: privateRedisPlace,
  postgres: privatePostgresPlace
}

export const all: ReadonlyArray<StoreName> = ["sqlite", "cryosparc", "encrypted", "redis", "postgres"]

/** Those whose servers are there or can be started. */
export const available: Effect.Effect<ReadonlyArray<StoreName>> = Effect.map(
  Effect.scoped(Effect.all(places)),
  (found) => all.filter((name) => Option.isSome(found[name]))
)
