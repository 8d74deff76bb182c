/**
 * No usable answer came back. The `reason` says why, and each reason knows whether trying again may help.
 *
 * Catch them all with `Effect.catchTag("TransportError", …)`, one with
 * `Effect.catchReason("TransportError", "TimedOut", …)`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const message = { message: Schema.String }

/**
 * Nothing answers at that address, or what answers does not speak the protocol.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConnectionFailed extends Schema.TaggedError<ConnectionFailed>()("ConnectionFailed", message) {
  readonly isRetryable = true
}

/**
 * The host name has no address.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NameNotResolved extends Schema.TaggedError<NameNotResolved>()("NameNotResolved", message) {
  readonly isRetryable = false
}

/**
 * The server's certificate comes from another root, is for another name, or has expired. Nothing was sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class CertificateRejected extends Schema.TaggedError<CertificateRejected>()(
  "CertificateRejected",
  message
) {
  readonly isRetryable = false
}

/**
 * The deadline passed, whoever noticed it first.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", message) {
  readonly isRetryable = true
}

/**
 * The connection ended in the middle of the call. Whether the server acted on the request is not known.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Closed extends Schema.TaggedError<Closed>()("Closed", message) {
  readonly isRetryable = true
}

/**
 * Too many requests; `retryAfter` where the server said how long to wait.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...message,
  retryAfter: Schema.optionalKey(Schema.Duration)
}) {
  readonly isRetryable = true
}

/**
 * Something in front of the service answers that the service is away.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ServiceUnavailable extends Schema.TaggedError<ServiceUnavailable>()(
  "ServiceUnavailable",
  message
) {
  readonly isRetryable = true
}

/**
 * The server has no such operation.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotImplemented extends Schema.TaggedError<NotImplemented>()("NotImplemented", message) {
  readonly isRetryable = false
}

/**
 * The server sent the request elsewhere. Redirects are not followed: they would carry the credential along.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnexpectedRedirect extends Schema.TaggedError<UnexpectedRedirect>()(
  "UnexpectedRedirect",
  message
) {
  readonly isRetryable = false
}

/**
 * The answer is larger than the limit.
 *
 * @category reasons
 * @since 0.1.0
 */
export class MessageTooLarge extends Schema.TaggedError<MessageTooLarge>()("MessageTooLarge", message) {
  readonly isRetryable = true
}

/**
 * There is no socket where one was looked for.
 *
 * @category reasons
 * @since 0.1.0
 */
export class SocketNotFound extends Schema.TaggedError<SocketNotFound>()("SocketNotFound", message) {
  readonly isRetryable = true
}

/**
 * Several sockets were found, and nothing says which one is meant.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AmbiguousSocket extends Schema.TaggedError<AmbiguousSocket>()("AmbiguousSocket", message) {
  readonly isRetryable = false
}

/**
 * @category schemas
 * @since 0.1.0
 */
export const TransportErrorReason = Schema.Union([
  ConnectionFailed,
  NameNotResolved,
  CertificateRejected,
  TimedOut,
  Closed,
  RateLimited,
  ServiceUnavailable,
  NotImplemented,
  UnexpectedRedirect,
  MessageTooLarge,
  SocketNotFound,
  AmbiguousSocket
])

/**
 * @category reasons
 * @since 0.1.0
 */
export type TransportErrorReason = typeof TransportErrorReason.Type

/**
 * The failure itself. `isRetryable` is that of its reason.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  provider: Schema.String,
  instance: Schema.String,
  message: Schema.String,
  reason: TransportErrorReason
}) {
  /** Wraps a reason; the message is the reason's own, led by its tag. */
  static because(
    where: { readonly provider: string; readonly instance: string },
    reason: TransportErrorReason
  ): TransportError {
    return new TransportError({
      provider: where.provider,
      instance: where.instance,
      message: `${reason._tag}: ${reason.message}`,
      reason
    })
  }

  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
