/** Whether others on this machine could read or replace a file that holds secrets. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Effect from "effect/Effect"
import { type Stats, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { explainFailure, unavailable, type Where } from "./explainFailure.ts"
import { followLinks } from "./followLinks.ts"

/** What to do about a file that is not private. */
export type OnLooseMode = "warn" | "refuse"

/**
 * Warns of such a file in the log, once for the same complaint, or fails. A file that is not there yet is as private as
 * the nearest directory that is.
 */
export const insistOnPrivacy = (
  where: Where,
  onLooseMode: OnLooseMode = "warn"
): ((path: string) => Effect.Effect<void, SessionStoreError>) => {
  const told = new Set<string>()
  return (path) =>
    Effect.suspend(() => {
      try {
        const why = whyNotPrivate(path)
        if (why === undefined) return Effect.void
        if (onLooseMode === "refuse") return Effect.fail(unavailable(where, why))
        if (told.has(why)) return Effect.void
        told.add(why)
        return Effect.logWarning(why)
      } catch (cause) {
        const failure = explainFailure(where, path, cause)
        return failure === undefined ? Effect.die(cause) : Effect.fail(failure)
      }
    })
}

/** Windows has no modes, and keeps a user's directories from others by itself. */
const whyNotPrivate = (path: string): string | undefined => {
  if (process.platform === "win32") return undefined
  const target = followLinks(path)
  const file = statSync(target, { throwIfNoEntry: false })
  // What is not a file is refused by whoever opens it: it holds no secret, and to chmod it would do harm.
  if (file?.isFile() === true) {
    if (process.getuid !== undefined && file.uid !== process.getuid() && !isGivenAway(target, file)) {
      return `${target} belongs to another user: take it over or move it away`
    }
    if ((file.mode & 0o077) !== 0)
      return `${target} is open to other users: chmod 600 it, and sign in again to be safe`
  }
  // Who can replace a link can replace what is read through it.
  const loose = [dirname(resolve(path)), dirname(target)].map(nearest).find(({ state }) => isOpen(state))
  return loose && `other users may replace files in ${loose.directory}: chmod 700 it`
}

/** What root makes belongs to whom the directory belongs to. */
const isGivenAway = (path: string, { uid }: Stats): boolean =>
  process.getuid?.() === 0 && statSync(dirname(path), { throwIfNoEntry: false })?.uid === uid

const nearest = (directory: string): { readonly directory: string; readonly state: Stats } => {
  const state = statSync(directory, { throwIfNoEntry: false })
  return state === undefined ? nearest(dirname(directory)) : { directory, state }
}

/** In a sticky directory such as /tmp others can add files, but not replace ours. */
const isOpen = ({ mode }: Stats) => (mode & 0o022) !== 0 && (mode & 0o1000) === 0
