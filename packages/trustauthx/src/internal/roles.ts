/** What each operation of `TrustAuthXRoles` does. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Permissions, Role } from "../Role.ts"
import type {
  AgeOptions,
  OrganizationOptions,
  RoleError,
  RolePermissions,
  TrustAuthXRoles
} from "../TrustAuthXRoles.ts"
import * as Arguments from "./arguments.ts"
import type { Ask } from "./ask.ts"
import * as Edge from "./edge.ts"
import { OwnAnswer } from "./ownAnswer.ts"
import * as RoleArguments from "./roleArguments.ts"
import type { Answer, Asked, Copy } from "./roleBacking.ts"
import * as RoleKeeping from "./roleKeeping.ts"
import * as RoleWire from "./roleWire.ts"

/** The connection, and the roles on it. */
export const make = Effect.fnUntraced(function* <E, R>(
  inMemory: boolean,
  asking: (told: Pick<Edge.Edge, "noticed">) => Effect.Effect<Ask, E, R>
): Effect.fn.Return<
  { readonly ask: Ask; readonly roles: TrustAuthXRoles["Service"] },
  E | InvalidRequest,
  R | Scope.Scope
> {
  const edge: Edge.Edge = yield* Edge.make({
    load: Effect.suspend((): Effect.Effect<ReadonlyArray<Role>, RoleError> => getAllRoles()),
    fill: yield* RoleKeeping.fill(inMemory)
  })
  const ask = yield* asking(edge)
  const { where } = ask

  const organization = (given: OrganizationOptions | undefined) =>
    Arguments.organization(where, given?.orgId ?? ask.orgId)

  const getAllRoles = (options?: OrganizationOptions) =>
    Effect.flatMap(organization(options), (orgId) =>
      ask.roles({ operation: "getAllRoles", method: "GET", path: "/rbac/role", orgId }, RoleWire.roles)
    )

  /** What is held is not about other organizations, and neither is what their answers count. */
  const changing = <A>(orgId: string, change: Effect.Effect<A, RoleError>): Effect.Effect<A, RoleError> =>
    orgId === ask.orgId
      ? edge.changing(change)
      : Effect.provideService(change, OwnAnswer, { header: undefined })

  const permissionRequest = Effect.fnUntraced(function* (given: RolePermissions) {
    const orgId = yield* organization(given)
    const rolId = yield* Arguments.text(where, "rolId", given.rolId)
    const permissions = yield* RoleArguments.permissions(where, given.permissions)
    return { path: "/rbac/permission", orgId, body: { org_id: orgId, rol_id: rolId, permissions } } as const
  })

  const snapshot = (options: AgeOptions | undefined): Effect.Effect<Copy, RoleError> =>
    options?.maxAge === undefined
      ? edge.copy
      : Effect.flatMap(RoleArguments.maxAge(where, options.maxAge), edge.within)

  function query(): Effect.Effect<Readonly<Record<string, Permissions>>, RoleError>
  function query(
    asked: { readonly role: string; readonly key: string } & AgeOptions
  ): Effect.Effect<Option.Option<string>, RoleError>
  function query(
    asked: { readonly role: string } & AgeOptions
  ): Effect.Effect<Option.Option<Permissions>, RoleError>
  function query(
    asked: { readonly key: string } & AgeOptions
  ): Effect.Effect<Readonly<Record<string, string>>, RoleError>
  function query(asked?: Asked & AgeOptions): Effect.Effect<Answer, RoleError> {
    return Effect.map(snapshot(asked), (copy) => copy.query(asked))
  }

  return {
    ask,
    roles: {
      getAllRoles: (options) => traced("getAllRoles")(getAllRoles(options)),
      addRole: Effect.fnUntraced(function* (given) {
        const orgId = yield* organization(given)
        const name = yield* Arguments.text(where, "name", given.name)
        const permissions = yield* RoleArguments.permissions(where, given.permissions)
        const body = { org_id: orgId, name, permissions }
        const request = { operation: "addRole", method: "POST", path: "/rbac/role", orgId, body } as const
        return yield* changing(orgId, ask.roles(request, RoleWire.role))
      }, traced("addRole")),
      deleteRole: Effect.fnUntraced(function* (given) {
        const orgId = yield* organization(given)
        const rolId = yield* Arguments.text(where, "rolId", given.rolId)
        const body = { org_id: orgId, rol_id: rolId }
        const request = {
          operation: "deleteRole",
          method: "DELETE",
          path: "/rbac/role",
          orgId,
          body
        } as const
        return yield* changing(orgId, ask.roles(request, RoleWire.role))
      }, traced("deleteRole")),
      addPermission: Effect.fnUntraced(function* (given) {
        const request = yield* permissionRequest(given)
        const asked = ask.roles({ ...request, operation: "addPermission", method: "POST" }, RoleWire.added)
        return yield* changing(request.orgId, asked)
      }, traced("addPermission")),
      deletePermission: Effect.fnUntraced(function* (given) {
        const request = yield* permissionRequest(given)
        const asked = ask.roles(
          { ...request, operation: "deletePermission", method: "DELETE" },
          RoleWire.remaining
        )
        return yield* changing(request.orgId, asked)
      }, traced("deletePermission")),
      query,
      validate: (role, key, value, options) =>
        options?.maxAge === undefined
          ? Effect.suspend(() => {
              const held = edge.held()
              if (held === undefined) return Effect.map(edge.copy, (copy) => copy.validate(role, key, value))
              return held.validate(role, key, value) ? valid : invalid
            })
          : Effect.map(snapshot(options), (copy) => copy.validate(role, key, value)),
      countRoles: (options) => Effect.map(snapshot(options), ({ countRoles }) => countRoles),
      snapshot,
      reload: edge.reload,
      age: edge.age,
      changes: edge.changes
    }
  }
})

const valid = Effect.succeed(true)

const invalid = Effect.succeed(false)

/** A span without a stack: the failures have their own. */
const traced =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withSpan(effect, `TrustAuthXRoles.${name}`, { captureStackTrace: false })
