/** What is in a session file right now. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Result from "effect/Result"
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { corrupt, unavailable, type Where } from "./explainFailure.ts"
import { readSessions, type Sessions } from "./readSessions.ts"
import { isCode } from "./writePrivateFile.ts"

/** About a million sessions, and less than the longest string there can be. */
const MAX_BYTES = 400 * 1024 * 1024

export interface Content {
  readonly sessions: Sessions
  readonly isThere: boolean
  /** When the file was last written, in milliseconds since 1970; 0 where there is none. */
  readonly modified: number
}

// A byte order mark is no JSON.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** A missing file is empty. Links are followed. Throws what the file system throws. */
export const readAuthFile = (where: Where, path: string): Result.Result<Content, SessionStoreError> => {
  let file: number
  try {
    // A pipe in the place of a file would otherwise be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return Result.succeed({ sessions: new Map(), isThere: false, modified: 0 })
    throw cause
  }
  try {
    const { mtimeMs, size } = fstatSync(file)
    if (size > MAX_BYTES) {
      return Result.fail(
        unavailable(where, `${path} is larger than ${MAX_BYTES} bytes: move it away and sign in again`)
      )
    }
    const sessions = sessionsIn(readFileSync(file))
    return sessions === undefined
      ? Result.fail(
          corrupt(
            where,
            `${path} is not a file of sessions, or is damaged: mend it, or move it away and sign in again`
          )
        )
      : Result.succeed({ sessions, isThere: true, modified: Math.floor(mtimeMs) })
  } finally {
    closeSync(file)
  }
}

const sessionsIn = (bytes: Uint8Array): Sessions | undefined => {
  try {
    return readSessions(utf8.decode(bytes))
  } catch {
    return undefined
  }
}
