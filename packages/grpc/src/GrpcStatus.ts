/**
 * The verdict of the far end itself: a `grpc-status` other than 0 that it really sent. What a proxy says by an HTTP
 * status, and what the network does, is not one.
 *
 * It is not an `AuthError`: each provider translates it, because what a number means depends on the service. Most end
 * with `toAuthError`.
 *
 * @since 0.1.0
 */
import {
  InvalidResponse,
  InvalidToken,
  PermissionDenied,
  ServerError,
  TransportError
} from "@latchkey/core/AuthError"
import { NotImplemented, ServiceUnavailable, TimedOut } from "@latchkey/core/TransportError"
import * as Schema from "effect/Schema"

/**
 * `details` is text of the server: untrusted, possibly long, possibly an echo of the request. Do not show it as it is.
 *
 * @category errors
 * @since 0.1.0
 */
export class GrpcStatus extends Schema.TaggedError<GrpcStatus>()("GrpcStatus", {
  code: Schema.Finite,
  details: Schema.String
}) {
  /** Names the number only: a log line must not carry the server's text by accident. */
  override get message(): string {
    return `The server answered with gRPC status ${this.code}`
  }
}

/**
 * The failures that a status can become.
 *
 * @category errors
 * @since 0.1.0
 */
export type Translated = InvalidToken | PermissionDenied | TransportError | ServerError | InvalidResponse

const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * What may be shown of a server's text: without control, formatting and line-breaking characters, cut to `max` code
 * points. Only the first `4 * max` UTF-16 code units are looked at, however long the text is. What must not be shown at
 * all goes before: a cut may leave a part of it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cleaned = (text: string, max = 200): string =>
  Array.from(text.slice(0, 4 * max).replace(INVISIBLE, ""))
    .slice(0, max)
    .join("")

/** How grpcio begins when the handler of a Python service raised. */
const PYTHON_HANDLER_RAISED = "Exception calling application"

/**
 * The translation that most providers end with: 16 is `InvalidToken`, 7 `PermissionDenied`, 12 `NotImplemented`,
 * 4 `TimedOut`, 14 `ServiceUnavailable`, a Python handler that raised `ServerError`. Everything else, numbers that no
 * specification knows included, is `InvalidResponse` with the number in `code` and the server's text, cleaned and cut,
 * in the message (robot contract, sections 2.6 and 5.24).
 *
 * @category combinators
 * @since 0.1.0
 */
export const toAuthError = (
  where: { readonly provider: string; readonly instance: string },
  status: GrpcStatus
): Translated => {
  const { provider, instance } = where
  switch (status.code) {
    case 4:
      return TransportError.because(
        where,
        new TimedOut({ message: "the server gave the call up at its deadline" })
      )
    case 7:
      return new PermissionDenied({
        provider,
        instance,
        message: "the server does not allow this call"
      })
    case 12:
      return TransportError.because(where, new NotImplemented({ message: "the server has no such method" }))
    case 14:
      return TransportError.because(
        where,
        new ServiceUnavailable({ message: "the server says that it is unavailable" })
      )
    case 16:
      return new InvalidToken({
        provider,
        instance,
        message: "the server does not accept the token"
      })
  }
  if (status.code === 2 && status.details.startsWith(PYTHON_HANDLER_RAISED)) {
    return new ServerError({
      provider,
      instance,
      message: "the service failed while it handled the call",
      status: status.code
    })
  }
  return new InvalidResponse({
    provider,
    instance,
    message: `gRPC status ${status.code}: ${cleaned(status.details)}`,
    code: status.code
  })
}
