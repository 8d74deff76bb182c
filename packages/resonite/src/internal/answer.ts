/**
 * What an answer of the game means: the one place that knows its statuses and its sentences (contract, section 2.3).
 *
 * One status has several meanings, which only the text tells apart. A sentence that is not known falls back to what the
 * status says.
 */
import * as AuthError from "@latchkey/core/AuthError"
import * as Reason from "@latchkey/core/TransportError"
import { GrpcStatus } from "@latchkey/grpc"
import type { LoginError, StatusError } from "../SignIn.ts"
import { cloudSaid, refused, untold } from "./cloudSaid.ts"
import type { Where } from "./where.ts"

interface Row<E> {
  readonly code: number
  /** Of the whole text of the server. None: any other text. */
  readonly text?: RegExp
  /** Whether a code went along. None: either way. */
  readonly given?: boolean
  readonly error: (where: Where, found: RegExpExecArray | null) => E
}

/** What the mod's sentences about a second factor have in common, today and (it is hoped) tomorrow. */
const SECOND_FACTOR = /totp|two-factor|two factor/i

const because = (where: Where, reason: Reason.TransportErrorReason) =>
  AuthError.TransportError.because(where, reason)

const ofLogin: ReadonlyArray<Row<LoginError>> = [
  {
    code: 16,
    text: SECOND_FACTOR,
    given: true,
    error: (where) =>
      new AuthError.InvalidLogin({
        ...where,
        factor: "totp",
        message:
          "the code was refused; ask for a fresh one, and check the clock of the device that makes them"
      })
  },
  {
    code: 16,
    text: /\bHTTP (\d+)/,
    error: (where, found) => cloudSaid(where, Number(found?.[1]))
  },
  {
    code: 16,
    text: /^Login failed\.?$/,
    error: (where) =>
      untold(where, "the game does not tell why the login failed: most likely it cannot reach its cloud")
  },
  {
    code: 16,
    error: (where) => refused(where, "the game refused the login in words that this client does not know")
  },
  {
    code: 9,
    text: SECOND_FACTOR,
    given: false,
    error: (where) =>
      new AuthError.FailedPrecondition({
        ...where,
        precondition: "TotpRequired",
        message: "the account has a second factor: repeat the login with its code"
      })
  },
  {
    code: 9,
    text: SECOND_FACTOR,
    given: true,
    error: (where) =>
      new AuthError.FailedPrecondition({
        ...where,
        precondition: "NotReady",
        message: "the game asks for a code although one was sent: ask for its status, then for a fresh code"
      })
  }
]

const ofAny: ReadonlyArray<Row<StatusError>> = [
  {
    code: 9,
    error: (where) =>
      new AuthError.FailedPrecondition({
        ...where,
        precondition: "NotReady",
        message: "the game is not ready for this yet: its engine is starting; try again in a few seconds"
      })
  },
  {
    code: 14,
    text: /bridge is not configured/i,
    error: (where) =>
      new AuthError.FailedPrecondition({
        ...where,
        precondition: "BridgeNotConfigured",
        message: "the mod runs without its engine side: check how it is installed, and start the game again"
      })
  },
  {
    code: 12,
    error: (where) =>
      because(
        where,
        new Reason.NotImplemented({
          message: "the mod is older than its sign-in service (0.5.0 has none): update it"
        })
      )
  }
]

const found = <E>(
  rows: ReadonlyArray<Row<E>>,
  where: Where,
  { code, details }: GrpcStatus.GrpcStatus,
  hasCode: boolean
): E | undefined => {
  for (const row of rows) {
    if (row.code !== code || (row.given ?? hasCode) !== hasCode) continue
    const match = row.text === undefined ? null : row.text.exec(details)
    if (row.text === undefined || match !== null) return row.error(where, match)
  }
  return undefined
}

/** Verdicts on a token or a permission are none here: there is no such thing in this service. */
const anyOther = (where: Where, { code, details }: GrpcStatus.GrpcStatus): StatusError => {
  const message = `gRPC status ${code}: ${GrpcStatus.cleaned(details)}`
  if (code === 2 || code === 13) return new AuthError.ServerError({ ...where, message, status: code })
  if (code === 4 || code === 14) {
    const translated = GrpcStatus.toAuthError(where, new GrpcStatus.GrpcStatus({ code, details: "" }))
    if (translated._tag === "TransportError") return translated
  }
  return new AuthError.InvalidResponse({ ...where, message, code })
}

/** What the game's status means on `Logout` and `Status`, which carry no secret. */
export const failure = (where: Where, status: GrpcStatus.GrpcStatus): StatusError =>
  found(ofAny, where, status, false) ?? anyOther(where, status)

/** The same on `Login`. Nothing of the text is shown: it may repeat what was sent. */
export const loginFailure = (where: Where, status: GrpcStatus.GrpcStatus, hasCode: boolean): LoginError =>
  found(ofLogin, where, status, hasCode) ??
  found(ofAny, where, status, hasCode) ??
  anyOther(
    where,
    new GrpcStatus.GrpcStatus({ code: status.code, details: "(the text is withheld: it may hold secrets)" })
  )
