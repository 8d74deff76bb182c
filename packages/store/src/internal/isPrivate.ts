/** Whether others on this machine could read or replace a file that holds secrets. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Effect from "effect/Effect"
import { statSync } from "node:fs"
import { dirname } from "node:path"
import { explainFailure, unavailable, type Where } from "./explainFailure.ts"
import { followLinks } from "./writePrivateFile.ts"

/** What to do about a file that is not private. */
export type OnLooseMode = "warn" | "refuse"

/** Warns of such a file in the log, or fails. A file that is not there is private. */
export const insistOnPrivacy = (
  where: Where,
  path: string,
  onLooseMode: OnLooseMode = "warn"
): Effect.Effect<void, SessionStoreError> =>
  Effect.suspend(() => {
    try {
      const why = whyNotPrivate(followLinks(path))
      if (why === undefined) return Effect.void
      return onLooseMode === "warn" ? Effect.logWarning(why) : Effect.fail(unavailable(where, why))
    } catch (cause) {
      const failure = explainFailure(where, path, cause)
      return failure === undefined ? Effect.die(cause) : Effect.fail(failure)
    }
  })

/** Windows has no modes, and keeps a user's directories from others by itself. */
const whyNotPrivate = (path: string): string | undefined => {
  if (process.platform === "win32") return undefined
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined) return undefined
  if (process.getuid !== undefined && file.uid !== process.getuid()) {
    return `${path} belongs to another user: take it over or move it away`
  }
  if ((file.mode & 0o077) !== 0)
    return `${path} is open to other users: chmod 600 it, and sign in again to be safe`
  const directory = statSync(dirname(path))
  // In a sticky directory such as /tmp others can add files, but not replace ours.
  if ((directory.mode & 0o022) !== 0 && (directory.mode & 0o1000) === 0) {
    return `other users may replace files in ${dirname(path)}: chmod 700 it`
  }
  return undefined
}
