/**
 * Sessions in one SQLite file on this machine, shared by any number of processes: the default for programs that must
 * remember between runs.
 *
 * The file is made with mode 0600, and every directory made for it with 0700. A write that has returned survives a
 * crash (write-ahead log, synchronous = full). Other processes are waited for at most about five seconds, without
 * blocking the event loop for longer than some milliseconds at a time; opening a file of up to 8 MB reads it through,
 * up to about 25 ms. Tokens are in the clear in the file and, until its next checkpoint, in the log beside it: `remove`
 * clears both, while a token that was replaced may stay in either until the last process closes the store. Not for
 * network file systems: SQLite's log needs shared memory.
 *
 * A key with a NUL or a lone surrogate in it is `NotRepresentable`. An entry whose key or times are damaged is left out
 * of `list`, with a warning in the log; what else is damaged in it, `get` answers with `CorruptEntry`.
 *
 * @since 0.1.0
 */
import type { SessionKey } from "@latchkey/core/SessionKey"
import { type Entry, SessionStore } from "@latchkey/core/SessionStore"
import { Conflict, CorruptEntry, NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import type { DatabaseSync } from "node:sqlite"
import { defaultPlace } from "./internal/defaultPlace.ts"
import type { Where } from "./internal/explainFailure.ts"
import { insistOnPrivacy } from "./internal/isPrivate.ts"
import {
  isLastFence,
  lease,
  leasesMark,
  leasesTable,
  noLongerYours,
  parts,
  prepareLeases
} from "./internal/leases.ts"
import { openDatabase } from "./internal/openDatabase.ts"
import {
  entriesTable,
  entryOf,
  isRepresentable,
  type Parts,
  partsOf,
  prepareEntries,
  type Row,
  rowOf,
  summaryOf
} from "./internal/sessionRows.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: `sessions.db` in the platform's directory for the state of `latchkey`, such as `~/.local/state/latchkey`. */
  readonly path?: string
  /** What to do when others could read or replace the file, or put one in its place. Default: `warn`, in the log. */
  readonly onLooseMode?: "warn" | "refuse"
}

/** "LKSS". */
const APPLICATION_ID = 0x4c4b5353

const migrations = [entriesTable + leasesTable, leasesMark]

const prepare = (database: DatabaseSync) => ({ ...prepareEntries(database), ...prepareLeases(database) })

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
  yield* insistOnPrivacy(where, options.onLooseMode)(path)
  yield* database.open

  const read = (row: Row | undefined, key: Parts) =>
    row === undefined
      ? Result.succeedNone
      : Result.map(
          Result.fromOption(entryOf(row, key), () => unreadable(where, key)),
          Option.some
        )

  // The entry is gone already: a failure here must not look like one that changed nothing.
  const forget = database.forget.pipe(Effect.catch(({ message }) => Effect.logWarning(message)))

  return SessionStore.of({
    get: (key) =>
      isRepresentable(key) ? database.step(({ get }) => read(get.get(parts(key)), key)) : Effect.succeedNone,
    find: (query) =>
      isRepresentable(query)
        ? database.step(({ find, get }) => {
            const { account, instance, provider } = query
            if (provider !== undefined && instance !== undefined && account !== undefined) {
              const key = { provider, instance, account }
              return read(get.get(key), key)
            }
            const row = find.get({
              provider: provider ?? null,
              instance: instance ?? null,
              account: account ?? null
            })
            return row === undefined ? Result.succeedNone : read(row, partsOf(row))
          })
        : Effect.succeedNone,
    list: Effect.flatMap(
      database.step(({ list }) => Result.succeed(list.all())),
      (rows) => {
        const summaries = rows.flatMap((row) => Option.toArray(summaryOf(row)))
        const left = rows.length - summaries.length
        return left === 0
          ? Effect.succeed(summaries)
          : Effect.as(
              Effect.logWarning(`${path}: ${left} damaged entries are left out of the list`),
              summaries
            )
      }
    ),
    put: (session, { expected, fence } = {}) => {
      const { key } = session
      if (!isRepresentable(key)) {
        const message = "a part of the key is not valid Unicode or has a NUL in it: SQLite would change it"
        return Effect.fail(SessionStoreError.because(where, new NotRepresentable({ message })))
      }
      const entry: Entry = { session, version: randomUUID() }
      return database.step((statements) => {
        const { changes } = statements.put.run({
          ...rowOf(session, entry.version),
          isAny: expected === undefined ? 1 : 0,
          expected: expected === undefined ? null : Option.getOrNull(expected),
          fence: fence ?? null
        })
        if (changes !== 0) return Result.succeed(entry)
        const isYours = fence === undefined || isLastFence(statements, key, fence)
        return Result.fail(isYours ? moved(where, key) : noLongerYours(where, key))
      })
    },
    remove: (key, { expected } = {}) => {
      if (!isRepresentable(key)) return Effect.succeed(false)
      const removed = database.write((statements) => {
        const version = statements.version.get(parts(key))?.["version"]
        if (version === undefined) return Result.succeed(false)
        if (expected !== undefined && expected !== version) return Result.fail(moved(where, key))
        statements.remove.run(parts(key))
        return Result.succeed(true)
      })
      return Effect.tap(removed, (was) => (was ? forget : Effect.void))
    },
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

const defaultPath = defaultPlace("sqlite", ({ state }) => state("latchkey"), "sessions.db")

const moved = (where: Where, key: SessionKey) =>
  SessionStoreError.because(
    where,
    new Conflict({ message: `the session of ${key.account} has changed since it was read: read it again` })
  )

const unreadable = (where: Where, { account, instance, provider }: Parts) => {
  const message =
    provider === "" || instance === "" || account === ""
      ? `an entry without a whole key cannot be read: keep a copy of ${where.instance}, move it away and sign in again`
      : `the session of ${account} cannot be read: remove it and sign in again`
  return SessionStoreError.because(where, new CorruptEntry({ message }))
}
