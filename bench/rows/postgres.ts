/** PostgreSQL: a session and its lease, beside the same statements sent by `pg`. */
import { SessionStore } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { Context, Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import { randomUUID } from "node:crypto"
import { Pool } from "pg"
import porsager from "postgres"
import { PgClient } from "@effect/sql-pg"
import { hashOf, statementsFor } from "../../packages/store/src/internal/postgresTables.ts"
import { findPostgres, freshSchema } from "../../packages/store/test/postgresServer.ts"
import type { Row } from "../measure.ts"
import { gets, LEASE_MILLIS, leases, session } from "../servedSession.ts"

/** The same for everybody. */
const CONNECTIONS = 10

const decoded = (row: Readonly<Record<string, unknown>> | undefined) =>
  StoredSession.decode(String(row?.["line"]))

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const scope = Scope.makeUnsafe()
  const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
    Effect.runPromise(Scope.provide(effect, scope))
  const server = Option.getOrUndefined(await inScope(findPostgres))
  if (server === undefined) {
    console.warn("SKIPPED: the row postgres. There is no PostgreSQL")
    return []
  }
  const schema = await inScope(freshSchema(server))
  const client = PgClient.layer({ url: server.url, maxConnections: CONNECTIONS })
  const layer = PostgresSessionStore.layer({ schema }).pipe(Layer.provide(client))
  const store = Context.get(await inScope(Layer.build(layer)), SessionStore)
  await Effect.runPromise(store.put(session))

  const connectionString = Redacted.value(server.url)
  const pool = new Pool({ connectionString, max: CONNECTIONS })
  const sql = porsager(connectionString, { max: CONNECTIONS })
  const statements = statementsFor(schema)
  const hash = hashOf(session.key)
  const ask = (name: "get" | "lease" | "release", values: ReadonlyArray<unknown>) =>
    pool.query({ name, text: statements[name], values: [...values] })

  const got = gets(
    "PostgreSQL",
    { name: "pg", get: async () => decoded((await ask("get", [hash])).rows[0]) },
    store,
    {
      name: "postgres (porsager)",
      get: async () => decoded((await sql.unsafe(statements.get, [hash], { prepare: true }))[0])
    }
  )
  const bareHash = hashOf({ ...session.key, account: "bare" })
  const lease = leases(
    "PostgreSQL",
    "the same two statements by pg",
    async () => {
      const given = await ask("lease", [bareHash, String(LEASE_MILLIS), randomUUID()])
      await ask("release", [bareHash, given.rows[0].fence])
    },
    store
  )
  const close = async () => {
    await pool.end()
    await sql.end()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  return [...got, { ...lease, close }]
}
