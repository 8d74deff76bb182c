/**
 * Who is signed in to the game, and until when.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const NANOS_PER_MILLI = 1_000_000n

/**
 * The sign-in of a game as it is at one moment. `loggedIn` alone decides: a game that is logged in may not know its user's
 * id and name yet, and one that is starting says that it is logged out.
 *
 * As JSON the nanoseconds are a text, digit by digit.
 *
 * @category models
 * @since 0.1.0
 */
export class AuthStatus extends Schema.Class<AuthStatus>("@latchkey/resonite/AuthStatus")({
  loggedIn: Schema.Boolean,
  /** `U-…`. Only while logged in, and known. */
  userId: Schema.optionalKey(Schema.NonEmptyString),
  /** Only while logged in, and known. */
  userName: Schema.optionalKey(Schema.NonEmptyString),
  /** Nanoseconds since 1970, exactly as they came: 0 and less for an expiry that is not known. */
  sessionExpiresUnixNanos: Schema.BigInt
}) {
  /**
   * When the session ends, rounded down to the millisecond; none while logged out, and where it is not known. It is on
   * the cloud's clock and for people only: the game renews its session by itself.
   */
  get sessionExpires(): Option.Option<DateTime.Utc> {
    return this.loggedIn && this.sessionExpiresUnixNanos > 0n
      ? DateTime.make(Number(this.sessionExpiresUnixNanos / NANOS_PER_MILLI))
      : Option.none()
  }

  toJSON(): Schema.Json {
    return encode(this)
  }
}

const encode = Schema.encodeSync(Schema.toCodecJson(AuthStatus))
