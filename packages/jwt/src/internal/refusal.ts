/** What each refused token is told: the one place where an `InvalidToken` is made. */
import { InvalidRequest, InvalidToken } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"

export type Check = NonNullable<InvalidToken["check"]>

const advice: Readonly<Record<Check, string>> = {
  Malformed: "the token is not a signed JWT in compact form",
  TooLarge: "the token is larger than is accepted",
  Algorithm: "the token is signed by an algorithm that is not accepted here",
  Key: "no key at hand fits the token",
  Signature: "the signature of the token does not match",
  Type: "the token is of another type than is accepted here",
  Critical: "the token demands an extension that is not supported",
  Expired: "the token has expired",
  NotYetValid: "the token is not valid yet",
  Issuer: "the token is of another issuer",
  Audience: "the token is meant for another audience",
  Claims: "the claims of the token are not what they must be"
}

export const refused = (where: Where, check: Check, message: string = advice[check]): InvalidToken =>
  new InvalidToken({ ...where, message, check })

export const invalid = (where: Where, field: string, message: string): InvalidRequest =>
  new InvalidRequest({ ...where, message, field })
