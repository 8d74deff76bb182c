/** Stores on the PostgreSQL of the tests, each in a schema of its own. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { afterAll, describe } from "@effect/vitest"
import type { SessionStore } from "@latchkey/core/SessionStore"
import * as PostgresSessionStore from "@latchkey/store/PostgresSessionStore"
import { type Duration, Effect, Exit, Layer, Option, Scope } from "effect"
import { freshSchema, type Postgres, query } from "./postgresServer.ts"
import { open } from "./support.ts"

export type Store = SessionStore["Service"]

const whole = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(whole, Exit.void)))

/** What is tested on one server; skipped, visibly, where there is none. It ends with the tests of the file. */
export const onPostgres = async <S extends Postgres>(
  subject: string,
  found: Effect.Effect<Option.Option<S>, never, Scope.Scope>,
  tests: (server: S) => void
): Promise<void> => {
  const server = Option.getOrUndefined(await Effect.runPromise(Scope.provide(found, whole)))
  if (server === undefined) {
    process.stderr.write(
      `SKIPPED: PostgreSQL: ${subject}. There is none; \`npm run services\` installs one\n`
    )
  }
  describe.skipIf(server === undefined)(`PostgreSQL: ${subject}`, () => {
    if (server !== undefined) tests(server)
  })
}

export const clientOf = (server: Postgres, client: PgClient.PgPoolConfig = {}) =>
  Layer.fresh(PgClient.layer({ url: server.url, ...client }))

export const layerOn = (
  server: Postgres,
  options: PostgresSessionStore.Options,
  client: PgClient.PgPoolConfig = {}
) => Layer.provide(PostgresSessionStore.layer(options), clientOf(server, client))

/** What most tests do with a server. */
export const placesOn = (server: Postgres) => {
  const schemaOf = freshSchema(server)
  return {
    schemaOf,
    ask: (statement: string, values?: ReadonlyArray<unknown>) => query(server, statement, values),
    opened: Effect.fnUntraced(function* (client?: PgClient.PgPoolConfig, timeout?: Duration.Input) {
      const schema = yield* schemaOf
      const options = timeout === undefined ? { schema } : { schema, timeout }
      return { schema, store: yield* open(layerOn(server, options, client)) }
    })
  }
}

/** Polls for what another connection is about to reach, and no test passes without it. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* Effect.sleep("5 millis")
  })

export const countOf = (rows: ReadonlyArray<Record<string, unknown>>): number => Number(rows[0]?.["count"])
