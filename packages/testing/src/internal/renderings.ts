/** Every text that somebody could make of a value: by printing, encoding, inspecting or walking it. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { inspect } from "node:util"

export interface Rendering {
  readonly where: string
  readonly text: string
}

export const renderings = (value: unknown): ReadonlyArray<Rendering> => {
  const found: Array<Rendering> = []
  visit(value, "", new Set(), (where, text) => found.push({ where, text }))
  return found
}

type Report = (where: string, text: string) => void

const visit = (value: unknown, path: string, seen: Set<unknown>, report: Report): void => {
  if (typeof value === "string") return report(`${path}text`, value)
  if (value === null || (typeof value !== "object" && typeof value !== "function")) {
    return report(`${path}text`, String(value))
  }
  if (seen.has(value)) return
  seen.add(value)
  if (path === "") {
    attempt(() => report("inspect", inspect(value, everything)))
    attempt(() => report("JSON", JSON.stringify(value, bigints) ?? ""))
  }
  attempt(() => report(`${path}String()`, shown(value)))
  if (value instanceof Uint8Array) return report(`${path}bytes`, Buffer.from(value).toString("latin1"))
  if (Exit.isExit(value) && Exit.isFailure(value)) report(`${path}Cause.pretty`, Cause.pretty(value.cause))
  if (Cause.isCause(value)) report(`${path}Cause.pretty`, Cause.pretty(value))
  if (value instanceof Error) {
    report(`${path}message`, value.message)
    report(`${path}stack`, value.stack ?? "")
    visit(value.cause, `${path}cause.`, seen, report)
  }
  if (value instanceof Map) {
    for (const [key, item] of value) visit([key, item], `${path}entry.`, seen, report)
  } else if (value instanceof Set) {
    for (const item of value) visit(item, `${path}item.`, seen, report)
  }
  for (const name of Reflect.ownKeys(value)) {
    const property = Reflect.getOwnPropertyDescriptor(value, name)
    report(`${path}key`, String(name))
    if (
      property !== undefined &&
      "value" in property &&
      name !== "message" &&
      name !== "stack" &&
      name !== "cause"
    ) {
      visit(property.value, `${path}${String(name)}.`, seen, report)
    }
  }
}

const everything = {
  breakLength: Infinity,
  depth: Infinity,
  getters: true,
  maxArrayLength: null,
  maxStringLength: null,
  showHidden: true
} as const

const shown = (value: unknown): string => String(value)

const bigints = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** A value that cannot be rendered this way leaks nothing this way. */
const attempt = (render: () => void): void => {
  try {
    render()
  } catch {
    // A circular value has no JSON, and an object without a prototype no String().
  }
}
