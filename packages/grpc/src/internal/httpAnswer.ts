/** What an HTTP status means that a proxy in front of the server gave (robot contract, section 2.6). */
import { InvalidToken, PermissionDenied, ServerError, TransportError } from "@latchkey/core/AuthError"
import * as Reason from "@latchkey/core/TransportError"
import * as Duration from "effect/Duration"
import { notAnAnswer } from "./notAnAnswer.ts"
import type { Failure, Where } from "./outcome.ts"

/** What grpc-js makes of it. */
export const codeOfHttp = (status: number): number => {
  switch (status) {
    case 400:
      return 13
    case 401:
      return 16
    case 403:
      return 7
    case 404:
      return 12
    case 429:
    case 502:
    case 503:
    case 504:
      return 14
  }
  return 2
}

export const httpFailure = (
  { provider, instance }: Where,
  status: number,
  retryAfter: string | undefined
): Failure => {
  const where = { provider, instance }
  const because = (reason: Reason.TransportErrorReason) => TransportError.because(where, reason)
  switch (status) {
    case 401:
      return new InvalidToken({
        ...where,
        message: "the proxy does not accept the token (HTTP 401)"
      })
    case 403:
      return new PermissionDenied({
        ...where,
        message: "the proxy does not allow it (HTTP 403)"
      })
    case 404:
      return because(new Reason.NotImplemented({ message: "the proxy knows no such service (HTTP 404)" }))
    case 429:
      return because(
        new Reason.RateLimited({
          message: "too many requests (HTTP 429)",
          ...(retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter)
            ? { retryAfter: Duration.seconds(Number(retryAfter)) }
            : undefined)
        })
      )
    case 502:
    case 503:
    case 504:
      return because(
        new Reason.ServiceUnavailable({ message: `the proxy says that the service is away (HTTP ${status})` })
      )
  }
  if (status >= 500) {
    return new ServerError({ ...where, message: `the proxy failed (HTTP ${status})`, status })
  }
  if (status >= 300 && status < 400) {
    return because(new Reason.UnexpectedRedirect({ message: `redirects are not followed (HTTP ${status})` }))
  }
  return notAnAnswer(where, `not an answer of a gRPC server (HTTP ${status})`, status)
}
