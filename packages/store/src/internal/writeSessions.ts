/**
 * The exact text of a session file (store contract, section 1.3): an indent of four, members in a fixed order, nothing escaped
 * that need not be, no newline at the end.
 */
import type { Entry, Sessions } from "./readSessions.ts"

export const writeSessions = (sessions: Sessions): string =>
  block(
    "",
    Array.from(sessions, ([url, emails]) => {
      const entries = Array.from(emails, ([email, entry]) => `        ${quoted(email)}: ${written(entry)}`)
      return `    ${quoted(url)}: ${block("    ", entries)}`
    })
  )

const block = (indent: string, members: ReadonlyArray<string>): string =>
  members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`

/** Escapes as little as the Python code; a lone surrogate, which UTF-8 cannot hold and Python refuses, is escaped too. */
const quoted = (text: string): string => JSON.stringify(text)

/** An entry, from its brace on: all there is to a session but whose it is. */
export const written = (entry: Entry): string =>
  entry._tag === "Bad"
    ? entry.source
    : `{
            "token": {
                "access_token": ${entry.tokenText},
                "token_type": "bearer"
            },
            "expires": "${entry.expires.text}"
        }`
