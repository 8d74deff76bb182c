/** How the permissions of a simulated role come and go. */
import type { Permissions } from "./roleBodies.ts"

/** One object for each. */
export const listed = (permissions: Permissions): ReadonlyArray<Permissions> =>
  Object.entries(permissions).map(([key, value]) => ({ [key]: value }))

/** A key that is given again takes the new value; what else came with it stays. */
export const withoutKeys = (
  has: ReadonlyArray<Permissions>,
  given: ReadonlyArray<Permissions>
): ReadonlyArray<Permissions> => {
  const keys = new Set(given.flatMap(Object.keys))
  return has.flatMap(listed).filter((it) => !Object.keys(it).some((key) => keys.has(key)))
}

/** A permission goes where its value is given, too. */
export const without = (
  has: ReadonlyArray<Permissions>,
  given: ReadonlyArray<Permissions>
): ReadonlyArray<Permissions> => {
  const gone = new Set(given.flatMap(listed).map((it) => JSON.stringify(it)))
  return has.flatMap(listed).filter((it) => !gone.has(JSON.stringify(it)))
}
