/** How the server looks at what comes in: the first fault ends it, and its message names the field. */

/** The fault of a value that is there, named. */
type Rule = (name: string, value: unknown) => string | undefined

export interface Field {
  readonly rule: Rule
  readonly required?: boolean
}

/** Some of the names that no registry has. */
const NO_TLD = new Set(["example", "internal", "invalid", "local", "localhost", "test"])

export const text =
  (limits: { readonly min?: number; readonly max?: number; readonly length?: number } = {}): Rule =>
  (name, value) => {
    if (typeof value !== "string") return `"${name}" must be a string`
    if (value === "") return `"${name}" is not allowed to be empty`
    const { length, max, min } = limits
    if (min !== undefined && value.length < min) {
      return `"${name}" length must be at least ${min} characters long`
    }
    if (max !== undefined && value.length > max) {
      return `"${name}" length must be less than or equal to ${max} characters long`
    }
    return length !== undefined && value.length !== length
      ? `"${name}" length must be ${length} characters long`
      : undefined
  }

export const email: Rule = (name, value) => {
  const fault = text()(name, value)
  if (fault !== undefined || typeof value !== "string") return fault
  const [, tld] = /^[^\s@]+@(?:[^\s@.]+\.)+([^\s@.]+)$/.exec(value) ?? []
  return tld === undefined || NO_TLD.has(tld.toLowerCase()) ? `"${name}" must be a valid email` : undefined
}

const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

export const isGuid = (value: string): boolean => GUID.test(value)

export const guid: Rule = (name, value) =>
  text()(name, value) ?? (isGuid(String(value)) ? undefined : `"${name}" must be a valid GUID`)

/** The two words pass as well. */
export const flag: Rule = (name, value) =>
  typeof value === "boolean" || value === "true" || value === "false"
    ? undefined
    : `"${name}" must be a boolean`

export const oneOf =
  (...values: ReadonlyArray<string>): Rule =>
  (name, value) =>
    values.some((it) => it === value) ? undefined : `"${name}" must be one of [${values.join(", ")}]`

const texts: Rule = (name, value) =>
  Array.isArray(value) && value.every((it) => typeof it === "string")
    ? undefined
    : `"${name}" must be an array`

export const isMembers = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const object =
  (fields: Readonly<Record<string, Field>>): Rule =>
  (name, value) => {
    if (!isMembers(value)) return `"${name}" must be of type object`
    const fault = faultOf(fields, value)
    return fault?.replace('"', `"${name}.`)
  }

export const roles: Rule = object({ allowed_roles: { rule: texts }, default_role: { rule: text() } })

export const faultOf = (
  fields: Readonly<Record<string, Field>>,
  members: Readonly<Record<string, unknown>>
): string | undefined => {
  for (const [name, { required = false, rule }] of Object.entries(fields)) {
    const value = members[name]
    const fault = value !== undefined ? rule(name, value) : required ? `"${name}" is required` : undefined
    if (fault !== undefined) return fault
  }
  const unknown = Object.keys(members).find((name) => !Object.hasOwn(fields, name))
  return unknown === undefined ? undefined : `"${unknown}" is not allowed`
}
