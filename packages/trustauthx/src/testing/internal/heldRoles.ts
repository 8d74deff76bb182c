/** The roles that a simulated service holds, organization by organization. */
import type { Permissions } from "./roleBodies.ts"
import type { GivenRole, WireRole } from "./roleFixtures.ts"

export const make = (given: Readonly<Record<string, ReadonlyArray<GivenRole>>>) => {
  const organizations = new Map<string, ReadonlyArray<WireRole>>(
    Object.entries(given).map(([org_id, roles]) => [org_id, roles.map((it) => ({ org_id, ...it }))])
  )
  let made = 0
  const of = (orgId: string): ReadonlyArray<WireRole> => organizations.get(orgId) ?? []
  return {
    of,
    isKnown: (orgId: string): boolean => organizations.has(orgId),
    find: (orgId: string, rolId: string): WireRole | undefined =>
      of(orgId).find(({ rol_id }) => rol_id === rolId),
    /** Gives it an id. */
    add: (org_id: string, name: string, permissions: ReadonlyArray<Permissions>): WireRole => {
      const role = { org_id, rol_id: `rol_new_${String(++made).padStart(16, "0")}`, name, permissions }
      organizations.set(org_id, [...of(org_id), role])
      return role
    },
    replace: ({ org_id, rol_id }: WireRole, permissions: ReadonlyArray<Permissions>): void => {
      organizations.set(
        org_id,
        of(org_id).map((it) => (it.rol_id === rol_id ? { ...it, permissions } : it))
      )
    },
    remove: (orgId: string, rolId: string): void => {
      organizations.set(
        orgId,
        of(orgId).filter(({ rol_id }) => rol_id !== rolId)
      )
    }
  }
}
