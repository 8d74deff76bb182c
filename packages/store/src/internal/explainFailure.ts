/** What a failure of the operating system or of SQLite means to the caller, and what there is to do about it. */
import { Corrupt, SessionStoreError, Unavailable } from "@latchkey/core/SessionStoreError"
import * as Result from "effect/Result"

/** The store's name, and where it lies: `provider` and `instance` of its errors. */
export interface Where {
  readonly provider: string
  readonly instance: string
}

export const unavailable = (where: Where, message: string): SessionStoreError =>
  SessionStoreError.because(where, new Unavailable({ message }))

export const corrupt = (where: Where, message: string): SessionStoreError =>
  SessionStoreError.because(where, new Corrupt({ message }))

export const damaged = (where: Where, path: string): SessionStoreError =>
  corrupt(where, `${path} is damaged or is not a store: keep a copy of it, move it away and sign in again`)

/** None for what is neither a failed system call, a path that cannot be one, nor a failure of SQLite: a bug, and no failure of the store. */
export const explainFailure = (where: Where, path: string, cause: unknown): SessionStoreError | undefined => {
  if (!(cause instanceof Error) || !("code" in cause) || typeof cause.code !== "string") return undefined
  if (cause.code === "ERR_SQLITE_ERROR" && "errcode" in cause && typeof cause.errcode === "number") {
    // The low byte is the primary result code; the rest refines it.
    const code = cause.errcode & 0xff
    return damage.has(code)
      ? damaged(where, path)
      : unavailable(where, `${path}: ${sqliteAdvice[code] ?? `SQLite failed with code ${cause.errcode}`}`)
  }
  if (cause.code === "ERR_INVALID_ARG_VALUE") {
    return unavailable(where, "a path cannot hold a NUL character: choose another path")
  }
  // A number in a row that no JavaScript number can hold: we write none.
  if (cause.code === "ERR_OUT_OF_RANGE") return damaged(where, path)
  if ("syscall" in cause) {
    return unavailable(where, `${path}: ${systemAdvice[cause.code] ?? `the system answered ${cause.code}`}`)
  }
  return undefined
}

const full = "the disk or the quota is full: make room, then try again"
const readOnly = "the file or its file system is read-only: make it writable or choose another path"

const systemAdvice: Record<string, string | undefined> = {
  EACCES: "permission denied: check who owns it and its directories, or choose another path",
  EPERM: "permission denied: check who owns it and its directories, or choose another path",
  ENOENT: "a part of the path is missing or is a link that leads nowhere: create it or choose another path",
  ENOTDIR: "a part of the path is a file, not a directory: move that file away or choose another path",
  EISDIR: "there is a directory where the file should be: move it away or choose another path",
  EEXIST: "something else is in the way: move it away or choose another path",
  ELOOP: "its symbolic links lead in a circle: mend them or choose another path",
  ENAMETOOLONG: "the name is too long for the file system: choose another path",
  EROFS: readOnly,
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: "the file may not grow: raise the limit on file sizes, then try again",
  EMFILE: "this process has too many open files: close some or raise the limit",
  ENFILE: "the system has too many open files: close some or raise the limit",
  EIO: "the disk failed: check it"
}

/** SQLite's primary result codes: SQLITE_ERROR (our tables are not there), CORRUPT, CONSTRAINT, MISMATCH, NOTADB. */
const damage = new Set([1, 11, 19, 20, 26])

const sqliteAdvice: Record<number, string | undefined> = {
  3: "permission denied: check who owns it and its directory",
  5: "other processes kept it locked: try again",
  6: "other processes kept it locked: try again",
  7: "out of memory",
  8: readOnly,
  10: "reading or writing failed: check for free space, limits on file sizes, and the disk",
  13: full,
  14: "it cannot be opened: check that it is a file, that its directory exists, and who may write to both",
  15: "other processes kept it locked: try again"
}

/** Runs what touches the disk. A failure of the system is one of the store; a bug is thrown on. */
export const onDisk = <A>(
  where: Where,
  path: string,
  run: () => Result.Result<A, SessionStoreError>
): Result.Result<A, SessionStoreError> => {
  try {
    return run()
  } catch (cause) {
    const failure = explainFailure(where, path, cause)
    if (failure === undefined) throw cause
    return Result.fail(failure)
  }
}
