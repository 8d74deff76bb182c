/**
 * Which argument a complaint of the service is about (contract, section 6). Only names that stand in the contract are told: what else
 * a server wrote there may repeat what was sent.
 */
import * as Predicate from "effect/Predicate"

const PLACES = ["query", "body", "path", "header"]

const PARAMETERS = [
  "UserToken",
  "code",
  "AccessToken",
  "RefreshToken",
  "Token",
  "SpecificTokenOnly",
  "api_key",
  "signed_key",
  "url",
  "org_id",
  "rol_id",
  "uid",
  "name",
  "permissions",
  "inplace",
  "signoff_session_and_assign"
]

/** The deepest place of a parameter: a member of an object in a list of the body. */
const MAX_PARTS = 4

/** A place in a list. A larger number may be what was sent. */
const isPlace = (part: unknown): boolean =>
  typeof part === "number" && Number.isInteger(part) && part >= 0 && part < 1000

const NAMES: ReadonlySet<unknown> = new Set([...PLACES, ...PARAMETERS])

/** Such as `body.rol_id.0`, of the first complaint in a `detail`. */
export const whichField = (body: unknown): string | undefined => {
  const [first] = Predicate.hasProperty(body, "detail") && Array.isArray(body.detail) ? body.detail : []
  if (!Predicate.hasProperty(first, "loc") || !Array.isArray(first.loc)) return undefined
  const end = first.loc.findIndex((part) => !NAMES.has(part) && !isPlace(part))
  return first.loc.slice(0, Math.min(end < 0 ? MAX_PARTS : end, MAX_PARTS)).join(".") || undefined
}
