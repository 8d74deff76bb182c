/** Whose session a status tells of. */
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { AuthStatus } from "../AuthStatus.ts"
import type { Where } from "./where.ts"

/**
 * The game keeps the token to itself, and renews by itself. So there is no expiry either: one that has passed would end a
 * session that goes on.
 */
const make = (key: SessionKey, id: string | undefined, name: string | undefined): Effect.Effect<Session> =>
  Effect.map(
    DateTime.now,
    (issuedAt) =>
      new Session({
        key,
        issuedAt,
        account: { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
      })
  )

/**
 * The session of a fresh login: under the user's id, or name, or neither, where the game knows neither yet. A game holds
 * one sign-in at a time; and what was typed in to sign in is for the game alone.
 */
export const won = (where: Where, { userId, userName }: AuthStatus): Effect.Effect<Session> =>
  make(new SessionKey({ ...where, account: userId ?? userName ?? "unknown" }), userId, userName)

/** The same session, seen again. What was known about its account stays known. */
export const seen = ({ account, key }: Session, { userId, userName }: AuthStatus): Effect.Effect<Session> =>
  make(key, userId ?? account.id, userName ?? account.name)

const isId = (account: string): boolean => account.startsWith("U-")

/** Whose a status is that says logged in, as a session sees it. */
type Owner = "Same" | "Other" | "Unknown"

/** By id where both have one, else by name where both have one. A name may look like an id. */
export const ownerOf = ({ account, key }: Session, { userId, userName }: AuthStatus): Owner => {
  const id = account.id ?? (account.name === undefined && isId(key.account) ? key.account : undefined)
  if (id !== undefined && userId !== undefined) return id === userId ? "Same" : "Other"
  if (account.name === undefined || userName === undefined) return "Unknown"
  return account.name === userName ? "Same" : "Other"
}
