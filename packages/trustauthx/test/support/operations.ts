import type { AuthError } from "@latchkey/core"
import { Effect, Redacted } from "effect"
import type { TrustAuthX, TrustAuthXRoles } from "../../src/index.ts"

/** What an operation sends that a refusal can be about; `check` is an answer of its own. */
export type Sent = "code" | "refresh" | "token" | "application" | "check"

export interface Operation {
  readonly name: string
  readonly path: string
  readonly sent: Sent
  /** What a 404 is about. */
  readonly missing?: string
  /** Whether any JSON will do for an answer. */
  readonly anyJson?: boolean
  readonly maxBytes?: number
  readonly run: (services: Services) => Effect.Effect<unknown, AuthError>
}

export interface Services {
  readonly trustauthx: TrustAuthX["Service"]
  readonly roles: TrustAuthXRoles["Service"]
}

const access = Redacted.make("at-valid")
const refresh = Redacted.make("rt-valid")
/** Good for any number of renewals. */
const renewable = Redacted.make("rt-norefresh")

const uid = "uid_ann"
const rolId = "rol_edt_0000000000000002"
const permissions = { docs: "write" }

const ROLE = "/rbac/role"
const PERMISSION = "/rbac/permission"
const ASSIGN = "/rbac/assign/permission"

/** Every operation that asks the service. */
export const operations: ReadonlyArray<Operation> = [
  {
    name: "getUser",
    path: "/api/user/me/auth/data",
    sent: "code",
    run: ({ trustauthx }) => trustauthx.getUser(Redacted.make("code-extra"))
  },
  {
    name: "reAuth",
    path: "/api/user/me/widget/re-auth/token",
    sent: "code",
    run: ({ trustauthx }) => trustauthx.reAuth(Redacted.make("code-extra"))
  },
  {
    name: "getUserData",
    path: "/api/user/me/data",
    sent: "token",
    run: ({ trustauthx }) => trustauthx.getUserData(access)
  },
  {
    name: "getAccessTokenFromRefreshToken",
    path: "/api/user/me/access/token/",
    sent: "refresh",
    run: ({ trustauthx }) => trustauthx.getAccessTokenFromRefreshToken(renewable)
  },
  {
    name: "validateAccessToken",
    path: "/api/user/me/auth/validate/token",
    sent: "check",
    anyJson: true,
    run: ({ trustauthx }) => trustauthx.validateAccessToken(access)
  },
  {
    name: "validateTokenSet, its exchange",
    path: "/api/user/me/access/token/",
    sent: "refresh",
    run: ({ trustauthx }) =>
      trustauthx.validateTokenSet({ accessToken: Redacted.make("at-401"), refreshToken: renewable })
  },
  {
    name: "revokeToken",
    path: "/api/user/me/token/",
    sent: "token",
    anyJson: true,
    run: ({ trustauthx }) => trustauthx.revokeToken({ accessToken: access })
  },
  {
    name: "attachRole",
    path: ASSIGN,
    sent: "application",
    missing: "uid",
    run: ({ trustauthx }) => trustauthx.attachRole({ uid, rolIds: rolId })
  },
  {
    name: "removeRole",
    path: ASSIGN,
    sent: "application",
    missing: "uid",
    run: ({ trustauthx }) => trustauthx.removeRole({ uid, rolIds: rolId })
  },
  {
    name: "updateRole",
    path: ASSIGN,
    sent: "application",
    missing: "uid",
    run: ({ trustauthx }) => trustauthx.updateRole({ uid, add: rolId, remove: [] })
  },
  {
    name: "updateRole with a sign-off",
    path: ASSIGN,
    sent: "token",
    missing: "uid",
    run: ({ trustauthx }) =>
      trustauthx.updateRole({
        uid,
        add: rolId,
        remove: [],
        signOff: { accessToken: access, refreshToken: refresh }
      })
  },
  {
    name: "getAllRoles",
    path: ROLE,
    sent: "application",
    missing: "orgId",
    maxBytes: 64 * 1024 * 1024,
    run: ({ roles }) => roles.getAllRoles()
  },
  {
    name: "addRole",
    path: ROLE,
    sent: "application",
    missing: "orgId",
    run: ({ roles }) => roles.addRole({ name: "new", permissions })
  },
  {
    name: "deleteRole",
    path: ROLE,
    sent: "application",
    missing: "rolId",
    run: ({ roles }) => roles.deleteRole({ rolId })
  },
  {
    name: "addPermission",
    path: PERMISSION,
    sent: "application",
    missing: "rolId",
    run: ({ roles }) => roles.addPermission({ rolId, permissions })
  },
  {
    name: "deletePermission",
    path: PERMISSION,
    sent: "application",
    missing: "rolId",
    run: ({ roles }) => roles.deletePermission({ rolId, permissions })
  },
  {
    name: "query",
    path: ROLE,
    sent: "application",
    missing: "orgId",
    maxBytes: 64 * 1024 * 1024,
    run: ({ roles }) => roles.query()
  }
]
