/**
 * The roles of an organization: changes to them at the service, and checks against a copy of them here.
 *
 * The copy is loaded when it is first needed, by one request that everybody shares. It is renewed on demand, after each
 * change made here, which waits for it, and when an answer says that the service holds another number of roles (`X-EDGE`):
 * nobody waits for that, and `changes` tells of it. A permission that somebody else changed shows in none of these: bound the age
 * of the copy with `maxAge` where that matters. While a renewal fails the old copy answers, also after a change that was made
 * here and did not fail; the next answer with a number in it causes another.
 *
 * `TrustAuthX.layer` makes this service too.
 *
 * @since 0.1.0
 */
import type { PermissionDenied, ProviderError } from "@latchkey/core/AuthError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { AddedPermissions, Permissions, RemainingPermissions, Role } from "./Role.ts"
import type { RoleCopy } from "./RoleCopy.ts"

/**
 * The failures of every operation on roles. `PermissionDenied`: the service refused the keys of the application. Something that is not
 * there is an `InvalidRequest` whose `field` names it.
 *
 * @category errors
 * @since 0.1.0
 */
export type RoleError = ProviderError | PermissionDenied

/**
 * @category options
 * @since 0.1.0
 */
export interface OrganizationOptions {
  /** Default: that of the client; without either it is an `InvalidRequest`. */
  readonly orgId?: string
}

/**
 * @category options
 * @since 0.1.0
 */
export interface AgeOptions {
  /**
   * How old the copy may be. An older one is loaded again first, and if that fails, the call fails: an answer from the old
   * copy is never given. 0 asks the service each time. Default: any age.
   */
  readonly maxAge?: Duration.Input
}

/**
 * @category models
 * @since 0.1.0
 */
export interface NewRole extends OrganizationOptions {
  readonly name: string
  /** Any text may be a key. */
  readonly permissions: Permissions
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RolePermissions extends OrganizationOptions {
  readonly rolId: string
  readonly permissions: Permissions
}

/**
 * Roles of an organization. Permission checks (`query`, `validate`, `countRoles`) are about the organization of the client, and
 * answer from the copy.
 *
 * @category services
 * @since 0.1.0
 */
export class TrustAuthXRoles extends Context.Service<
  TrustAuthXRoles,
  {
    /** Asks the service; the copy stays as it is. */
    readonly getAllRoles: (options?: OrganizationOptions) => Effect.Effect<ReadonlyArray<Role>, RoleError>
    /** The new role, with the id that the service gave it. The copy holds it when this returns, unless it cannot be loaded. */
    readonly addRole: (role: NewRole) => Effect.Effect<Role, RoleError>
    /** The role that was. The copy has lost it when this returns, unless it cannot be loaded. */
    readonly deleteRole: (
      role: { readonly rolId: string } & OrganizationOptions
    ) => Effect.Effect<Role, RoleError>
    /** Only what was added. The copy holds it when this returns, unless it cannot be loaded. */
    readonly addPermission: (added: RolePermissions) => Effect.Effect<AddedPermissions, RoleError>
    /** What the role has left. The copy has lost the others when this returns, unless it cannot be loaded. */
    readonly deletePermission: (deleted: RolePermissions) => Effect.Effect<RemainingPermissions, RoleError>
    readonly query: {
      /** The permissions of every role, by role id. */
      (
        asked?: AgeOptions & { readonly role?: never; readonly key?: never }
      ): Effect.Effect<Readonly<Record<string, Permissions>>, RoleError>
      /** The value; none where there is no such role, or it has no such key. */
      (
        asked: { readonly role: string; readonly key: string } & AgeOptions
      ): Effect.Effect<Option.Option<string>, RoleError>
      /** The permissions of one role; none where there is no such role. */
      (
        asked: { readonly role: string; readonly key?: never } & AgeOptions
      ): Effect.Effect<Option.Option<Permissions>, RoleError>
      /** The value in every role that has the key, by role id. */
      (
        asked: { readonly key: string; readonly role?: never } & AgeOptions
      ): Effect.Effect<Readonly<Record<string, string>>, RoleError>
    }
    /** Whether the role is there, has the key, and the value is equal. False for `undefined`. */
    readonly validate: (
      role: string,
      key: string,
      value: string | undefined,
      options?: AgeOptions
    ) => Effect.Effect<boolean, RoleError>
    readonly countRoles: (options?: AgeOptions) => Effect.Effect<number, RoleError>
    /** The copy itself, for many checks at once or where no Effect can run. */
    readonly snapshot: (options?: AgeOptions) => Effect.Effect<RoleCopy, RoleError>
    /** Loads the copy again: no change made before this was called is missing from it. Where it fails, the old copy stays. */
    readonly reload: Effect.Effect<RoleCopy, RoleError>
    /** How long ago the copy was asked for; none before it was first loaded. */
    readonly age: Effect.Effect<Option.Option<Duration.Duration>>
    /** Each copy that takes the place of another, the first one included; a slow reader gets the latest. Ends with the layer. */
    readonly changes: Stream.Stream<RoleCopy>
  }
>()("@latchkey/trustauthx/TrustAuthXRoles") {}
