/** Which arguments cannot work, before anything is sent. */
import { InvalidRequest, NotAuthenticated } from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

export interface Where {
  readonly provider: "synmetrix"
  readonly instance: string
}

export const invalid = (where: Where, field: string, advice: string): InvalidRequest =>
  new InvalidRequest({ ...where, message: advice, field })

/** Half a surrogate pair would go out as another character. */
const isText = (text: string): boolean => text !== "" && text.isWellFormed()

export const text = (
  where: Where,
  field: string,
  given: string | Redacted.Redacted<string>
): Effect.Effect<void, InvalidRequest> =>
  isText(Redacted.isRedacted(given) ? Redacted.value(given) : given)
    ? Effect.void
    : Effect.fail(invalid(where, field, `${field} must be a non-empty text`))

/** A session of another server goes nowhere. */
export const session = (where: Where, { key }: Session): Effect.Effect<void, InvalidRequest> =>
  key.provider === where.provider && key.instance === where.instance
    ? Effect.void
    : Effect.fail(invalid(where, "session", "the session is of another server: nothing was sent there"))

const notHeld = (where: Where) =>
  Effect.fail(
    new NotAuthenticated({
      ...where,
      message: "the session holds no token for this, and nothing was sent: sign in"
    })
  )

type Token = Redacted.Redacted<string>

/** The refresh token of a session, if it can be sent. */
export const refreshToken = (
  where: Where,
  { refreshToken: token }: Session
): Effect.Effect<Token, NotAuthenticated> =>
  token !== undefined && isText(Redacted.value(token)) ? Effect.succeed(token) : notHeld(where)

/** Servers of HTTP refuse larger headers. */
const MAX_LENGTH = 16 * 1024

/** The access token of a session, if a header can hold it. */
export const accessToken = (
  where: Where,
  { accessToken: token }: Session
): Effect.Effect<Token, NotAuthenticated> => {
  const text = token === undefined ? "" : Redacted.value(token)
  return token !== undefined && text.length <= MAX_LENGTH && /^[\x21-\x7e]+$/.test(text)
    ? Effect.succeed(token)
    : notHeld(where)
}

/** The body of a request; what holds itself, or a bigint, cannot be one. */
export const json = (where: Where, field: string, body: object): Effect.Effect<string, InvalidRequest> =>
  Effect.try({
    try: () => JSON.stringify(body),
    catch: () => invalid(where, field, `${field} cannot be written as JSON`)
  })
