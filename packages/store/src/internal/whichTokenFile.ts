/** Which file of the Spot SDK's token cache holds which session, and what such a file can hold. */
import type { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

export const PROVIDER = "robot"

const EXTENSION = ".jwt"

/** Larger is not a token. */
export const MAX_TOKEN_BYTES = 64 * 1024

/** Most file systems allow no more in a name. */
const MAX_NAME_BYTES = 255

const TOKEN = /^[\x21-\x7e]+$/

/** Separators, control characters, and what stands for bytes that were not UTF-8. */
const UNNAMEABLE = /[/\\\p{Cc}\ufffd]/u

/**
 * The name of the key's file; none where there can be no such file. The part before the first dot is the serial
 * number, so that a name belongs to one key.
 */
export const fileName = (key: SessionKey): Option.Option<string> => {
  const name = `${key.instance}.${key.account}${EXTENSION}`
  return key.provider === PROVIDER &&
    !key.instance.includes(".") &&
    !UNNAMEABLE.test(name) &&
    name.isWellFormed() &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES
    ? Option.some(name)
    : Option.none()
}

/** The key of a file in the cache; none for a file that is not of it. */
export const keyOf = (name: string): Option.Option<SessionKey> => {
  const [, instance, account] = /^([^.]+)\.(.+)\.jwt$/su.exec(name) ?? []
  if (instance === undefined || account === undefined) return Option.none()
  const key = new SessionKey({ provider: PROVIDER, instance, account })
  return Option.filter(Option.some(key), (it) => Option.contains(fileName(it), name))
}

/** The token in a file; other tools may end it with a newline. None where it is empty, too long or not visible ASCII. */
export const tokenIn = (bytes: Uint8Array): Option.Option<string> => {
  const token = Buffer.from(bytes)
    .toString("latin1")
    .replace(/\r?\n$/, "")
  return bytes.length <= MAX_TOKEN_BYTES && TOKEN.test(token) ? Option.some(token) : Option.none()
}

const no = (whyNot: string) => ({ whyNot: `a token file ${whyNot}` })

/** What is to be written for a session, or why it cannot be. */
export const tokenOf = (session: Session): { readonly token: string } | { readonly whyNot: string } => {
  const { accessToken, account, endsAt, expiresAt, key, refreshToken, tokenType } = session
  if (key.provider !== PROVIDER) return no(`holds sessions of "${PROVIDER}" only`)
  if (Option.isNone(fileName(key))) return no("cannot be named after this serial number and user")
  if (key.account.includes(".")) return no("of a user name with a dot would break the listing of other tools")
  if (refreshToken !== undefined) return no("has no place for a refresh token")
  if (tokenType !== "Bearer") return no("has no place for a token type: it must be Bearer")
  if (expiresAt !== undefined) return no("has no place for an expiry")
  if (endsAt !== undefined) return no("has no place for an end of its own")
  if (Object.keys(account).length > 0) return no("has no place for details of the account")
  if (accessToken === undefined) return no("needs an access token")
  const token = Redacted.value(accessToken)
  return TOKEN.test(token) && token.length <= MAX_TOKEN_BYTES
    ? { token }
    : no(`holds visible ASCII of at most ${MAX_TOKEN_BYTES} bytes`)
}
