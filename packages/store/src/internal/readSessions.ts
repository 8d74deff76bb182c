/**
 * Which sessions the text of a session file holds (store contract, sections 1.2, 2 and 9), and in which order: that of the
 * text, which JavaScript's own objects do not keep.
 */
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { type Expires, parse } from "./whenItExpires.ts"

export interface Good {
  readonly _tag: "Good"
  readonly token: Redacted.Redacted<string>
  readonly expires: Expires
}

/** Not a session. It may be one of a newer release, and is written again as it was read. */
export interface Bad {
  readonly _tag: "Bad"
  /** What is wrong with it, such as `token.token_type`. */
  readonly member: string
  readonly value: unknown
}

export type Entry = Good | Bad

/** Instance URL → e-mail → entry. */
export type Sessions = Map<string, Map<string, Entry>>

/** Unknown members are not kept. */
const Stored = Schema.Struct({
  token: Schema.Struct({ access_token: Schema.String, token_type: Schema.Literal("bearer") }),
  expires: Schema.Union([Schema.String, Schema.Number])
})

const isStored = Schema.is(Stored)
const decodeStored = Schema.decodeUnknownResult(Stored)
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** None for what is not a JSON object of JSON objects. */
export const readSessions = (text: string): Sessions | undefined => {
  const parsed = jsonIn(text)
  if (!isGrouped(parsed)) return undefined
  const orderly = [parsed, ...Object.values(parsed)].every(isOrderly)
  const order = orderly ? parsed : jsonIn(marked(text))
  const sessions: Sessions = new Map()
  for (const [url, emails] of namesIn(order, orderly)) {
    const group = parsed[url] ?? {}
    sessions.set(url, new Map(namesIn(emails, orderly).map(([email]) => [email, entryOf(group[email])])))
  }
  return sessions
}

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // What it says about the text quotes the text.
    return undefined
  }
}

type Group = { readonly [email: string]: unknown }

const isGroup = (value: unknown): value is Group => Predicate.isObject(value) && !Array.isArray(value)

const isGrouped = (value: unknown): value is { readonly [url: string]: Group } =>
  isGroup(value) && Object.values(value).every(isGroup)

/** A key that looks like an index comes first in an object, wherever it is in the text. */
const isOrderly = (group: Group): boolean => {
  const [first] = Object.keys(group)
  return first === undefined || !/^\d+$/.test(first)
}

const MARK = "-"

/** The same JSON, with a mark before each key, so that none of them looks like an index. */
const marked = (text: string): string =>
  text.replace(/"([^"\\]*(?:\\.[^"\\]*)*"\s*:?)/g, (literal, rest: string) =>
    rest.endsWith(":") ? `"${MARK}${rest}` : literal
  )

const namesIn = (
  value: unknown,
  orderly: boolean
): ReadonlyArray<readonly [name: string, value: unknown]> => {
  const entries = isGroup(value) ? Object.entries(value) : []
  return orderly ? entries : entries.map(([key, each]) => [key.slice(MARK.length), each])
}

const entryOf = (value: unknown): Entry => {
  if (!isStored(value)) return { _tag: "Bad", member: wrongMember(value), value }
  const expires = parse(value.expires)
  if (expires === undefined) return { _tag: "Bad", member: "expires", value }
  return { _tag: "Good", token: Redacted.make(value.token.access_token), expires }
}

/** Names the member alone: what stands there may be a token. */
const wrongMember = (value: unknown): string => {
  const failure = Result.getFailure(decodeStored(value))
  if (failure._tag === "None") return ""
  return (issuesOf(failure.value.issue).issues[0]?.path ?? []).map(String).join(".")
}
