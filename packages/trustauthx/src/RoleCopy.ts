/**
 * The roles of one organization as they were at one moment: plain functions, no request, no Effect.
 *
 * A copy never changes. One that is kept grows old: take it from `TrustAuthXRoles.snapshot` where it is used.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Option from "effect/Option"
import type { Permissions } from "./Role.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoleCopy {
  /** When it was asked for, by the local clock: no change before then is missing. */
  readonly loadedAt: DateTime.Utc
  readonly query: {
    /** The permissions of every role, by role id. */
    (): Readonly<Record<string, Permissions>>
    /** The value; none where there is no such role, or it has no such key. */
    (asked: { readonly role: string; readonly key: string }): Option.Option<string>
    /** The permissions of one role; none where there is no such role. */
    (asked: { readonly role: string; readonly key?: never }): Option.Option<Permissions>
    /** The value in every role that has the key, by role id. */
    (asked: { readonly key: string; readonly role?: never }): Readonly<Record<string, string>>
  }
  /** Whether the role is there, has the key, and the value is equal. False for `undefined`. */
  readonly validate: (role: string, key: string, value: string | undefined) => boolean
  readonly countRoles: number
}
