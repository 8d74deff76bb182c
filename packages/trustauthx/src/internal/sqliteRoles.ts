/**
 * Roles in SQLite, in memory: nothing reaches a disk. Each copy is a database of its own, whose memory is free again when
 * nobody holds the copy.
 */
import * as Option from "effect/Option"
import type { Permissions } from "../Role.ts"
import type { Backing, Fill } from "./roleBacking.ts"
import { plain, valuesOf } from "./roleWire.ts"

type Sqlite = typeof import("node:sqlite")

/** As upstream has it. */
const TABLE = "create table roles (role_id text primary key, permissions text)"

/** SQLite's text holds neither NUL nor half a surrogate pair for sure; that of JSON does, escaped. */
const idOf = (role: string): string => JSON.stringify(role).slice(1, -1)

const roleOf = (id: unknown): string => String(JSON.parse(`"${String(id)}"`))

/** As pairs: any text is a name, however objects are read. */
const textOf = (permissions: Permissions): string => JSON.stringify(Object.entries(permissions))

const isPair = (value: unknown): value is readonly [string, string] =>
  Array.isArray(value) && typeof value[0] === "string" && typeof value[1] === "string"

const permissionsOf = (row: Readonly<Record<string, unknown>>): Permissions => {
  const read: unknown = JSON.parse(String(row["permissions"]))
  return plain(Array.isArray(read) ? read.filter(isPair) : [])
}

const filling =
  ({ DatabaseSync }: Sqlite): Fill =>
  (roles) => {
    const database = new DatabaseSync(":memory:")
    database.exec(TABLE)
    const insert = database.prepare("insert into roles values (?, ?)")
    database.exec("begin")
    for (const [role, permissions] of roles) insert.run(idOf(role), textOf(permissions))
    database.exec("commit")
    const one = database.prepare("select permissions from roles where role_id = ?")
    const each = database.prepare("select role_id, permissions from roles order by rowid")

    const ofRole = (role: string): Permissions | undefined => {
      // What is no text, types or not, is the id of no role here as in memory.
      const row = typeof role === "string" ? one.get(idOf(role)) : undefined
      return row && permissionsOf(row)
    }
    const rows = () => each.all().map((row) => [roleOf(row["role_id"]), permissionsOf(row)] as const)
    return {
      all: () => plain(rows()),
      ofRole,
      ofKey: (key) => valuesOf(key, rows()),
      validate: (role, key, value) => value !== undefined && ofRole(role)?.[key] === value,
      size: roles.size
    } satisfies Backing
  }

/** None where this runtime has no `node:sqlite`, which is looked for only now. */
export const load = (): Option.Option<Fill> =>
  Option.map(Option.fromUndefinedOr(process.getBuiltinModule("node:sqlite")), filling)
