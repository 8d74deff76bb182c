/** Whether a token is what the caller asks for: its header first, its claims once the signature is known to be good. */
import type { InvalidToken } from "@latchkey/core/AuthError"
import type { Claims, Header } from "../Jwt.ts"
import { type Policy, typeOf } from "./policy.ts"
import { type Check, refused } from "./refusal.ts"

/** Who writes these wants them obeyed, or wants the payload read in another way. */
const EXTENSIONS = ["crit", "b64", "zip"]

export const header = (policy: Policy<unknown>, given: Header): Check | undefined => {
  if (!policy.algorithms.includes(given.alg)) return "Algorithm"
  if (EXTENSIONS.some((name) => Object.hasOwn(given, name))) return "Critical"
  return policy.type === undefined || (given.typ !== undefined && typeOf(given.typ) === policy.type)
    ? undefined
    : "Type"
}

const seconds = (millis: number): number => Math.ceil(millis / 1000)

/** In milliseconds since 1970; from then on it has expired. What says that it lives for a part of a second more does not. */
export const endsAt = (policy: Policy<unknown>, exp: number | undefined): number =>
  exp === undefined ? Number.POSITIVE_INFINITY : Math.floor(exp) * 1000 + policy.leeway

export const beginsAt = (policy: Policy<unknown>, nbf: number | undefined): number =>
  nbf === undefined ? Number.NEGATIVE_INFINITY : nbf * 1000 - policy.leeway

const isFor = (audiences: ReadonlyArray<string>, { aud }: Claims): boolean => {
  if (audiences.length === 0) return aud === undefined
  if (typeof aud === "string") return audiences.includes(aud)
  return aud !== undefined && aud.some((one) => audiences.includes(one))
}

export const claims = (policy: Policy<unknown>, given: Claims, now: number): InvalidToken | undefined => {
  const { audiences, issuers, needsExpiry, where } = policy
  const { exp, iss, nbf } = given
  if (exp === undefined && needsExpiry)
    return refused(where, "Claims", "the token says no end: exp is missing")
  if (issuers !== undefined && (iss === undefined || !issuers.includes(iss))) return refused(where, "Issuer")
  if (audiences !== undefined && !isFor(audiences, given)) return refused(where, "Audience")
  if (exp !== undefined && now >= endsAt(policy, exp)) {
    return refused(
      where,
      "Expired",
      `the token expired ${seconds(now - Math.floor(exp) * 1000)} s ago by the clock of this machine`
    )
  }
  if (nbf !== undefined && now < beginsAt(policy, nbf)) {
    return refused(
      where,
      "NotYetValid",
      `the token is valid in ${seconds(nbf * 1000 - now)} s by the clock of this machine: do the clocks differ?`
    )
  }
  return undefined
}
