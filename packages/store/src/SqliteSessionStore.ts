/**
 * Sessions in one SQLite file on this machine, shared by any number of processes: the default for programs that must
 * remember between runs.
 *
 * The file is made with mode 0600, and every directory made for it with 0700. A write that has returned survives a
 * crash (write-ahead log, synchronous = full). Other processes are waited for at most about five seconds, without
 * blocking the event loop for longer than some milliseconds at a time. Tokens are in the clear in the file and,
 * until its next checkpoint, in the log beside it: `remove` clears both, while a token that was replaced may stay in
 * the log until the last process closes the store. Not for network file systems: SQLite's log needs shared memory.
 *
 * @since 0.1.0
 */
import { SessionKey } from "@latchkey/core/SessionKey"
import { type Entry, type Query, SessionStore, type Summary } from "@latchkey/core/SessionStore"
import { Conflict, CorruptEntry, NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as Config from "effect/Config"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as UserDirectories from "effect/persistence/UserDirectories"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import { join } from "node:path"
import type { DatabaseSync, SQLOutputValue } from "node:sqlite"
import { corrupt, unavailable, type Where } from "./internal/explainFailure.ts"
import { insistOnPrivacy } from "./internal/isPrivate.ts"
import { isLastFence, lease, leasesTable, noLongerYours, parts, prepareLeases } from "./internal/leases.ts"
import { openDatabase } from "./internal/openDatabase.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: `sessions.db` in the platform's directory for the state of `latchkey`, such as `~/.local/state/latchkey`. */
  readonly path?: string
  /** What to do when others could read or replace a file that is already there. Default: `warn`, in the log. */
  readonly onLooseMode?: "warn" | "refuse"
}

/** "LKSS". */
const APPLICATION_ID = 0x4c4b5353

/** `seq` is the order in which keys were first put: SQLite gives a new row one more than the highest there is. */
const migrations = [
  `create table entries (
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
  ${leasesTable}`
]

const prepare = (database: DatabaseSync) => {
  const ofKey = "provider = :provider and instance = :instance and account = :account"
  return {
    ...prepareLeases(database),
    get: database.prepare(`select * from entries where ${ofKey}`),
    find: database.prepare(
      `select * from entries
      where (:provider is null or provider = :provider)
        and (:instance is null or instance = :instance)
        and (:account is null or account = :account)
      order by seq limit 1`
    ),
    list: database.prepare(
      "select provider, instance, account, issuedAt, expiresAt from entries order by seq"
    ),
    version: database.prepare(`select version from entries where ${ofKey}`),
    put: database.prepare(
      `insert into entries (provider, instance, account, version, issuedAt, expiresAt, line)
      values (:provider, :instance, :account, :version, :issuedAt, :expiresAt, :line)
      on conflict do update
      set version = excluded.version, issuedAt = excluded.issuedAt, expiresAt = excluded.expiresAt, line = excluded.line`
    ),
    remove: database.prepare(`delete from entries where ${ofKey}`)
  }
}

/**
 * Opens the store, making it if it is not there. Fails with `Unavailable` where that is impossible, and with `Corrupt`
 * where the file is damaged, another program's or of a newer release; it is then left as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<SessionStore["Service"], SessionStoreError, Scope.Scope> {
  const path = options.path ?? (yield* defaultPath)
  const where: Where = { provider: "sqlite", instance: path }
  const database = yield* openDatabase({
    where,
    path,
    applicationId: APPLICATION_ID,
    migrations,
    prepare
  })
  yield* insistOnPrivacy(where, path, options.onLooseMode)
  yield* database.open

  const read = (row: Row): Result.Result<Entry, SessionStoreError> => {
    const key = keyOf(row)
    const session = StoredSession.decode(text(row, "line"))
    // A line that was moved to another row is somebody else's session.
    return Option.isSome(session) && session.value.key.id === key.id
      ? Result.succeed({ session: session.value, version: text(row, "version") })
      : Result.fail(unreadable(where, key))
  }

  // The entry is gone already: a failure here must not look like one that changed nothing.
  const forget = database.forget.pipe(Effect.catch(({ message }) => Effect.logWarning(message)))

  return SessionStore.of({
    get: (key) => database.read(({ get }) => optional(get.get(parts(key)), read)),
    find: (query) =>
      database.read(({ find, get }) => {
        const { account, instance, provider } = nullable(query)
        const isWhole = provider !== null && instance !== null && account !== null
        return optional((isWhole ? get : find).get({ provider, instance, account }), read)
      }),
    list: database.read(({ list }) => {
      const summaries = list.all().map(summaryOf)
      return Result.all(
        summaries.map((one) => Result.fromOption(one, () => corrupt(where, `${path} holds no valid time`)))
      )
    }),
    put: (session, { expected, fence } = {}) => {
      const { key } = session
      if (![key.provider, key.instance, key.account].every((part) => part.isWellFormed())) {
        const message = "a part of the key is not valid Unicode: SQLite would change it"
        return Effect.fail(SessionStoreError.because(where, new NotRepresentable({ message })))
      }
      const entry: Entry = { session, version: randomUUID() }
      return database.write((statements) => {
        if (fence !== undefined && !isLastFence(statements, key, fence))
          return Result.fail(noLongerYours(where, key))
        const version = statements.version.get(parts(key))?.["version"]
        if (expected !== undefined && Option.getOrUndefined(expected) !== version)
          return Result.fail(moved(where, key))
        statements.put.run({
          ...parts(key),
          version: entry.version,
          issuedAt: DateTime.toEpochMillis(session.issuedAt),
          expiresAt: session.expiresAt === undefined ? null : DateTime.toEpochMillis(session.expiresAt),
          line: StoredSession.encode(session)
        })
        return Result.succeed(entry)
      })
    },
    remove: (key, { expected } = {}) =>
      database
        .write((statements) => {
          const version = statements.version.get(parts(key))?.["version"]
          if (version === undefined) return Result.succeed(false)
          if (expected !== undefined && expected !== version) return Result.fail(moved(where, key))
          statements.remove.run(parts(key))
          return Result.succeed(true)
        })
        .pipe(Effect.tap((removed) => (removed ? forget : Effect.void))),
    lease: (key, ttl) => lease(database, where, key, ttl)
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<SessionStore, SessionStoreError> =>
  Layer.effect(SessionStore, make(options))

/**
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<SessionStore, SessionStoreError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

const defaultPath = UserDirectories.make()
  .state("latchkey")
  .pipe(
    Effect.map((directory) => join(directory, "sessions.db")),
    Effect.mapError(() =>
      unavailable(
        { provider: "sqlite", instance: "" },
        "there is no home directory: set HOME, or say the path"
      )
    )
  )

const moved = (where: Where, key: SessionKey) =>
  SessionStoreError.because(
    where,
    new Conflict({ message: `the session of ${key.account} has changed since it was read: read it again` })
  )

const unreadable = (where: Where, key: SessionKey) =>
  SessionStoreError.because(
    where,
    new CorruptEntry({ message: `the session of ${key.account} cannot be read: remove it and sign in again` })
  )

type Row = Record<string, SQLOutputValue>

/** The tables are strict: a column of text holds text. */
const text = (row: Row, column: string): string => String(row[column])

const keyOf = (row: Row) =>
  new SessionKey({
    provider: text(row, "provider"),
    instance: text(row, "instance"),
    account: text(row, "account")
  })

const summaryOf = (row: Row): Option.Option<Summary> =>
  Option.all({
    key: Option.some(keyOf(row)),
    issuedAt: DateTime.make(Number(row["issuedAt"])),
    expiresAt:
      row["expiresAt"] === null
        ? Option.some(Option.none())
        : Option.map(DateTime.make(Number(row["expiresAt"])), Option.some)
  })

const nullable = ({ account, instance, provider }: Query) => ({
  provider: provider ?? null,
  instance: instance ?? null,
  account: account ?? null
})

const optional = <A>(row: Row | undefined, read: (row: Row) => Result.Result<A, SessionStoreError>) =>
  row === undefined ? Result.succeedNone : Result.map(read(row), Option.some)
