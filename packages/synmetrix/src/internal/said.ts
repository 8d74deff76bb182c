/**
 * What the server's words mean, operation by operation (contract, 5.4): its statuses are shared by causes that a caller treats
 * differently, and only the sentence behind them tells these apart. Matched exactly, here and nowhere else, and never repeated.
 * A sentence that is not here counts for nothing: the status has the word then.
 */
import * as AuthError from "@latchkey/core/AuthError"
import { invalid, type Where } from "./arguments.ts"

/** What each operation can come to besides the failures that all share. */
export interface Verdicts {
  readonly login: AuthError.InvalidLogin | AuthError.FailedPrecondition
  readonly magicLink: AuthError.InvalidLogin | AuthError.FailedPrecondition
  readonly register: AuthError.AccountExists
  readonly totp: AuthError.InvalidLogin | AuthError.InvalidToken
  readonly refresh: AuthError.SessionExpired
  /** With a token that is no UUID, which is why the server may have failed. */
  readonly refreshOdd: AuthError.SessionExpired
  readonly link: AuthError.InvalidToken
  /** With a token that is no UUID. */
  readonly linkOdd: AuthError.InvalidToken
  readonly logout: AuthError.SessionExpired
  readonly changePassword: AuthError.InvalidLogin | AuthError.InvalidToken
}

export type Operation = keyof Verdicts

/** By status and message; the status alone is that of an answer without a message. */
type Rows<E> = Readonly<Record<string, (where: Where) => E>>

type Failed = AuthError.ServerError | AuthError.InvalidResponse | AuthError.InvalidRequest

const refused = (where: Where) =>
  new AuthError.InvalidLogin({
    ...where,
    factor: "password",
    message: "no such account, or a wrong password; ask again, and never repeat it by yourself"
  })

const notActivated = (where: Where) =>
  new AuthError.FailedPrecondition({
    ...where,
    precondition: "AccountNotActivated",
    message: "the account was not activated yet: open the link in the mail first"
  })

const exists = (active: boolean) => (where: Where) =>
  new AuthError.AccountExists({
    ...where,
    active,
    message: active
      ? "the address is taken: sign in"
      : "the address is taken, and its account not activated yet"
  })

const over = (where: Where) =>
  new AuthError.SessionExpired({ ...where, message: "the refresh token is spent or too old: sign in again" })

const deadLink = (where: Where) =>
  new AuthError.InvalidToken({ ...where, message: "the link was used, or is too old: ask for a new one" })

/** An exception of the server that it does not explain, such as a database that is away. */
const failed = (where: Where) =>
  new AuthError.ServerError({ ...where, status: 400, message: "the server failed without a word; try again" })

/** Not to be tried again by anybody on his own: a secret went along, and it may have been wrong. */
const undetermined = (where: Where) =>
  new AuthError.InvalidResponse({
    ...where,
    code: 400,
    message:
      "the server does not say why: the account may have no password (use a magic link), or the server failed; the password was neither accepted nor refused"
  })

const DEAD = "401 Invalid or expired refresh token."

const login: Rows<Verdicts["login"]> = {
  "400 Account does not exist.": refused,
  "401 Username and password do not match": refused,
  "400 Account is not activated.": notActivated
}

const rows: { readonly [Op in Operation]: Rows<Verdicts[Op] | Failed> } = {
  login: { ...login, "400": undetermined },
  magicLink: { ...login, "400": failed },
  register: {
    "400": failed,
    "400 Account already exists.": exists(true),
    "400 Account already exists but is not activated.": exists(false),
    "400 Password is too weak.": (where) =>
      invalid(where, "password", "the password is known from a breach, or too weak: choose another"),
    "400 Default role must be part of allowed roles.": (where) =>
      invalid(where, "defaultRole", "the default role must be one of the allowed ones"),
    "400 allowed roles must be a subset of ALLOWED_ROLES": (where) =>
      invalid(where, "allowedRoles", "the server does not give all of these roles")
  },
  totp: {
    "400": undetermined,
    "401 Invalid two-factor code.": (where) =>
      new AuthError.InvalidLogin({
        ...where,
        factor: "totp",
        message: "the code is wrong, or of another minute: ask for the one that is shown now"
      }),
    "401 Invalid or expired ticket.": (where) =>
      new AuthError.InvalidToken({
        ...where,
        message: "the second step came too late, or twice: begin the sign-in anew"
      })
  },
  refresh: { "400": failed, [DEAD]: over },
  refreshOdd: { "400": over, [DEAD]: over },
  link: { "400": failed, [DEAD]: deadLink },
  linkOdd: { "400": deadLink, [DEAD]: deadLink },
  logout: { "400": failed, [DEAD]: over },
  changePassword: {
    "400": failed,
    "401 Not logged in": (where) =>
      new AuthError.InvalidToken({
        ...where,
        message: "the access token is not accepted: renew the session, then try once more"
      }),
    "401 Incorrect current password.": (where) =>
      new AuthError.InvalidLogin({
        ...where,
        factor: "password",
        message: "the old password is wrong: ask for it again"
      })
  }
}

export const verdict = <Op extends Operation>(
  where: Where,
  operation: Op,
  status: number,
  message: string | undefined
): Verdicts[Op] | Failed | undefined =>
  rows[operation][message === undefined ? `${status}` : `${status} ${message}`]?.(where)
