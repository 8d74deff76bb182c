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
import { membersIn } from "./whereMembersAre.ts"

/** Of a file of thousands one token is used: each is wrapped when it is asked for, and out of sight until then. */
export class Good {
  readonly _tag = "Good"
  readonly expires: Expires
  readonly #token: string

  constructor(token: string, expires: Expires) {
    this.#token = token
    this.expires = expires
  }

  get token(): Redacted.Redacted<string> {
    return Redacted.make(this.#token)
  }

  /** As it is written into the file, where it is in the clear. */
  get tokenText(): string {
    return JSON.stringify(this.#token)
  }
}

/** Not a session. It may be one of a newer release, and is written again as it was read. */
export interface Bad {
  readonly _tag: "Bad"
  /** What is wrong with it, such as `token.token_type`. */
  readonly member: string
  /** As it stands in the file. */
  readonly source: string
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
  return isGrouped(parsed) ? (read(parsed) ?? readText(text)) : undefined
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

/** None where that takes the text: to tell the order, or to keep what is no session. */
const read = (parsed: { readonly [url: string]: Group }): Sessions | undefined => {
  if (!isOrderly(parsed)) return undefined
  const sessions: Sessions = new Map()
  for (const url of Object.keys(parsed)) {
    const group = parsed[url] ?? {}
    if (!isOrderly(group)) return undefined
    const emails = new Map<string, Entry>()
    for (const email of Object.keys(group)) {
      const entry = entryOf(group[email])
      if (!(entry instanceof Good)) return undefined
      emails.set(email, entry)
    }
    sessions.set(url, emails)
  }
  return sessions
}

/** A key that looks like an index comes first in an object, wherever it is in the text. */
const isOrderly = (group: Group): boolean => {
  const [first] = Object.keys(group)
  return first === undefined || !/^\d+$/.test(first)
}

/** Of a name that comes twice the last one counts, in the place of the first. */
const readText = (text: string): Sessions => {
  const sessions: Sessions = new Map()
  for (const { from: start, name: url } of membersIn(text, 0)) {
    const emails = new Map<string, Entry>()
    // One that is no object comes again, as one: else the file would not be a store.
    const members = text[start] === "{" ? membersIn(text, start) : []
    for (const { from, name: email, to } of members) {
      const source = text.slice(from, to)
      const entry = entryOf(JSON.parse(source))
      emails.set(email, entry instanceof Good ? entry : { _tag: "Bad", member: entry, source })
    }
    sessions.set(url, emails)
  }
  return sessions
}

/** The session, or what is wrong with it. */
const entryOf = (value: unknown): Good | string => {
  if (!isStored(value)) return wrongMember(value)
  const expires = parse(value.expires)
  return expires === undefined ? "expires" : new Good(value.token.access_token, expires)
}

/** Names the member alone: what stands there may be a token. */
const wrongMember = (value: unknown): string => {
  const failure = Result.getFailure(decodeStored(value))
  if (failure._tag === "None") return ""
  return (issuesOf(failure.value.issue).issues[0]?.path ?? []).map(String).join(".")
}
