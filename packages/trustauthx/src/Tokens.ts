/**
 * The tokens of a session, as operations take them and give them.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Redacted from "effect/Redacted"

/**
 * What is at hand of a session's two tokens. A `Session` is such a thing, and a `User`; of another application they are an
 * `InvalidRequest` of `session`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tokens {
  readonly accessToken?: Redacted.Redacted<string> | undefined
  readonly refreshToken?: Redacted.Redacted<string> | undefined
}

/**
 * What a renewal yields. Where the service gave no new refresh token, it is the one that was sent.
 *
 * @category models
 * @since 0.1.0
 */
export class TokenPair extends Data.Class<{
  readonly accessToken: Redacted.Redacted<string>
  readonly refreshToken: Redacted.Redacted<string>
}> {}

/**
 * The answer to `validateTokenSet`. `state` false says that the tokens were replaced, not that they are bad: the ones here are good,
 * and those that were given are spent.
 *
 * @category models
 * @since 0.1.0
 */
export class TokenCheck extends Data.Class<{
  readonly state: boolean
  readonly access: Redacted.Redacted<string>
  /** Missing only where none was given. */
  readonly refresh: Redacted.Redacted<string> | undefined
}> {}
