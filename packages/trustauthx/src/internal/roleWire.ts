/** How roles look on the wire, both ways (contract, section 4). */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { AddedPermissions, type Permission, type Permissions, RemainingPermissions, Role } from "../Role.ts"

/** An object that inherits nothing and cannot be changed: any text is a key of it as any other. */
export const plain = <A>(entries: Iterable<readonly [string, A]>): Readonly<Record<string, A>> => {
  const it: Record<string, A> = Object.create(null)
  for (const [key, value] of entries) it[key] = value
  return Object.freeze(it)
}

const isText = (value: unknown): value is string => typeof value === "string"

/** Values that are no strings are not taken for strings. */
export const permission = (value: unknown): Option.Option<Permission> => {
  if (!Predicate.isObject(value)) return Option.none()
  const texts = Object.entries(value).flatMap(([key, it]) => (isText(it) ? [[key, it] as const] : []))
  return texts.length === Object.keys(value).length ? Option.some(plain(texts)) : Option.none()
}

const permissions = (value: unknown): Option.Option<ReadonlyArray<Permission>> => {
  if (value === null) return Option.some([])
  return Array.isArray(value) ? Option.all(value.map(permission)) : Option.none()
}

/** What the role and the permission answers share. Members that nobody knows are left alone. */
const ofRole = (value: unknown) => {
  if (!Predicate.isObject(value)) return Option.none()
  const { org_id: orgId, rol_id: rolId } = value
  if (typeof orgId !== "string" || typeof rolId !== "string") return Option.none()
  return Option.map(permissions(value["permissions"]), (list) => ({ orgId, rolId, permissions: list, value }))
}

export const role = (value: unknown): Option.Option<Role> =>
  Option.flatMap(ofRole(value), ({ orgId, permissions: list, rolId, value: { name } }) =>
    typeof name === "string"
      ? Option.some(new Role({ orgId, rolId, name, permissions: list }))
      : Option.none()
  )

export const roles = (value: unknown): Option.Option<ReadonlyArray<Role>> =>
  Array.isArray(value) ? Option.all(value.map(role)) : Option.none()

export const added = (value: unknown): Option.Option<AddedPermissions> =>
  Option.map(
    ofRole(value),
    ({ orgId, permissions: list, rolId }) => new AddedPermissions({ orgId, rolId, permissions: list })
  )

export const remaining = (value: unknown): Option.Option<RemainingPermissions> =>
  Option.map(
    ofRole(value),
    ({ orgId, permissions: list, rolId }) => new RemainingPermissions({ orgId, rolId, permissions: list })
  )

/** One object; where a key comes twice, the first wins. */
export const merged = (list: ReadonlyArray<Permission>): Permissions =>
  list.length === 1 && list[0] !== undefined
    ? list[0]
    : plain(list.toReversed().flatMap(Object.entries<string>))

/** One object for each permission. */
export const listed = (given: Permissions): ReadonlyArray<Permission> =>
  Object.entries(given).map((entry) => plain([entry]))

/** The value of that key by role, for roles that have it. */
export const valuesOf = (
  key: string,
  roles: Iterable<readonly [string, Permissions]>
): Readonly<Record<string, string>> =>
  plain(
    Array.from(roles).flatMap(([role, { [key]: value }]) =>
      value === undefined ? [] : [[role, value] as const]
    )
  )
