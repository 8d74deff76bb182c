/** What a copy of roles is kept in, and how its questions are answered from there: the same way for every backing. */
import type * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { Permissions, Role } from "../Role.ts"
import type { RoleCopy } from "../RoleCopy.ts"
import { merged, plain } from "./roleWire.ts"

/** Filled once, and never changed. */
export interface Backing {
  readonly all: () => Readonly<Record<string, Permissions>>
  readonly ofRole: (role: string) => Permissions | undefined
  readonly ofKey: (key: string) => Readonly<Record<string, string>>
  readonly validate: (role: string, key: string, value: string | undefined) => boolean
  readonly size: number
}

export type Fill = (roles: ReadonlyMap<string, Permissions>) => Backing

export interface Asked {
  readonly role?: string | undefined
  readonly key?: string | undefined
}

export type Answer =
  | Readonly<Record<string, Permissions>>
  | Readonly<Record<string, string>>
  | Option.Option<Permissions>
  | Option.Option<string>

/** A copy whose question may be known only at run time. */
export interface Copy extends RoleCopy {
  readonly query: RoleCopy["query"] & ((asked?: Asked) => Answer)
}

/** A role that is sent twice is the one that came last. */
export const byId = (roles: ReadonlyArray<Role>): ReadonlyMap<string, Permissions> =>
  new Map(roles.map(({ permissions, rolId }) => [rolId, merged(permissions)]))

/** What is named counts as asked for: an `undefined` is an id that is not there, and never "every role". */
const answer = (backing: Backing, asked: Asked = {}): Answer => {
  const { key, role } = asked
  const isNamed = (name: keyof Asked): boolean => name in asked
  if (!isNamed("role")) {
    if (!isNamed("key")) return backing.all()
    return key === undefined ? plain<string>([]) : backing.ofKey(key)
  }
  const found = role === undefined ? undefined : backing.ofRole(role)
  if (!isNamed("key")) return Option.fromUndefinedOr(found)
  return Option.fromUndefinedOr(key === undefined ? undefined : found?.[key])
}

export const roleCopy = (backing: Backing, loadedAt: DateTime.Utc): Copy => {
  function query(): Readonly<Record<string, Permissions>>
  function query(asked: { readonly role: string; readonly key: string }): Option.Option<string>
  function query(asked: { readonly role: string; readonly key?: never }): Option.Option<Permissions>
  function query(asked: { readonly key: string; readonly role?: never }): Readonly<Record<string, string>>
  function query(asked?: Asked): Answer
  function query(asked?: Asked): Answer {
    return answer(backing, asked)
  }
  return { loadedAt, query, validate: backing.validate, countRoles: backing.size }
}
