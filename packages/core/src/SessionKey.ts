/**
 * Names one session: which provider, which far end, which account.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Two keys are equal when their three parts are. `instance` is what the provider's contract says identifies the far
 * end: a robot is its serial number, not its address, so that two robots never share a drawer.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionKey extends Schema.Class<SessionKey>("@latchkey/core/SessionKey")({
  provider: Schema.NonEmptyString,
  instance: Schema.NonEmptyString,
  account: Schema.NonEmptyString
}) {
  /** One string for the whole key: different keys have different ids, whatever characters are in their parts. */
  get id(): string {
    return JSON.stringify([this.provider, this.instance, this.account])
  }
}
