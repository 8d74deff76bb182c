/** Roles in a `Map`. */
import type { Permissions } from "../Role.ts"
import type { Backing } from "./roleBacking.ts"
import { plain, valuesOf } from "./roleWire.ts"

export const fill = (roles: ReadonlyMap<string, Permissions>): Backing => {
  let whole: Readonly<Record<string, Permissions>> | undefined
  return {
    all: () => (whole ??= plain(roles)),
    ofRole: (role) => roles.get(role),
    ofKey: (key) => valuesOf(key, roles),
    validate: (role, key, value) => value !== undefined && roles.get(role)?.[key] === value,
    size: roles.size
  }
}
