/** What the cloud's HTTP status says of a login. */
import { InvalidLogin, ServerError, TransportError } from "@latchkey/core/AuthError"
import { RateLimited } from "@latchkey/core/TransportError"
import type { LoginError } from "../SignIn.ts"
import type { Where } from "./where.ts"

/** The account may be locked after some failures; how many is not known. */
export const refused = (where: Where, why: string) =>
  new InvalidLogin({
    ...where,
    factor: "password",
    message: `${why}; ask again, and never repeat it by yourself: failures may lock the account`
  })

/** A login that failed, for all that is known without a fault of whoever made it. */
export const untold = (where: Where, why: string) =>
  new ServerError({
    ...where,
    message: `${why}; nothing is known about the password, try again later`,
    status: 16
  })

/** Which HTTP status a wrong password gets is not known, so any 4xx that is not an outage will do. */
export const cloudSaid = (where: Where, http: number): LoginError => {
  if (http === 429)
    return TransportError.because(
      where,
      new RateLimited({ message: "the cloud takes no more logins for now (HTTP 429); wait a minute" })
    )
  if (http === 408 || (http >= 500 && http <= 599))
    return new ServerError({
      ...where,
      message: `the cloud failed (HTTP ${http}); nothing is known about the password, try again later`,
      status: http
    })
  // Not shown: a code or a password may be such a number.
  if (http < 400 || http > 599)
    return untold(where, "the login failed, and the cloud's number for it is no refusal")
  return refused(where, `the cloud refused the user or the password (HTTP ${http})`)
}
