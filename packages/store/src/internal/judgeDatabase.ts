/** Whether a file is a store that may be opened, decided without changing a byte of it or making one beside it. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Result from "effect/Result"
import { statSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { corrupt, explainFailure, unavailable, type Where } from "./explainFailure.ts"

export interface Claim {
  readonly where: Where
  readonly file: string
  readonly applicationId: number
  /** The newest that we know. */
  readonly version: number
}

type Verdict = Result.Result<void, SessionStoreError>

export const judgeFile = (sqlite: typeof import("node:sqlite"), claim: Claim): Verdict => {
  const { file, where } = claim
  const state = statSync(file)
  if (!state.isFile()) {
    return Result.fail(
      unavailable(where, `${file} is not a regular file: move it away or choose another path`)
    )
  }
  // Empty is new; and a journal beside it means that a commit was cut short, which SQLite will take back.
  if (state.size === 0 || hasContent(`${file}-journal`)) return Result.succeed(undefined)

  const url = pathToFileURL(file)
  // Immutable: neither locks nor the files that go with them. Closing a descriptor that is not SQLite's own would
  // drop the locks of this process's other connections to the file.
  url.searchParams.set("immutable", "1")
  try {
    const database = new sqlite.DatabaseSync(url, { readOnly: true })
    try {
      const verdict = judgeDatabase(database, claim)
      // SQLite notices whole pages that are missing, but reads zeros for what is missing of the last one.
      const pageSize = Number(database.prepare("pragma page_size").get()?.["page_size"])
      if (Result.isFailure(verdict) || state.size % pageSize === 0 || hasContent(`${file}-wal`))
        return verdict
      return Result.fail(
        corrupt(where, `${file} was cut short: restore it, or move it away and sign in again`)
      )
    } finally {
      database.close()
    }
  } catch (cause) {
    const failure = explainFailure(where, file, cause)
    if (failure === undefined) throw cause
    // With content in the log the file is whole only together with that: to be judged when both are read.
    return hasContent(`${file}-wal`) ? Result.succeed(undefined) : Result.fail(failure)
  }
}

/** The same by what an open database says of itself. */
export const judgeDatabase = (
  database: DatabaseSync,
  { applicationId, file, version, where }: Claim
): Verdict => {
  const own = database
    .prepare(
      "select application_id, user_version, (select count(*) from sqlite_schema) as tables from pragma_application_id, pragma_user_version"
    )
    .get()
  const isNew = own?.["application_id"] === 0 && own["user_version"] === 0 && own["tables"] === 0
  if (!isNew && own?.["application_id"] !== applicationId) {
    return Result.fail(corrupt(where, `${file} is not a store of sessions: choose another path`))
  }
  return Number(own["user_version"]) > version
    ? Result.fail(corrupt(where, `${file} was written by a newer release: update this program`))
    : Result.succeed(undefined)
}

const hasContent = (path: string) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0
