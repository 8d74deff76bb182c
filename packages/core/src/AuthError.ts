/**
 * Everything that can go wrong while signing in and staying signed in.
 *
 * One tag per cause that a caller would treat differently; the tag is stable, the message may improve any day. Every
 * error names the `provider` and the `instance` it is about, says in `message` what to do, and knows whether trying
 * the very same thing again may help (`isRetryable`). None of them holds a request, a response, a header or a secret.
 *
 * Two causes have many faces and a file of their own: `TransportError` and `SessionStoreError`.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { SessionStoreError } from "./SessionStoreError.ts"
import { TransportError } from "./TransportError.ts"

const where = {
  /** Who spoke: the provider's name, such as `robot`. */
  provider: Schema.String,
  /** Which one of them: a URL, a serial number, a path. */
  instance: Schema.String,
  /** For people. Free of secrets, and never to be branched on. */
  message: Schema.String
}

/**
 * The credentials were refused. Which of user name and password was wrong is not told. Never repeat them by yourself:
 * most services lock the account after a few failures.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidLogin extends Schema.TaggedError<InvalidLogin>()("InvalidLogin", {
  ...where,
  factor: Schema.Literals(["password", "totp"])
}) {
  readonly isRetryable = false
}

/**
 * The verdict on a token: expired, revoked, malformed, or issued by another server. `check` names what it did not pass
 * where the token is a JWT that was verified here; a server does not tell.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidToken extends Schema.TaggedError<InvalidToken>()("InvalidToken", {
  ...where,
  check: Schema.optionalKey(
    Schema.Literals([
      "Malformed",
      "TooLarge",
      "Algorithm",
      "Type",
      "Critical",
      "Key",
      "Signature",
      "Expired",
      "NotYetValid",
      "Issuer",
      "Audience",
      "Claims"
    ])
  )
}) {
  readonly isRetryable = false
}

/**
 * Too many failures. Even the right password is refused until `retryAfter` has passed.
 *
 * @category errors
 * @since 0.1.0
 */
export class TemporarilyLockedOut extends Schema.TaggedError<TemporarilyLockedOut>()("TemporarilyLockedOut", {
  ...where,
  retryAfter: Schema.Duration
}) {
  readonly isRetryable = false
}

/**
 * Something must come first; `precondition` says what. Only `NotReady` passes by itself.
 *
 * @category errors
 * @since 0.1.0
 */
export class FailedPrecondition extends Schema.TaggedError<FailedPrecondition>()("FailedPrecondition", {
  ...where,
  precondition: Schema.Literals([
    "TotpRequired",
    "NotReady",
    "AccountNotActivated",
    "BridgeNotConfigured",
    "OtherInstance"
  ])
}) {
  readonly isRetryable = this.precondition === "NotReady"
}

/**
 * A robot with software 2.0 to 3.3 refused the application token.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidApplicationToken extends Schema.TaggedError<InvalidApplicationToken>()(
  "InvalidApplicationToken",
  where
) {
  readonly isRetryable = false
}

/**
 * A robot with software 2.0 to 3.3 found the application token expired.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExpiredApplicationToken extends Schema.TaggedError<ExpiredApplicationToken>()(
  "ExpiredApplicationToken",
  where
) {
  readonly isRetryable = false
}

/**
 * Registration of an address that is taken. `active` tells whether that account has been activated.
 *
 * @category errors
 * @since 0.1.0
 */
export class AccountExists extends Schema.TaggedError<AccountExists>()("AccountExists", {
  ...where,
  active: Schema.Boolean
}) {
  readonly isRetryable = false
}

/**
 * The far end knows who asks, and does not allow it.
 *
 * @category errors
 * @since 0.1.0
 */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>()("PermissionDenied", where) {
  readonly isRetryable = false
}

/**
 * No session is held. No request was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAuthenticated extends Schema.TaggedError<NotAuthenticated>()("NotAuthenticated", where) {
  readonly isRetryable = false
}

/**
 * The session is over and cannot be renewed: sign in again. `verdict` is the tag of the failure that ended it, where
 * one did.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionExpired extends Schema.TaggedError<SessionExpired>()("SessionExpired", {
  ...where,
  verdict: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable = false
}

/**
 * A renewal was sent and its answer was lost, so that the old token may be spent. Sending it again could look like
 * theft and end every session of the account.
 *
 * @category errors
 * @since 0.1.0
 */
export class RefreshUncertain extends Schema.TaggedError<RefreshUncertain>()("RefreshUncertain", where) {
  readonly isRetryable = false
}

/**
 * The server (or Latchkey, before anything was sent) refused the arguments; `field` names the one at fault where it
 * is known.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  ...where,
  field: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable = false
}

/**
 * The answer was not understood. `code` keeps the raw status where there was one.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>()("InvalidResponse", {
  ...where,
  code: Schema.optionalKey(Schema.Finite)
}) {
  readonly isRetryable = false
}

/**
 * The server failed; `status` is its own number for it, where it gave one.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerError extends Schema.TaggedError<ServerError>()("ServerError", {
  ...where,
  status: Schema.optionalKey(Schema.Finite)
}) {
  readonly isRetryable = true
}

/**
 * The part that every operation over a network shares.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ProviderError = Schema.Union([TransportError, ServerError, InvalidRequest, InvalidResponse])

/**
 * @category errors
 * @since 0.1.0
 */
export type ProviderError = typeof ProviderError.Type

/**
 * The answers that end a session: there is no point in asking again with the same token.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Verdict = Schema.Union([InvalidToken, InvalidLogin, SessionExpired])

/**
 * @category errors
 * @since 0.1.0
 */
export type Verdict = typeof Verdict.Type

/**
 * Tells a verdict from a failure that leaves the session as it was.
 *
 * @category guards
 * @since 0.1.0
 */
export const isVerdict = (error: AuthError): error is Verdict =>
  error._tag === "InvalidToken" || error._tag === "InvalidLogin" || error._tag === "SessionExpired"

/**
 * Any failure of Latchkey, as a schema: what an API of your own needs to send one on.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AuthError = Schema.Union([
  InvalidLogin,
  InvalidToken,
  TemporarilyLockedOut,
  FailedPrecondition,
  InvalidApplicationToken,
  ExpiredApplicationToken,
  AccountExists,
  PermissionDenied,
  NotAuthenticated,
  SessionExpired,
  RefreshUncertain,
  InvalidRequest,
  InvalidResponse,
  ServerError,
  TransportError,
  SessionStoreError
])

/**
 * @category errors
 * @since 0.1.0
 */
export type AuthError = typeof AuthError.Type

const isAuthErrorInstance = Schema.is(AuthError)

/**
 * Tells Latchkey's failures from anything else.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAuthError: Predicate.Refinement<unknown, AuthError> = (u): u is AuthError =>
  isAuthErrorInstance(u)

export { SessionStoreError, TransportError }
