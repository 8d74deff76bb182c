/**
 * The organizations of a simulated service: their roles, who has them, and what it answers to `/rbac/*`. Whether the keys of
 * the application are right is judged before.
 */
import { empty, type HttpRequest, type HttpResponse, json } from "@latchkey/testing/HttpHandler"
import * as Predicate from "effect/Predicate"
import * as HeldRoles from "./heldRoles.ts"
import { listed, without, withoutKeys } from "./listedPermissions.ts"
import * as RoleBodies from "./roleBodies.ts"
import type { Permissions } from "./roleBodies.ts"
import * as Fixtures from "./roleFixtures.ts"

/** What the assignment of roles needs to know of users and their sessions. */
export interface Users {
  /** What is answered about a user that is not there, or is trouble. */
  readonly refusal: (uid: string) => HttpResponse | undefined
  /** Ends the session of two tokens and begins another; undefined where they are not good. */
  readonly signOff: (
    uid: string,
    accessToken: string,
    refreshToken: string
  ) => { readonly access_token: string; readonly refresh_token: string } | undefined
}

export interface Organizations {
  /** Undefined for a path that is not about roles. */
  readonly reply: (request: HttpRequest, users: Users) => HttpResponse | undefined
  /** How many roles there are, as `X-EDGE` tells it; undefined for an organization that nobody knows. */
  readonly count: (orgId: string) => number | undefined
  /** As somebody else would do it. Gives the id of the new role. */
  readonly addRole: (orgId: string, name: string, permissions: Permissions) => string
  readonly removeRole: (orgId: string, rolId: string) => void
  readonly setPermissions: (orgId: string, rolId: string, permissions: Permissions) => void
  /** The ids of the roles that a user has. */
  readonly rolesOf: (uid: string) => ReadonlyArray<string>
}

const notFound = (what: string): HttpResponse => json(404, { detail: `${what} not found` })

export const make = (): Organizations => {
  const held = HeldRoles.make(Fixtures.roles)
  const assigned = new Map<string, ReadonlyArray<string>>()

  const withRole = (
    orgId: string,
    rolId: string,
    answer: (role: Fixtures.WireRole) => HttpResponse
  ): HttpResponse => {
    const role = held.find(orgId, rolId)
    return role === undefined ? notFound("Role") : answer(role)
  }

  const aboutRoles = (request: HttpRequest, orgId: string): HttpResponse => {
    switch (request.method) {
      case "GET":
        return json(200, held.of(orgId))
      case "POST":
        return RoleBodies.newRole(request, ({ name, permissions }) =>
          json(200, held.add(orgId, name, permissions))
        )
      case "DELETE":
        return RoleBodies.oldRole(request, ({ rol_id }) =>
          withRole(orgId, rol_id, (role) => {
            held.remove(orgId, rol_id)
            return json(200, role)
          })
        )
    }
    return empty(405)
  }

  const aboutPermissions = (request: HttpRequest, orgId: string): HttpResponse => {
    const { method } = request
    if (method !== "POST" && method !== "DELETE") return empty(405)
    return RoleBodies.change(request, ({ permissions, rol_id }) =>
      withRole(orgId, rol_id, (role) => {
        const has = role.permissions ?? []
        const left = method === "POST" ? withoutKeys(has, permissions) : without(has, permissions)
        held.replace(role, method === "POST" ? [...left, ...permissions] : left)
        return json(200, { org_id: orgId, rol_id, permissions: method === "POST" ? permissions : left })
      })
    )
  }

  const assign = (request: HttpRequest, orgId: string, users: Users): HttpResponse =>
    RoleBodies.assignment(request, (body) => {
      const { AccessToken, RefreshToken, inplace, rol_id, uid } = body
      const refusal = users.refusal(uid)
      if (refusal !== undefined) return refusal
      if (rol_id.some((it) => held.find(orgId, it) === undefined)) return notFound("Role")
      const kept = (assigned.get(uid) ?? []).filter((it) => !inplace.includes(it) && !rol_id.includes(it))
      const role = [...kept, ...rol_id]
      if (!body.signoff_session_and_assign) {
        assigned.set(uid, role)
        return json(200, { uid, role })
      }
      if (AccessToken === null) return RoleBodies.unprocessable("body", "AccessToken")
      if (RefreshToken === null) return RoleBodies.unprocessable("body", "RefreshToken")
      const session = users.signOff(uid, AccessToken, RefreshToken)
      if (session === undefined) return json(401, { detail: "Invalid session" })
      assigned.set(uid, role)
      return json(200, { uid, ...session, role })
    })

  return {
    reply: (request, users) => {
      if (!PATHS.has(request.path)) return undefined
      const orgId = new URLSearchParams(request.query).get("org_id")
      if (orgId === null) return RoleBodies.unprocessable("query", "org_id")
      const answer = Object.hasOwn(Fixtures.answers, orgId) ? Fixtures.answers[orgId] : undefined
      if (answer !== undefined) return answer
      if (!held.isKnown(orgId)) return notFound("Organization")
      const body = RoleBodies.bodyOf(request)
      if (Predicate.hasProperty(body, "org_id") && body.org_id !== orgId) {
        return RoleBodies.unprocessable("body", "org_id")
      }
      if (request.path === "/rbac/role") return aboutRoles(request, orgId)
      if (request.path === "/rbac/permission") return aboutPermissions(request, orgId)
      return request.method === "POST" ? assign(request, orgId, users) : empty(405)
    },
    count: (orgId) => (held.isKnown(orgId) ? held.of(orgId).length : undefined),
    addRole: (orgId, name, permissions) => held.add(orgId, name, listed(permissions)).rol_id,
    removeRole: held.remove,
    setPermissions: (orgId, rolId, permissions) => {
      const role = held.find(orgId, rolId)
      if (role !== undefined) held.replace(role, listed(permissions))
    },
    rolesOf: (uid) => assigned.get(uid) ?? []
  }
}

const PATHS = new Set(["/rbac/role", "/rbac/permission", "/rbac/assign/permission"])
