/**
 * What is needed to sign in to a robot, and what can become of it.
 *
 * @since 0.1.0
 */
import type {
  ExpiredApplicationToken,
  FailedPrecondition,
  InvalidApplicationToken,
  InvalidLogin,
  InvalidToken,
  PermissionDenied,
  ProviderError,
  TemporarilyLockedOut
} from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"

/**
 * What a call on the robot's services comes to when it fails. `InvalidToken` and `PermissionDenied` are verdicts of
 * the robot's proxy.
 *
 * @category errors
 * @since 0.1.0
 */
export type CallError = ProviderError | InvalidToken | PermissionDenied

/**
 * The failures of signing in. `FailedPrecondition`: another robot is there than the session's, or than the only one
 * that the client is for. Nothing secret was sent to it.
 *
 * @category errors
 * @since 0.1.0
 */
export type SignInError =
  | CallError
  | FailedPrecondition
  | InvalidLogin
  | TemporarilyLockedOut
  | InvalidApplicationToken
  | ExpiredApplicationToken

/**
 * The failures of an operation on a session: of another robot, it is `FailedPrecondition`, and its token is not sent.
 *
 * @category errors
 * @since 0.1.0
 */
export type SessionError<E> = E | FailedPrecondition

/**
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /**
   * Of each call: before it first uses a service, and after a lost connection, a client asks the robot who it is. More
   * than 0, and with an end. Default: that of the client.
   */
  readonly timeout?: Duration.Input
}

/**
 * A token taken elsewhere, and the user it was given to.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeldToken {
  readonly username: string
  readonly token: Redacted.Redacted<string>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface AuthenticateOptions<E = never, R = never> extends CallOptions {
  /** Renewed, if the robot still accepts it. */
  readonly held?: Session | HeldToken
  /** Asks a person, when the environment has nothing. */
  readonly prompt?: Effect.Effect<Credentials, E, R>
}
