/**
 * Sessions in a schema of a PostgreSQL database, shared by any number of machines. Its own entry point, for it needs an
 * `SqlClient` such as the one of `@effect/sql-pg`, an optional peer; nothing else of this package does.
 *
 * The schema is made by the first to open it; a role that may not make one finds it there. Every operation is one statement: no
 * transaction, no lock and no connection is held between two of them, nor while a lease is, so it works on one connection as
 * on a pool, and behind PgBouncer in transaction mode (where that keeps no prepared statements: with `prepare: false` of
 * `PgClient`). A transaction of the caller's is left alone: what was written stays when it is rolled back. Leases go by the
 * server's clock.
 *
 * A write that has returned is flushed, also under `synchronous_commit = off`; more, such as a standby that has it too, is up to
 * the server's settings. Who fails over to a standby that lacks the last writes, or restores a backup, gets back tokens that are
 * spent: no lease from before counts then, but the sessions renewed since are to sign in again. Reads go where writes go: a
 * proxy that sends them to a standby shows sessions of the past.
 *
 * Tokens are in the clear in the table; what was replaced or removed stays in the server's files, its log of writes and its
 * backups until they are cleaned, and a server told to log parameters logs tokens. Against all of that, wrap it in
 * `EncryptedSessionStore`. The spans and the statement transformers of the client see none of these statements.
 *
 * A key with a NUL or a lone surrogate in it is `NotRepresentable`. An entry whose key or times are damaged is left out of `list`,
 * with a warning in the log; what else is damaged in it, `get` answers with `CorruptEntry`. An operation that fails with
 * `Unavailable` because no answer came may have been carried out, or be so when the network is back.
 *
 * @since 0.1.0
 */
import type { SessionKey } from "@latchkey/core/SessionKey"
import { type Entry, SessionStore } from "@latchkey/core/SessionStore"
import { Conflict, CorruptEntry, NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import { randomUUID } from "node:crypto"
import { makeAsk, type Value } from "./internal/askPostgres.ts"
import type { Where } from "./internal/explainFailure.ts"
import { judgeName, openSchema } from "./internal/openSchema.ts"
import { lease } from "./internal/postgresLeases.ts"
import { hashOf, isText, statementsFor } from "./internal/postgresTables.ts"
import {
  entryOf,
  isRepresentable,
  type Parts,
  partsOf,
  type Row,
  rowOf,
  summaryOf
} from "./internal/sessionRows.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** A schema for sessions and nothing else. Default: `latchkey`. */
  readonly schema?: string
  /** How long an operation may take, the wait for a connection and further attempts included. Default: 5 seconds. */
  readonly timeout?: Duration.Input
}

/**
 * Opens the store, making its schema if it is not there. Fails with `Unavailable` where that is impossible, and with `Corrupt` where
 * the schema is damaged, somebody else's or of a newer release; it is then left as it is.
 *
 * Every operation fails with `Unavailable` when the server is away, silent, full or refuses, and with `LeaseTimeout` when
 * others were in the way for too long.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<SessionStore["Service"], SessionStoreError, SqlClient | Scope.Scope> {
  const { schema = "latchkey", timeout = "5 seconds" } = options
  const where: Where = { provider: "postgres", instance: schema }
  yield* judgeName(where, schema)
  const ask = yield* makeAsk(where, Duration.fromInputUnsafe(timeout))
  const statements = statementsFor(schema)
  yield* openSchema(ask, where, statements)

  const read = (row: Row | undefined, key: Parts): Effect.Effect<Option.Option<Entry>, SessionStoreError> => {
    if (row === undefined) return Effect.succeedNone
    const entry = isOf(row, key) ? entryOf(row, key) : Option.none()
    return Option.isSome(entry) ? Effect.succeed(entry) : Effect.fail(unreadable(where, key))
  }
  const get = (key: Parts) => Effect.flatMap(ask(statements.get, [hashOf(key)]), ([row]) => read(row, key))

  return SessionStore.of({
    get: (key) => (isRepresentable(key) ? traced("get", get(key)) : Effect.succeedNone),
    find: (query) => {
      if (!isRepresentable(query)) return Effect.succeedNone
      const { account, instance, provider } = query
      if (provider !== undefined && instance !== undefined && account !== undefined) {
        return traced("find", get({ provider, instance, account }))
      }
      return ask(statements.find, [provider ?? null, instance ?? null, account ?? null]).pipe(
        Effect.flatMap(([row]) => (row === undefined ? Effect.succeedNone : read(row, partsOf(row)))),
        (found) => traced("find", found)
      )
    },
    list: ask(statements.list).pipe(
      Effect.flatMap((rows) => {
        const summaries = rows.flatMap((row) => Option.toArray(summaryOf(row)))
        const left = rows.length - summaries.length
        const message = `the schema ${schema}: ${left} damaged entries are left out of the list`
        return left === 0 ? Effect.succeed(summaries) : Effect.as(Effect.logWarning(message), summaries)
      }),
      (listed) => traced("list", listed)
    ),
    put: (session, { expected, fence } = {}) => {
      const { key } = session
      if (!isRepresentable(key)) return Effect.fail(notRepresentable(where))
      const version = expected === undefined ? null : Option.getOrNull(expected)
      // Neither was ever given out.
      if (version !== null && !isText(version)) return Effect.fail(moved(where, key))
      if (fence !== undefined && !Number.isSafeInteger(fence)) return Effect.fail(moved(where, key))

      const entry: Entry = { session, version: randomUUID() }
      const isAny = expected === undefined
      const values = valuesOf(entry, isAny)
      const written =
        fence === undefined && version === null
          ? ask(statements.put, values, { isRepeatable: !isAny })
          : ask(statements.replace, [...values, version, fence === undefined ? null : String(fence)])
      return written.pipe(
        Effect.flatMap((rows) =>
          rows.length === 0 ? Effect.fail(moved(where, key)) : Effect.succeed(entry)
        ),
        (put) => traced("put", put)
      )
    },
    remove: (key, { expected } = {}) => {
      if (!isRepresentable(key)) return Effect.succeed(false)
      // A version that cannot be is sent as one that is not.
      const version = expected === undefined || isText(expected) ? (expected ?? null) : ""
      return ask(statements.remove, [hashOf(key), version], { isRepeatable: false }).pipe(
        Effect.flatMap(([row]) => {
          if (Number(row?.["removed"]) === 1) return Effect.succeed(true)
          return version !== null && Number(row?.["present"]) === 1
            ? Effect.fail(moved(where, key))
            : Effect.succeed(false)
        }),
        (removed) => traced("remove", removed)
      )
    },
    lease: (key, ttl) =>
      isRepresentable(key)
        ? traced("lease", lease(ask, statements, where, key, ttl))
        : Effect.fail(notRepresentable(where))
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<SessionStore, SessionStoreError, SqlClient> =>
  Layer.effect(SessionStore, make(options))

/**
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<SessionStore, SessionStoreError | Config.ConfigError, SqlClient> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

const traced = <A, E>(operation: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withSpan(effect, `PostgresSessionStore.${operation}`, { kind: "client", captureStackTrace: false })

const valuesOf = ({ session, version }: Entry, isAny: boolean): ReadonlyArray<Value> => {
  const { account, expiresAt, instance, issuedAt, line, provider } = rowOf(session, version)
  return [
    hashOf(session.key),
    provider,
    instance,
    account,
    version,
    String(issuedAt),
    expiresAt === null ? null : String(expiresAt),
    line,
    String(isAny)
  ]
}

/** A row is found by a hash: its names may have been changed. */
const isOf = (row: Row, key: Parts): boolean => {
  const { account, instance, provider } = partsOf(row)
  return provider === key.provider && instance === key.instance && account === key.account
}

const notRepresentable = (where: Where) => {
  const message = "a part of the key is not valid Unicode or has a NUL in it: PostgreSQL has no place for it"
  return SessionStoreError.because(where, new NotRepresentable({ message }))
}

const moved = (where: Where, { account }: SessionKey) => {
  const message = `the session of ${account} has changed since it was read, or its lease is no longer yours: read it again`
  return SessionStoreError.because(where, new Conflict({ message }))
}

const unreadable = (where: Where, { account }: Parts) => {
  const message =
    account === ""
      ? `an entry in the schema ${where.instance} has no whole key: restore it, or remove its row and sign in again`
      : `the session of ${account} cannot be read: remove it and sign in again`
  return SessionStoreError.because(where, new CorruptEntry({ message }))
}
