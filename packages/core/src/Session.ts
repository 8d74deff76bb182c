/**
 * What a successful login yields, whichever provider it came from.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SessionKey } from "./SessionKey.ts"

/** Shows nothing when printed, and refuses to be encoded: only `StoredSession` writes tokens down, for stores. */
const Secret = Schema.Redacted(Schema.NonEmptyString, { disallowJsonEncode: true })

/**
 * What the provider knows about the account beyond its name in the key.
 *
 * @category models
 * @since 0.1.0
 */
export const Account = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  name: Schema.optionalKey(Schema.String),
  roles: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Account = typeof Account.Type

/**
 * A session is a value: a renewal yields a new one. A provider that keeps the token to itself gives none.
 *
 * `issuedAt` is the local time at which the token was taken, and `expiresAt` (where the life is known) the local time
 * at which it ends: neither is read off a clock that is not ours. `endsAt` is a policy of whoever signed in: however often
 * the session is renewed, at this local time it is over. Every renewal keeps it.
 *
 * @category models
 * @since 0.1.0
 */
export class Session extends Schema.Class<Session>("@latchkey/core/Session")({
  key: SessionKey,
  accessToken: Schema.optionalKey(Secret),
  refreshToken: Schema.optionalKey(Secret),
  tokenType: Schema.NonEmptyString.pipe(Schema.withConstructorDefault(Effect.succeed("Bearer"))),
  issuedAt: Schema.DateTimeUtc,
  expiresAt: Schema.optionalKey(Schema.DateTimeUtc),
  endsAt: Schema.optionalKey(Schema.DateTimeUtc),
  account: Account.pipe(Schema.withConstructorDefault(Effect.succeed({})))
}) {}
