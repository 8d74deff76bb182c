/** How a schema of PostgreSQL becomes a store: made if missing, judged, brought up to date. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Ask } from "./askPostgres.ts"
import { corrupt, unavailable, type Where } from "./explainFailure.ts"
import { type Statements, VERSION } from "./postgresTables.ts"

/** PostgreSQL cuts longer names, in bytes, and two of them may become one. */
const MAX_NAME = 63

export const judgeName = (where: Where, schema: string): Effect.Effect<void, SessionStoreError> =>
  schema !== "" &&
  schema.isWellFormed() &&
  !schema.includes("\0") &&
  new TextEncoder().encode(schema).length <= MAX_NAME
    ? Effect.void
    : Effect.fail(
        unavailable(where, `the name of a schema has 1 to ${MAX_NAME} bytes and no NUL: choose another one`)
      )

/**
 * Effect's `Migrator` does not fit: it locks a table of its own at every opening, which a role that only reads and writes may
 * not do and a standby cannot; it takes a newer version for its own; and a connection lost in its transaction is a defect.
 */
export const openSchema = Effect.fnUntraced(function* (ask: Ask, where: Where, statements: Statements) {
  const versionOf = Effect.gen(function* () {
    const [seen] = yield* ask(statements.look)
    if (seen?.["encoding"] !== "UTF8") {
      return yield* unavailable(where, "the database is not of encoding UTF8: create one that is")
    }
    if (Number(seen["isOurs"]) !== 1) return undefined
    const rows = yield* ask(statements.version)
    return rows.length === 1 ? Number(rows[0]?.["version"]) : NaN
  })

  let version = yield* versionOf
  if (version === undefined) {
    // Where transactions see the past, another process may have made it in the meantime.
    const made = yield* Effect.result(ask(statements.migrate))
    version = yield* versionOf
    if (version === undefined && Result.isFailure(made)) return yield* made.failure
  }
  if (version === undefined) {
    return yield* corrupt(
      where,
      `the schema ${where.instance} is not a store of sessions: choose another schema`
    )
  }
  if (version > VERSION) {
    return yield* corrupt(
      where,
      `the schema ${where.instance} was written by a newer release: update this program`
    )
  }
  if (version !== VERSION) {
    return yield* corrupt(where, `the version of the schema ${where.instance} is damaged: restore it`)
  }
})
