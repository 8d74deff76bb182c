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

/** The session of a fresh login: under the user's id or name, or, where the game knows neither yet, under what was given. */
export const won = (
  where: Where,
  { userId, userName }: AuthStatus,
  credential: string
): Effect.Effect<Session> =>
  make(new SessionKey({ ...where, account: userId ?? userName ?? credential }), userId, userName)

/** The same session, seen again. What was known about its account stays known. */
export const seen = ({ account, key }: Session, { userId, userName }: AuthStatus): Effect.Effect<Session> =>
  make(key, userId ?? account.id, userName ?? account.name)

const isId = (account: string): boolean => account.startsWith("U-")

/**
 * Whether the user of the status may be the session's: by id where both have one, else by name. A game that knows neither
 * yet has the benefit of the doubt, and so has a session that was won from one.
 */
export const isOf = ({ account, key }: Session, { userId, userName }: AuthStatus): boolean => {
  const id = account.id ?? (isId(key.account) ? key.account : undefined)
  if (id !== undefined && userId !== undefined) return id === userId
  return account.name === undefined || userName === undefined || account.name === userName
}
