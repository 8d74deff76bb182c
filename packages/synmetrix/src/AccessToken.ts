/**
 * What an access token says about its bearer, read from its claims for Hasura.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Option from "effect/Option"

/**
 * Times are those of the server's clock. Where `verified` is false anybody may have written all of it: show it, and base
 * no decision on it.
 *
 * @category models
 * @since 0.1.0
 */
export interface AccessToken {
  /** Whether signature and times were checked with a key. */
  readonly verified: boolean
  readonly userId: Option.Option<string>
  /** The roles that a request may ask for. */
  readonly roles: ReadonlyArray<string>
  /** The role of a request that asks for none. */
  readonly defaultRole: Option.Option<string>
  /** In whole seconds, as a token counts. */
  readonly issuedAt: Option.Option<DateTime.Utc>
  /** In whole seconds, as a token counts. */
  readonly expiresAt: Option.Option<DateTime.Utc>
  /** Every claim for Hasura that is a text, custom fields included. */
  readonly claims: Readonly<Record<string, string>>
}
