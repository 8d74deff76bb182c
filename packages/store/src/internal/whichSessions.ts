/** Which of the sessions of a file match, and which are over. */
import type { Bad, Entry, Good, Sessions } from "./readSessions.ts"
import { isOver } from "./whenItExpires.ts"
import { written } from "./writeSessions.ts"

export interface Placed<E> {
  readonly url: string
  readonly email: string
  readonly entry: E
}

/** In order. An empty e-mail is any. */
function* placed(
  sessions: Sessions,
  isWanted: (url: string) => boolean,
  email: string
): Iterable<Placed<Entry>> {
  for (const [url, emails] of sessions) {
    if (!isWanted(url)) continue
    if (email === "") {
      for (const [of, entry] of emails) yield { url, email: of, entry }
    } else {
      const entry = emails.get(email)
      if (entry !== undefined) yield { url, email, entry }
    }
  }
}

const isGood = (one: Placed<Entry>): one is Placed<Good> => one.entry._tag === "Good"

const isBad = (one: Placed<Entry>): one is Placed<Bad> => one.entry._tag === "Bad"

export function* goodIn(
  sessions: Sessions,
  isWanted: (url: string) => boolean = () => true,
  email = ""
): Iterable<Placed<Good>> {
  for (const one of placed(sessions, isWanted, email)) if (isGood(one)) yield one
}

export const badIn = (sessions: Sessions): ReadonlyArray<Placed<Bad>> => {
  const bad: Array<Placed<Bad>> = []
  for (const one of placed(sessions, () => true, "")) if (isBad(one)) bad.push(one)
  return bad
}

/** But for those that are held as they are: they had not expired when they were loaded, or were inserted expired. */
export const dropExpired = (sessions: Sessions, now: number, held?: Sessions): Sessions => {
  for (const { email, entry, url } of goodIn(sessions)) {
    if (!isOver(entry.expires, now)) continue
    const mine = held?.get(url)?.get(email)
    if (mine === undefined || written(mine) !== written(entry)) sessions.get(url)?.delete(email)
  }
  return sessions
}
