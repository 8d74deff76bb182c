/** How a session becomes a row and comes back from one, and what of a row that is damaged can still be told. */
import type { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import type { Entry, Query, Summary } from "@latchkey/core/SessionStore"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { DatabaseSync, SQLOutputValue } from "node:sqlite"
import { parts } from "./leases.ts"

/** `seq` is the order in which keys were first put: SQLite gives a new row one more than the highest there is. */
export const entriesTable = `
  create table entries (
    seq integer primary key,
    provider text not null,
    instance text not null,
    account text not null,
    version text not null,
    issuedAt integer not null,
    expiresAt integer,
    line text not null,
    unique (provider, instance, account)
  ) strict;
`

const ofKey = "provider = :provider and instance = :instance and account = :account"

export const prepareEntries = (database: DatabaseSync) => {
  const list = database.prepare(
    "select provider, instance, account, issuedAt, expiresAt from entries order by seq"
  )
  // A number that is too large must not fail the whole list.
  list.setReadBigInts(true)
  return {
    get: database.prepare(`select version, line from entries where ${ofKey}`),
    find: database.prepare(
      `select provider, instance, account, version, line from entries
      where (:provider is null or provider = :provider)
        and (:instance is null or instance = :instance)
        and (:account is null or account = :account)
      order by seq limit 1`
    ),
    list,
    version: database.prepare(`select version from entries where ${ofKey}`),
    put: database.prepare(
      `insert into entries (provider, instance, account, version, issuedAt, expiresAt, line)
      select :provider, :instance, :account, :version, :issuedAt, :expiresAt, :line
      where (:isAny or :expected is (select version from entries where ${ofKey}))
        and (:fence is null or :fence is (select fence from leases where ${ofKey}))
      on conflict do update
      set version = excluded.version, issuedAt = excluded.issuedAt, expiresAt = excluded.expiresAt, line = excluded.line`
    ),
    remove: database.prepare(`delete from entries where ${ofKey}`)
  }
}

export type Row = Record<string, SQLOutputValue>

export type Parts = ReturnType<typeof parts>

/** Whether SQLite gives these texts back as they are: some releases of Node cut them at a NUL. */
export const isRepresentable = (texts: Query): boolean =>
  [texts.provider, texts.instance, texts.account].every(
    (text) => text === undefined || (text.isWellFormed() && !text.includes("\0"))
  )

export const rowOf = (session: Session, version: string) => ({
  ...parts(session.key),
  version,
  issuedAt: DateTime.toEpochMillis(session.issuedAt),
  expiresAt: session.expiresAt === undefined ? null : DateTime.toEpochMillis(session.expiresAt),
  line: StoredSession.encode(session)
})

/** None where the line is none of ours, or was moved to another row: it is somebody else's session then. */
export const entryOf = (row: Row, { account, instance, provider }: Parts): Option.Option<Entry> => {
  const session = StoredSession.decode(text(row, "line"))
  if (Option.isNone(session)) return Option.none()
  const { key } = session.value
  return key.provider === provider && key.instance === instance && key.account === account
    ? Option.some({ session: session.value, version: text(row, "version") })
    : Option.none()
}

export const partsOf = (row: Row): Parts => ({
  provider: text(row, "provider"),
  instance: text(row, "instance"),
  account: text(row, "account")
})

/** None where the key or a time cannot be one. */
export const summaryOf = (row: Row): Option.Option<Summary> => {
  const key = partsOf(row)
  if (key.provider === "" || key.instance === "" || key.account === "") return Option.none()
  return Option.all({
    key: Option.some(new SessionKey(key)),
    issuedAt: DateTime.make(Number(row["issuedAt"])),
    expiresAt:
      row["expiresAt"] === null
        ? Option.some(Option.none())
        : Option.map(DateTime.make(Number(row["expiresAt"])), Option.some)
  })
}

/** The tables are strict: a column of text holds text. */
const text = (row: Row, column: string): string => String(row[column])
