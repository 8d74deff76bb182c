/** What the claims of a token are called (contract, section 4). A claim of the wrong type counts as absent. */
import type { Claims } from "@latchkey/jwt/Jwt"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AccessToken } from "../AccessToken.ts"

/** The first of them that is there. */
const NAMESPACES = ["hasura", "https://hasura.io/jwt/claims"]

/** The second spelling is that of old documents. */
const ROLES = ["x-hasura-allowed-roles", "allowed_roles"]
const DEFAULT_ROLE = ["x-hasura-default-role", "default_role"]
const USER_ID = ["x-hasura-user-id"]

type Members = Readonly<Record<string, unknown>>

const asMembers = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))
const asText = Schema.decodeUnknownOption(Schema.NonEmptyString)
const asTexts = Schema.decodeUnknownOption(Schema.Array(Schema.NonEmptyString))

const first = <A>(
  members: Members,
  names: ReadonlyArray<string>,
  as: (value: unknown) => Option.Option<A>
): Option.Option<A> =>
  Option.firstSomeOf(names.map((name) => (Object.hasOwn(members, name) ? as(members[name]) : Option.none())))

const time = (seconds: number | undefined): Option.Option<DateTime.Utc> =>
  seconds === undefined ? Option.none() : DateTime.make(Math.floor(seconds) * 1000)

export const read = (
  token: { readonly verified: boolean; readonly claims: Claims },
  namespace: string | undefined
): AccessToken => {
  const { claims, verified } = token
  const names = namespace === undefined ? NAMESPACES : [namespace, ...NAMESPACES]
  const members = Option.getOrElse(first(claims, names, asMembers), (): Members => ({}))
  return {
    verified,
    userId: Option.orElse(first(members, USER_ID, asText), () => asText(claims.sub)),
    roles: Option.getOrElse(first(members, ROLES, asTexts), () => []),
    defaultRole: first(members, DEFAULT_ROLE, asText),
    issuedAt: time(claims.iat),
    expiresAt: time(claims.exp),
    claims: Object.fromEntries(
      Object.entries(members).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []))
    )
  }
}
