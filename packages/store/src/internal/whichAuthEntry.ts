/** Which entry of the session file is which session, and what such an entry can hold (store contract, sections 1.2 and 8). */
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import { CorruptEntry, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as DateTime from "effect/DateTime"
import type { Where } from "./explainFailure.ts"
import { type Bad, type Entry, Good, type Sessions } from "./readSessions.ts"
import { ofMillis } from "./whenItExpires.ts"
import * as Redacted from "effect/Redacted"

export const PROVIDER = "cryosparc"

/** Those that can be named: a URL or an e-mail may be empty in the file. */
export const keysIn = (sessions: Sessions): ReadonlyArray<readonly [key: SessionKey, entry: Entry]> =>
  Array.from(sessions).flatMap(([instance, emails]) =>
    Array.from(emails).flatMap(([account, entry]) =>
      instance === "" || account === ""
        ? []
        : [[new SessionKey({ provider: PROVIDER, instance, account }), entry] as const]
    )
  )

export const entryAt = (sessions: Sessions, key: SessionKey): Entry | undefined =>
  key.provider === PROVIDER ? sessions.get(key.instance)?.get(key.account) : undefined

/** Keeps the place of an entry that is replaced; a new one comes last. */
export const setEntry = (sessions: Sessions, url: string, email: string, entry: Entry): void => {
  const emails = sessions.get(url)
  if (emails === undefined) sessions.set(url, new Map([[email, entry]]))
  else emails.set(email, entry)
}

/** An empty token is none. */
export const sessionOf = (key: SessionKey, { expires, token }: Good, issuedAt: number): Session =>
  new Session({
    key,
    ...(Redacted.value(token) !== "" && { accessToken: token }),
    issuedAt: DateTime.makeUnsafe(issuedAt),
    expiresAt: DateTime.makeUnsafe(expires.millis)
  })

const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/** What another program wrote as a name must not write into a log. */
export const shown = (name: string): string => name.slice(0, 200).replace(INVISIBLE, "")

/** Names the member, and holds nothing of what is in it. */
export const unreadable = (where: Where, url: string, email: string, { member }: Bad): SessionStoreError =>
  SessionStoreError.because(
    where,
    new CorruptEntry({
      message: `${where.instance}: the session of ${shown(email)} at ${shown(url)} cannot be read (${member}): mend it, remove it, or sign in again`
    })
  )

const MAX_LENGTH = 64 * 1024

/** A URL, an e-mail, a token. UTF-8 cannot hold half a surrogate pair. */
export const isHoldable = (text: string): boolean => text.length <= MAX_LENGTH && text.isWellFormed()

export const HOLDABLE = `holds valid Unicode only, up to ${MAX_LENGTH} characters each`

const no = (whyNot: string) => ({ whyNot: `a session file of cryosparc-tools ${whyNot}` })

/** The entry for a session, or why there can be none. */
export const entryFor = (session: Session): Good | { readonly whyNot: string } => {
  const { accessToken, account, endsAt, expiresAt, key, refreshToken, tokenType } = session
  if (key.provider !== PROVIDER) return no(`holds sessions of "${PROVIDER}" only`)
  if (refreshToken !== undefined) return no("has no place for a refresh token")
  if (tokenType !== "Bearer") return no("has no place for a token type: it must be Bearer")
  if (Object.keys(account).length > 0) return no("has no place for details of the account")
  if (accessToken === undefined) return no("needs an access token")
  if (![key.instance, key.account, Redacted.value(accessToken)].every(isHoldable)) return no(HOLDABLE)
  if (expiresAt === undefined) return no("needs an expiry")
  if (endsAt !== undefined) return no("has no place for an end of its own")
  const expires = ofMillis(DateTime.toEpochMillis(expiresAt))
  return expires === undefined
    ? no("holds an expiry in the years 1 to 9999 only")
    : new Good(Redacted.value(accessToken), expires)
}
