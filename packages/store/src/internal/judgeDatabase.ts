/** Whether a file is a store that may be opened, decided without changing a byte of it or of what lies beside it. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Result from "effect/Result"
import { closeSync, constants, openSync, readSync, statSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { corrupt, explainFailure, unavailable, type Where } from "./explainFailure.ts"
import { isCode } from "./writePrivateFile.ts"

export interface Claim {
  readonly where: Where
  readonly file: string
  readonly applicationId: number
  /** The newest that we know. */
  readonly version: number
}

type Verdict = Result.Result<void, SessionStoreError>

const fine: Verdict = Result.succeed(undefined)

/**
 * Before the file is made or opened. A store says in its own file what it is before it has a log: what is said in the
 * log alone is somebody else's.
 */
export const judgeFile = (sqlite: typeof import("node:sqlite"), claim: Claim): Verdict => {
  const { file, where } = claim
  // First: while another process makes the store there is no log, and once there is one, the file is whole.
  const isLogged = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
  const state = statSync(file, { throwIfNoEntry: false })
  if (state !== undefined && !state.isFile()) {
    return Result.fail(
      unavailable(where, `${file} is not a regular file: move it away or choose another path`)
    )
  }
  const cut = pagesBeforeCommit(`${file}-journal`)
  if (state === undefined || state.size === 0) {
    return isLogged || (cut !== undefined && cut > 0)
      ? Result.fail(
          corrupt(
            where,
            `${file} is gone or empty, but its log lies beside it: restore it, or move both away and sign in again`
          )
        )
      : fine
  }

  const url = pathToFileURL(file)
  // Immutable: neither locks nor the files that go with them. Closing a descriptor that is not SQLite's own would
  // drop the locks of this process's other connections to the file.
  url.searchParams.set("immutable", "1")
  try {
    const database = new sqlite.DatabaseSync(url, { readOnly: true, defensive: false })
    try {
      const isAlone = !isLogged && cut === undefined
      // In the middle of a commit the file may be shorter than its first page says, which SQLite reads on this word only.
      if (!isAlone) database.exec("pragma writable_schema = on")
      const own = ownWords(database)
      if (isNew(own) && (isLogged || (cut !== undefined && cut > 0))) return notOurs(claim)
      const verdict = judge(own, claim)
      // SQLite notices whole pages that are missing, but reads zeros for what is missing of the last one.
      return Result.isSuccess(verdict) && isAlone && state.size % own.pageSize !== 0
        ? Result.fail(corrupt(where, `${file} was cut short: restore it, or move it away and sign in again`))
        : verdict
    } finally {
      database.close()
    }
  } catch (cause) {
    // The very first commit was cut short: SQLite will take it back and leave an empty file.
    if (cut === 0) return fine
    const failure = explainFailure(where, file, cause)
    if (failure === undefined) throw cause
    return Result.fail(failure)
  }
}

/** The same by what an open database says of itself. */
export const judgeDatabase = (database: DatabaseSync, claim: Claim): Verdict =>
  judge(ownWords(database), claim)

const judge = (own: OwnWords, claim: Claim): Verdict => {
  if (!isNew(own) && own.applicationId !== claim.applicationId) return notOurs(claim)
  return own.version > claim.version
    ? Result.fail(corrupt(claim.where, `${claim.file} was written by a newer release: update this program`))
    : fine
}

const notOurs = ({ file, where }: Claim): Verdict =>
  Result.fail(corrupt(where, `${file} is not a store of sessions: choose another path`))

type OwnWords = ReturnType<typeof ownWords>

const isNew = ({ applicationId, tables, version }: OwnWords) =>
  applicationId === 0 && version === 0 && tables === 0

const ownWords = (database: DatabaseSync) => {
  const own = database
    .prepare(
      `select application_id, user_version, page_size, (select count(*) from sqlite_schema) as tables
      from pragma_application_id, pragma_user_version, pragma_page_size`
    )
    .get()
  return {
    applicationId: Number(own?.["application_id"]),
    version: Number(own?.["user_version"]),
    pageSize: Number(own?.["page_size"]),
    tables: Number(own?.["tables"])
  }
}

/** How SQLite's rollback journals begin. */
const MAGIC = "d9d505f920a163d7"

/** How many pages the database had before the commit that the journal would take back; none where it takes back none. */
const pagesBeforeCommit = (journal: string): number | undefined => {
  const head = Buffer.alloc(20)
  try {
    const file = openSync(journal, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      readSync(file, head)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    if (isCode(cause, "ENOENT") || isCode(cause, "ENOTDIR")) return undefined
    throw cause
  }
  return head.toString("hex", 0, MAGIC.length / 2) === MAGIC ? head.readUInt32BE(16) : undefined
}
