/**
 * Which write an entry of the session file stems from, and when its session was issued. The file has no place for either, so
 * they are noted beside it.
 *
 * A note counts only while the file holds the very entry that it is about. So it can be made before the file is written: if
 * that comes to nothing, so does the note.
 */
import type { SessionKey } from "@latchkey/core/SessionKey"
import { createHash } from "node:crypto"
import type { DatabaseSync, StatementSync } from "node:sqlite"
import type { Entry } from "./readSessions.ts"
import { written } from "./writeSessions.ts"

/** `issuedAt` in milliseconds. */
export const writesTable = `
  create table writes (
    key text not null,
    entry text not null,
    version text not null,
    issuedAt integer not null,
    primary key (key, entry)
  ) strict, without rowid;
`

export interface Note {
  /** The id of the session's key. */
  readonly key: string
  /** See `hashOf`. */
  readonly entry: string
  readonly version: string
  readonly issuedAt: number
}

export interface WriteStatements {
  readonly announce: StatementSync
  readonly addNote: StatementSync
  readonly dropNotes: StatementSync
  readonly note: StatementSync
}

export const prepareWrites = (database: DatabaseSync): WriteStatements => ({
  announce: database.prepare("insert or ignore into writes values (:key, :entry, :version, :issuedAt)"),
  addNote: database.prepare("insert or replace into writes values (:key, :entry, :version, :issuedAt)"),
  dropNotes: database.prepare("delete from writes where key = :key and entry <> :entry"),
  note: database.prepare("select version, issuedAt from writes where key = :key and entry = :entry")
})

export const NO_ENTRY = ""

/** The same for the same token and expiry. */
export const hashOf = (entry: Entry | undefined): string =>
  entry === undefined ? NO_ENTRY : createHash("sha256").update(written(entry)).digest("base64url")

/** Before the lock is had: what is known already about that very entry stays, somebody may rely on it. */
export const announce = ({ announce }: WriteStatements, mine: Note): void => {
  announce.run({ ...mine })
}

export const note = ({ addNote }: WriteStatements, mine: Note): void => {
  addNote.run({ ...mine })
}

/** All about the key but for one entry of it. Under the lock only: what is dropped may be what the file holds. */
export const forgetBut = ({ dropNotes }: WriteStatements, key: SessionKey, entry: string): void => {
  dropNotes.run({ key: key.id, entry })
}

export interface Write {
  readonly version: string
  /** None for an entry that somebody else wrote. */
  readonly issuedAt: number | undefined
}

/** Without statements, of an entry about which nothing can have been noted. */
export const whichWrite = (statements: WriteStatements | undefined, key: SessionKey, entry: Entry): Write => {
  const hash = hashOf(entry)
  const { issuedAt, version } = statements?.note.get({ key: key.id, entry: hash }) ?? {}
  return typeof version === "string" && typeof issuedAt === "number"
    ? { version, issuedAt }
    : { version: hash, issuedAt: undefined }
}
