/**
 * A session as a line of text, for the authors of stores.
 *
 * This is the one place where tokens are written down in the clear: what it returns belongs on a private disk or
 * behind a seal, and nowhere else.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Account, Session } from "./Session.ts"
import { SessionKey } from "./SessionKey.ts"

const Secret = Schema.RedactedFromValue(Schema.NonEmptyString)

/** `v` is raised when a reader of today could misread a line of tomorrow. */
const Line = Schema.fromJsonString(
  Schema.Struct({
    v: Schema.Literal(1),
    key: Schema.Struct(SessionKey.fields),
    accessToken: Schema.optionalKey(Secret),
    refreshToken: Schema.optionalKey(Secret),
    tokenType: Schema.NonEmptyString,
    issuedAt: Schema.DateTimeUtcFromMillis,
    expiresAt: Schema.optionalKey(Schema.DateTimeUtcFromMillis),
    endsAt: Schema.optionalKey(Schema.DateTimeUtcFromMillis),
    account: Account
  })
)

const encodeLine = Schema.encodeSync(Line)
const decodeLine = Schema.decodeUnknownOption(Line)

/**
 * The line, secrets included.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (session: Session): string => encodeLine({ v: 1, ...session })

/**
 * The session, or none where the text is not such a line. Why it is not is left unsaid: a parser that explains itself
 * quotes what it has read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (line: string): Option.Option<Session> =>
  Option.map(
    decodeLine(line),
    ({ key, v: _, ...fields }) => new Session({ ...fields, key: new SessionKey(key) })
  )
