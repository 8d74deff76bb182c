/** How a private SQLite file becomes a connection: made if missing, judged, brought up to date. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Result from "effect/Result"
import { dirname } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { checkDatabase } from "./checkDatabase.ts"
import { unavailable, type Where } from "./explainFailure.ts"
import { type Claim, judgeDatabase, judgeFile } from "./judgeDatabase.ts"
import { followLinks } from "./followLinks.ts"
import { makePrivateDirectory, makePrivateFile } from "./writePrivateFile.ts"

/** How long SQLite itself waits for a lock: the event loop stands still so long. */
const BUSY_TIMEOUT_MILLIS = 10

export interface Options<S> {
  readonly where: Where
  readonly path: string
  /** Tells our files from those of other programs. */
  readonly applicationId: number
  /** The n-th brings a store of version n to n + 1. Never change one that was released: add one. */
  readonly migrations: ReadonlyArray<string>
  /** Made once for the connection. */
  readonly prepare: (database: DatabaseSync) => S
  /** Whether a write that has returned survives the loss of power, and not only a crash. Default: true. */
  readonly survivesPowerLoss?: boolean
  /** Called once, under the lock, when the file is open. */
  readonly afterOpen?: () => void
}

export interface Connection<S> {
  readonly database: DatabaseSync
  readonly statements: S
}

/** Throws what SQLite and the file system throw. */
export const connect = <S>(options: Options<S>): Result.Result<Connection<S>, SessionStoreError> => {
  const { applicationId, migrations, path, where } = options
  const sqlite = process.getBuiltinModule("node:sqlite")
  if (sqlite === undefined) {
    return Result.fail(unavailable(where, "this needs node:sqlite: use Node 22.19 or newer"))
  }
  const file = followLinks(path)
  const claim: Claim = { applicationId, file, version: migrations.length, where }
  const verdict = judgeFile(sqlite, claim)
  if (Result.isFailure(verdict)) return Result.fail(verdict.failure)
  makePrivateDirectory(dirname(file))
  makePrivateFile(file)

  const database = new sqlite.DatabaseSync(file, { timeout: BUSY_TIMEOUT_MILLIS })
  try {
    const synchronous = options.survivesPowerLoss === false ? "normal" : "full"
    database.exec(`pragma synchronous = ${synchronous}; pragma secure_delete = on`)
    const migrated = Result.andThen(checkDatabase(database, claim), () =>
      migrate(database, claim, migrations)
    )
    if (Result.isFailure(migrated)) {
      database.close()
      return Result.fail(migrated.failure)
    }
    database.exec("pragma journal_mode = wal")
    const statements = options.prepare(database)
    if (options.afterOpen !== undefined) {
      const { afterOpen } = options
      transact(database, () => Result.succeed(afterOpen()))
    }
    return Result.succeed({ database, statements })
  } catch (cause) {
    database.close()
    throw cause
  }
}

/**
 * A new file starts with a rollback journal, so that what is in it is a whole store or none; a later migration goes from
 * the log to the file at once. `judgeFile` relies on both.
 */
const migrate = (
  database: DatabaseSync,
  claim: Claim,
  migrations: ReadonlyArray<string>
): Result.Result<void, SessionStoreError> => {
  if (versionOf(database) === migrations.length) return judgeDatabase(database, claim)
  const migrated = transact(database, () =>
    Result.map(judgeDatabase(database, claim), () => {
      for (const migration of migrations.slice(versionOf(database))) database.exec(migration)
      database.exec(
        `pragma application_id = ${claim.applicationId}; pragma user_version = ${migrations.length}`
      )
    })
  )
  database.exec("pragma wal_checkpoint(truncate)")
  return migrated
}

const versionOf = (database: DatabaseSync) =>
  Number(database.prepare("pragma user_version").get()?.["user_version"])

export const transact = <A>(
  database: DatabaseSync,
  run: () => Result.Result<A, SessionStoreError>
): Result.Result<A, SessionStoreError> => {
  database.exec("begin immediate")
  try {
    const result = run()
    database.exec(Result.isSuccess(result) ? "commit" : "rollback")
    return result
  } catch (cause) {
    if (database.isTransaction) database.exec("rollback")
    throw cause
  }
}
