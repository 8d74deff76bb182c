/** What is in a session file right now. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { hash } from "node:crypto"
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { corrupt, unavailable, type Where } from "./explainFailure.ts"
import { readSessions, type Sessions } from "./readSessions.ts"
import { isCode } from "./writePrivateFile.ts"

/** About a million sessions, and less than the longest string there can be. */
export const MAX_BYTES = 400 * 1024 * 1024

export interface Content {
  readonly sessions: Sessions
  readonly isThere: boolean
  /** When the file was last written, in milliseconds since 1970; 0 where there is none. */
  readonly modified: number
  /** Tells whether another file has the same bytes. */
  readonly digest: () => string
}

/** A file that was read before, and its sessions, whatever has become of them since. */
export interface Known {
  readonly digest: string
  readonly sessions: Sessions
}

// A byte order mark is no JSON.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * A missing file is empty. A file that has not changed is not read through again: its sessions are the known ones. Links
 * are followed. Throws what the file system throws.
 */
export const readAuthFile = (
  where: Where,
  path: string,
  known?: Known
): Result.Result<Content, SessionStoreError> => {
  let file: number
  try {
    // A pipe in the place of a file would otherwise be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (isCode(cause, "ENOENT")) {
      return Result.succeed({ sessions: new Map(), isThere: false, modified: 0, digest: () => "" })
    }
    throw cause
  }
  try {
    const state = fstatSync(file)
    const { mtimeMs, size } = state
    if (!state.isFile()) {
      return Result.fail(unavailable(where, `${path} is not a file: move it away, or choose another path`))
    }
    if (size > MAX_BYTES) {
      return Result.fail(
        unavailable(where, `${path} is larger than ${MAX_BYTES} bytes: move it away and sign in again`)
      )
    }
    const bytes = readFileSync(file)
    const digest = () => hash("sha256", bytes)
    const sessions = known !== undefined && known.digest === digest() ? known.sessions : sessionsIn(bytes)
    return sessions === undefined
      ? Result.fail(
          corrupt(
            where,
            `${path} is not a file of sessions, or is damaged: mend it, or move it away and sign in again`
          )
        )
      : Result.succeed({ sessions, isThere: true, modified: Math.floor(mtimeMs), digest })
  } finally {
    closeSync(file)
  }
}

const sessionsIn = (bytes: Uint8Array): Sessions | undefined =>
  Option.flatMap(decode(bytes), (text) => Option.fromUndefinedOr(readSessions(text))).pipe(
    Option.getOrUndefined
  )

const decode = Option.liftThrowable((bytes: Uint8Array) => utf8.decode(bytes))
