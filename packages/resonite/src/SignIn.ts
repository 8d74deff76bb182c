/**
 * What is needed to sign a game in, and what can become of it.
 *
 * @since 0.1.0
 */
import type { FailedPrecondition, InvalidLogin, ProviderError } from "@latchkey/core/AuthError"
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"

/**
 * The failures of `status` and `logout`. `FailedPrecondition` is `NotReady` while the engine starts, or
 * `BridgeNotConfigured` where the mod runs without its engine side.
 *
 * @category errors
 * @since 0.1.0
 */
export type StatusError = ProviderError | FailedPrecondition

/**
 * The failures of signing in. `FailedPrecondition` is also `TotpRequired`: repeat the login with a code.
 *
 * A `ServerError` says that the cloud could not be asked, or failed; its `status` is the cloud's HTTP status, or 16 where
 * the game does not tell. After an answer that did not come, or cannot be read (`TimedOut`, `Closed`, `MessageTooLarge`,
 * `InvalidResponse`), the game may be signed in all the same; where it may be, the message says so.
 *
 * @category errors
 * @since 0.1.0
 */
export type LoginError = StatusError | InvalidLogin

/**
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  /** A user name, an e-mail address or a user id (`U-…`), sent as it is. */
  readonly credential: string
  readonly password: Redacted.Redacted<string>
  /** The code of the second factor. Leave it out where there is none: an empty one is refused. */
  readonly totp?: Redacted.Redacted<string>
  /** Whether the game keeps the session beyond its own end. Default: true. */
  readonly rememberMe?: boolean
}

/**
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /** More than 0, and with an end. Default: that of the client. */
  readonly timeout?: Duration.Input
}

/**
 * @category options
 * @since 0.1.0
 */
export interface ChangesOptions {
  /** Between an answer and the next question; more than 0, and with an end. Default: 2 s. */
  readonly interval?: Duration.Input
}
