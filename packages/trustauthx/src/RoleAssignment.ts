/**
 * Which roles a user is given and loses, and what the service answers to that.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Redacted from "effect/Redacted"
import type { Tokens } from "./Tokens.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SignOff {
  /**
   * The session of these two tokens ends, and another takes its place that carries the roles. Both are needed. Without it
   * running sessions go on with the roles that they have.
   */
  readonly signOff: Tokens
}

interface OfUser {
  readonly uid: string
  /** Default: that of the client; without either it is an `InvalidRequest`. */
  readonly orgId?: string
}

/**
 * Roles to attach or to remove: one id, or several.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoleChange extends OfUser {
  readonly rolIds: string | ReadonlyArray<string>
}

/**
 * Both at once; either may be an empty list, and not both.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoleUpdate extends OfUser {
  readonly add: string | ReadonlyArray<string>
  readonly remove: string | ReadonlyArray<string>
}

/**
 * The answer to a change that left the sessions alone. What the service tells is not settled.
 *
 * @category models
 * @since 0.1.0
 */
export class RoleAssignment extends Data.Class<{
  readonly uid: string | undefined
  readonly role: ReadonlyArray<string> | undefined
  /** The whole answer, as it came. */
  readonly raw: Redacted.Redacted<Readonly<Record<string, unknown>>>
}> {}

/**
 * The answer to a change with `signOff`. Keep these tokens: the old ones are dead.
 *
 * @category models
 * @since 0.1.0
 */
export class SignOffSessionReplace extends Data.Class<{
  readonly uid: string
  readonly accessToken: Redacted.Redacted<string>
  readonly refreshToken: Redacted.Redacted<string>
  readonly role: ReadonlyArray<string>
}> {}
