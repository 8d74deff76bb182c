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

const NAMES: ReadonlySet<unknown> = new Set([...PLACES, ...PARAMETERS])

/** Such as `body.rol_id.0`, of the first complaint in a `detail`. */
export const whichField = (body: unknown): string | undefined => {
  const [first] = Predicate.hasProperty(body, "detail") && Array.isArray(body.detail) ? body.detail : []
  if (!Predicate.hasProperty(first, "loc") || !Array.isArray(first.loc)) return undefined
  const end = first.loc.findIndex((part) => !NAMES.has(part) && !Number.isSafeInteger(part))
  return first.loc.slice(0, end < 0 ? undefined : end).join(".") || undefined
}
