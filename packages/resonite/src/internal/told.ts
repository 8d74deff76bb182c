/** What is known of the sign-in after a call, or after a login that broke off. */
import { InvalidResponse, TransportError } from "@latchkey/core/AuthError"
import * as Reason from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import { AuthStatus } from "../AuthStatus.ts"
import type { AuthStatus as Wire } from "../gen/resonite_io/v1/auth.ts"
import type { LoginError } from "../SignIn.ts"
import type { Where } from "./where.ts"

/** `logged_in` decides; what is left over beside it is nobody's, but for the raw expiry. */
export const status = ({ loggedIn, sessionExpiresUnixNanos, userId, userName }: Wire): AuthStatus =>
  new AuthStatus({
    loggedIn,
    sessionExpiresUnixNanos,
    ...(loggedIn && userId !== "" && { userId }),
    ...(loggedIn && userName !== "" && { userName })
  })

/** A login that was taken is a login only if the game is logged in after it. */
export const loggedIn = (where: Where, response: Wire): Effect.Effect<AuthStatus, InvalidResponse> =>
  response.loggedIn
    ? Effect.succeed(status(response))
    : Effect.fail(
        new InvalidResponse({
          ...where,
          message: "the game took the login, and is logged out all the same; ask for its status"
        })
      )

const MAYBE = "the game may be signed in all the same: ask for its status before you sign in again"

/**
 * What became of a login that was sent, and has no answer that can be read. The game does not hear that nobody waits for it
 * any more (contract, section 2.5).
 */
export const maybeLoggedIn = (where: Where, error: LoginError): LoginError => {
  if (error._tag === "InvalidResponse") {
    const { code } = error
    const message = `${error.message}; ${MAYBE}`
    return new InvalidResponse({ ...where, message, ...(code !== undefined && { code }) })
  }
  if (error._tag !== "TransportError") return error
  const message = `${error.reason.message}; ${MAYBE}`
  switch (error.reason._tag) {
    case "TimedOut":
      return TransportError.because(where, new Reason.TimedOut({ message }))
    case "Closed":
      return TransportError.because(where, new Reason.Closed({ message }))
    case "MessageTooLarge":
      return TransportError.because(where, new Reason.MessageTooLarge({ message }))
  }
  return error
}
