/** Which tokens have passed, under the hash of their text: the tokens themselves are not kept. */
import * as Exit from "effect/Exit"
import type { Verified } from "../Jwt.ts"
import { frozen } from "./frozen.ts"

interface Entry {
  /** Made once: it is handed out as it is. */
  readonly exit: Exit.Exit<Verified>
  readonly version: number
  readonly beginsAt: number
  readonly endsAt: number
  /** The number of the move that brought it to the end of the line. */
  movedAt: number
}

export interface Passed {
  readonly get: (hash: string, now: number) => Exit.Exit<Verified> | undefined
  readonly put: (hash: string, token: Verified, version: number, beginsAt: number, endsAt: number) => void
}

export const make = (capacity: number, isCurrent: (version: number, now: number) => boolean): Passed => {
  /** The one that was not asked for the longest comes first. */
  const entries = new Map<string, Entry>()
  let moves = 0
  /** Moving is what costs: one that is in the last quarter of the line anyway stays where it is. */
  const quarter = Math.floor(capacity / 4)
  return {
    get: (hash, now) => {
      const entry = entries.get(hash)
      if (entry === undefined) return undefined
      if (now >= entry.endsAt || !isCurrent(entry.version, now)) {
        entries.delete(hash)
        return undefined
      }
      if (moves - entry.movedAt > quarter) {
        entry.movedAt = ++moves
        entries.delete(hash)
        entries.set(hash, entry)
      }
      return now < entry.beginsAt ? undefined : entry.exit
    },
    put: (hash, token, version, beginsAt, endsAt) => {
      entries.delete(hash)
      entries.set(hash, { exit: Exit.succeed(frozen(token)), version, beginsAt, endsAt, movedAt: ++moves })
      if (entries.size <= capacity) return
      for (const oldest of entries.keys()) {
        entries.delete(oldest)
        break
      }
    }
  }
}
