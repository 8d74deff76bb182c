/**
 * What an answer of the robot means: the one place that knows its numbers (contract, sections 2.2 to 2.4). One, not
 * zero, is success in all of them.
 */
import * as AuthError from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type GetAuthTokenResponse, GetAuthTokenResponse_Status as Status } from "../gen/bosdyn/api/auth.ts"
import { CommonError_Code as Code, type ResponseHeader } from "../gen/bosdyn/api/header.ts"
import { isSendable, MAX_LENGTH } from "./sendable.ts"
import { shown } from "./shown.ts"

/** A robot locks a user for one minute after six failures in a row, and does not say how much of it is left. */
export const LOCK_OUT = Duration.seconds(60)

export interface Where {
  readonly provider: string
  readonly instance: string
}

export type HeaderError = AuthError.ServerError | AuthError.InvalidRequest | AuthError.InvalidResponse

export type AuthAnswerError =
  | HeaderError
  | AuthError.InvalidLogin
  | AuthError.InvalidToken
  | AuthError.TemporarilyLockedOut
  | AuthError.InvalidApplicationToken
  | AuthError.ExpiredApplicationToken

const unset = (where: Where): AuthError.ServerError =>
  new AuthError.ServerError({
    ...where,
    message: "the robot did not fill in its answer; try again",
    status: 0
  })

const unknown = (where: Where, what: string, code: number): AuthError.InvalidResponse =>
  new AuthError.InvalidResponse({
    ...where,
    message: `this client does not know the robot's ${what} ${code}; is one of them out of date?`,
    code
  })

/** The header comes first: beside an error in it, the rest of a message means nothing. */
export const headerError = (
  where: Where,
  secrets: ReadonlyArray<string>,
  header: ResponseHeader | undefined
): HeaderError | undefined => {
  const code: number = header?.error?.code ?? Code.CODE_UNSPECIFIED
  const text = () => shown(header?.error?.message ?? "", secrets)
  switch (code) {
    case Code.CODE_UNSPECIFIED:
      return unset(where)
    case Code.CODE_OK:
      return undefined
    case Code.CODE_INTERNAL_SERVER_ERROR:
      return new AuthError.ServerError({
        ...where,
        message: `the robot failed: ${text()}`,
        status: code
      })
    case Code.CODE_INVALID_REQUEST:
      return new AuthError.InvalidRequest({
        ...where,
        message: `the robot refused the request: ${text()}`
      })
    default:
      return unknown(where, "header code", code)
  }
}

const statusError = (where: Where, status: number): AuthAnswerError | undefined => {
  switch (status) {
    case Status.STATUS_UNKNOWN:
      return unset(where)
    case Status.STATUS_OK:
      return undefined
    case Status.STATUS_INVALID_LOGIN:
      return new AuthError.InvalidLogin({
        ...where,
        factor: "password",
        message:
          "unknown user name or wrong password; ask again, and never repeat it by yourself: six failures lock the user"
      })
    case Status.STATUS_INVALID_TOKEN:
      return new AuthError.InvalidToken({
        ...where,
        message:
          "the token has expired, is of another robot, or is older than the password; sign in with the password"
      })
    case Status.STATUS_TEMPORARILY_LOCKED_OUT:
      return new AuthError.TemporarilyLockedOut({
        ...where,
        retryAfter: LOCK_OUT,
        message: "too many failures; wait a minute, the right password is refused too"
      })
    case Status.STATUS_INVALID_APPLICATION_TOKEN:
      return new AuthError.InvalidApplicationToken({
        ...where,
        message: "the robot wants an application token, which its software needs before 4.0 only: update it"
      })
    case Status.STATUS_EXPIRED_APPLICATION_TOKEN:
      return new AuthError.ExpiredApplicationToken({
        ...where,
        message:
          "the robot's application token has expired, which its software needs before 4.0 only: update it"
      })
    default:
      return unknown(where, "status", status)
  }
}

/**
 * The token of an answer to `GetAuthToken`; it counts only when the header and the status are both good. `secrets` are
 * what no text may repeat.
 */
export const token = (
  where: Where,
  secrets: ReadonlyArray<string>,
  response: GetAuthTokenResponse
): Effect.Effect<Redacted.Redacted<string>, AuthAnswerError> => {
  const error = headerError(where, secrets, response.header) ?? statusError(where, response.status)
  if (error !== undefined) return Effect.fail(error)
  const { length } = response.token
  if (isSendable(response.token)) return Effect.succeed(Redacted.make(response.token))
  const what =
    length === 0
      ? "no token"
      : length > MAX_LENGTH
        ? "a token that is too long to be one"
        : "a token that cannot be sent back"
  const message = `the robot let the user in with ${what}`
  return Effect.fail(new AuthError.InvalidResponse({ ...where, message, code: response.status }))
}
