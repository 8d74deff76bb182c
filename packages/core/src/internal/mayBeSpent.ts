/** After a renewal failed: whether the service may have heard the request, and have spent the token. */
import type { AuthError } from "../AuthError.ts"

/** A service that answers, if only that it failed, is believed; an answer that cannot be read may have held the new token. */
export const mayBeSpent = (error: AuthError): boolean => {
  switch (error._tag) {
    case "InvalidResponse":
      return error.code === undefined || (error.code >= 200 && error.code < 300)
    // A proxy has heard it, and has had no answer.
    case "ServerError":
      return error.status === 504
    case "TransportError":
      return (
        error.reason._tag === "TimedOut" ||
        error.reason._tag === "Closed" ||
        error.reason._tag === "MessageTooLarge"
      )
    default:
      return false
  }
}
