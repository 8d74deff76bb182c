/** What the claims of the service's tokens say (contract, section 2.2). */
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import type { Where } from "@latchkey/core/HttpExchange"
import type { Claims } from "@latchkey/jwt/Jwt"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { User, UserData } from "../User.ts"

/** A text that can be sent back as it came. */
export const Sendable = Schema.NonEmptyString.check(
  Schema.makeFilter((text: string) => text.isWellFormed(), { description: "well-formed Unicode" })
)

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Scope = Schema.Array(Schema.String)

const UserClaims = Schema.Struct({
  access_token: Sendable,
  refresh_token: Sendable,
  sub: Schema.fromJsonString(Schema.Struct({ email: Schema.String, uid: Sendable })),
  scope: optional(Schema.Union([Scope, Schema.fromJsonString(Scope)])),
  name: optional(Schema.String),
  img: optional(Schema.String),
  exp: optional(Schema.Finite),
  refresh_exp: optional(Schema.Finite),
  iat: optional(Schema.Finite),
  iss: optional(Schema.String),
  jti: optional(Schema.String),
  type: optional(Schema.String)
})

const decodeUser = Schema.decodeUnknownOption(UserClaims)

/** Undefined where no clock reaches so far. */
export const endAfter = (issuedAt: DateTime.Utc, millis: number): DateTime.Utc | undefined =>
  Option.getOrUndefined(DateTime.make(DateTime.toEpochMillis(issuedAt) + millis))

/** Counted from the receipt: the clock of the service may differ. A fraction of a second is not given away. */
const endOf = (
  issuedAt: DateTime.Utc,
  { exp, iat }: { readonly exp?: number | null; readonly iat?: number | null }
): DateTime.Utc | undefined =>
  Predicate.isNullish(exp) || Predicate.isNullish(iat)
    ? undefined
    : endAfter(issuedAt, Math.max(0, Math.floor(exp) - iat) * 1000)

/** None where a member is missing that every user has. */
export const user = (where: Where, claims: Claims, now: DateTime.Utc): Option.Option<User> =>
  Option.map(decodeUser(claims), (given) => {
    const tokens = {
      accessToken: Redacted.make(given.access_token),
      refreshToken: Redacted.make(given.refresh_token)
    }
    const { email, uid } = given.sub
    const name = given.name ?? null
    const expiresAt = endOf(now, given)
    return new User({
      uid,
      email,
      ...tokens,
      scope: given.scope ?? [],
      name,
      img: given.img ?? null,
      exp: given.exp ?? undefined,
      refreshExp: given.refresh_exp ?? undefined,
      iat: given.iat ?? undefined,
      iss: given.iss ?? undefined,
      jti: given.jti ?? undefined,
      type: given.type ?? undefined,
      session: new Session({
        key: new SessionKey({ ...where, account: uid }),
        ...tokens,
        issuedAt: now,
        ...(expiresAt !== undefined && { expiresAt }),
        account: { id: uid, ...(name !== null && { name }) }
      })
    })
  })

const Person = Schema.Struct({
  uid: Schema.optionalKey(Schema.Unknown),
  email: Schema.optionalKey(Schema.Unknown),
  img: Schema.optionalKey(Schema.Unknown)
})

const decodePerson = Schema.decodeUnknownOption(Schema.fromJsonString(Person))

/** Whichever of the two places the service uses. */
export const userData = (claims: Claims): UserData => {
  const sub = Option.getOrUndefined(decodePerson(claims.sub))
  const of = (name: "uid" | "email" | "img"): string | undefined =>
    [claims[name], sub?.[name]].find((it) => typeof it === "string")
  return new UserData({
    uid: of("uid"),
    email: of("email"),
    img: of("img"),
    claims: Redacted.make(claims, { label: "claims" })
  })
}
