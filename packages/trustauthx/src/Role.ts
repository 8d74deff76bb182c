/**
 * The roles of an organization, as the service answers with them.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * What a role permits, as the service sends it: as a rule one key. It inherits nothing: `__proto__` and `constructor` are keys
 * as any other.
 *
 * @category models
 * @since 0.1.0
 */
export type Permission = Readonly<Record<string, string>>

/**
 * Values by key, compared exactly, case and all. As an answer it inherits nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Permissions = Readonly<Record<string, string>>

/**
 * @category models
 * @since 0.1.0
 */
export class Role extends Data.Class<{
  readonly orgId: string
  /** Such as `rol_rce_474ae9e59b3d49ce`. Unique within its organization only. */
  readonly rolId: string
  readonly name: string
  readonly permissions: ReadonlyArray<Permission>
}> {}

/**
 * The answer to `addPermission`: only what was added.
 *
 * @category models
 * @since 0.1.0
 */
export class AddedPermissions extends Data.Class<{
  readonly orgId: string
  readonly rolId: string
  readonly permissions: ReadonlyArray<Permission>
}> {}

/**
 * The answer to `deletePermission`: all that the role has left.
 *
 * @category models
 * @since 0.1.0
 */
export class RemainingPermissions extends Data.Class<{
  readonly orgId: string
  readonly rolId: string
  readonly permissions: ReadonlyArray<Permission>
}> {}
