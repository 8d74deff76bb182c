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

/** Which HTTP status a wrong password gets is not known, so any that is not an outage will do. */
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
  return refused(where, `the cloud refused the user or the password (HTTP ${http})`)
}
