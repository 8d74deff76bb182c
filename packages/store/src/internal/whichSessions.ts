/** Which of the sessions of a file match, and which are over. */
import type { Entry, Good, Sessions } from "./readSessions.ts"
import { isOver } from "./whenItExpires.ts"
import { written } from "./writeSessions.ts"

export interface Placed<E> {
  readonly url: string
  readonly email: string
  readonly entry: E
}

export const entriesIn = (sessions: Sessions): ReadonlyArray<Placed<Entry>> =>
  Array.from(sessions).flatMap(([url, emails]) =>
    Array.from(emails, ([email, entry]) => ({ url, email, entry }))
  )

/** In order. An empty e-mail is any. */
export function* goodIn(
  sessions: Sessions,
  isWanted: (url: string) => boolean,
  email: string
): Iterable<Placed<Good>> {
  for (const [url, emails] of sessions) {
    if (!isWanted(url)) continue
    const only = emails.get(email)
    for (const [of, entry] of email === "" ? emails : only === undefined ? [] : [[email, only] as const]) {
      if (entry._tag === "Good") yield { url, email: of, entry }
    }
  }
}

export const allGood = (sessions: Sessions) => Array.from(goodIn(sessions, () => true, ""))

/** But for those that are held as they are: they had not expired when they were loaded, or were inserted expired. */
export const dropExpired = (sessions: Sessions, now: number, held?: Sessions): Sessions => {
  for (const { email, entry, url } of allGood(sessions)) {
    if (!isOver(entry.expires, now)) continue
    const mine = held?.get(url)?.get(email)
    if (mine === undefined || written(mine) !== written(entry)) sessions.get(url)?.delete(email)
  }
  return sessions
}
