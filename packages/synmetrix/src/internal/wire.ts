/** The bodies of good answers (contract, 2 and 3). Members that nobody knows are left alone. */
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { User } from "../SignIn.ts"

/** Longer ones are no UUID by far, and no URL holds them. */
const MAX_LENGTH = 4096

const Opaque = Schema.NonEmptyString.check(
  Schema.isMaxLength(MAX_LENGTH),
  Schema.makeFilter((text: string) => text.isWellFormed())
)

const orNull = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Granted = Schema.Struct({
  jwt_token: Schema.NonEmptyString,
  jwt_expires_in: Schema.optionalKey(Schema.Unknown),
  refresh_token: orNull(Opaque),
  user: Schema.optionalKey(Schema.Unknown)
})

const Pending = Schema.Struct({
  jwt_token: Schema.Null,
  user: Schema.Struct({
    id: Schema.NonEmptyString,
    email: Schema.NonEmptyString,
    display_name: orNull(Schema.String),
    avatar_url: orNull(Schema.String)
  })
})

const SecondFactor = Schema.Struct({ mfa: Schema.Literal(true), ticket: Opaque })

const LinkSent = Schema.Struct({ magicLink: Schema.Literal(true) })

/** A session object with its tokens. */
export interface Grant {
  readonly accessToken: Redacted.Redacted<string>
  readonly refreshToken: Redacted.Redacted<string> | undefined
  /** In milliseconds. */
  readonly expiresIn: number | undefined
  readonly user: { readonly id?: string; readonly email?: string; readonly displayName?: string }
}

const asMembers = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))
const asText = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)
const asGranted = Schema.decodeUnknownOption(Granted)
const asPending = Schema.decodeUnknownOption(Pending)
const asSecondFactor = Schema.decodeUnknownOption(SecondFactor)

/** What is told beside the tokens counts as missing where it is of the wrong type: the tokens were paid for. */
export const grant = (body: unknown): Option.Option<Grant> =>
  Option.map(asGranted(body), ({ jwt_expires_in, jwt_token, refresh_token, user }) => {
    const told = Option.getOrElse(asMembers(user), (): Readonly<Record<string, unknown>> => ({}))
    const id = asText(told["id"])
    const email = asText(told["email"])
    const displayName = asText(told["display_name"])
    return {
      accessToken: Redacted.make(jwt_token),
      refreshToken: refresh_token ? Redacted.make(refresh_token) : undefined,
      expiresIn: typeof jwt_expires_in === "number" ? jwt_expires_in : undefined,
      user: { ...(id && { id }), ...(email && { email }), ...(displayName && { displayName }) }
    }
  })

export const pending = (body: unknown): Option.Option<User> =>
  Option.map(asPending(body), ({ user: { avatar_url, display_name, email, id } }) => ({
    id,
    email,
    ...(display_name && { displayName: display_name }),
    ...(avatar_url && { avatarUrl: avatar_url })
  }))

export const ticket = (body: unknown): Option.Option<Redacted.Redacted<string>> =>
  Option.map(asSecondFactor(body), ({ ticket }) => Redacted.make(ticket))

export const isLinkSent: (body: unknown) => boolean = Schema.is(LinkSent)
