/**
 * The session file of cryosparc-tools as a `SessionStore`, shared with the Python tools:
 * `~/.config/cryosparc-tools/auth.json`, byte for byte as they write it (store contract).
 *
 * A key is `{ provider: "cryosparc", instance: <URL>, account: <e-mail> }`, compared as text. What the file cannot hold is
 * `NotRepresentable`, and nothing is written: another provider, a refresh token, details of the account, a token type
 * other than `Bearer`, no token, no expiry. Entries come in the order of the file.
 *
 * Each change reads the file again under a lock, changes the one entry, and replaces the file as a whole. Every other
 * session stays, expired ones too, with its token and its instant; members that the format does not know go, as they do
 * upstream. What is no session (`CorruptEntry`) stays letter by letter. New files have mode 0600, new folders 0700; a file
 * that others can read is made private by the first change. A file that is not what it should be is `Corrupt` and is left
 * alone. The Python tools take no lock, and write what they have read some time ago: what was changed here in between is lost.
 *
 * Beside the file lies `.latchkey`, with the lock, the leases, unfinished writes, and what the file has no place for: the
 * time of issue and the version of what was put here. An entry that somebody else wrote counts as issued when the file
 * was last written. Every operation reads the whole file.
 *
 * @since 0.1.0
 */
import type { SessionKey } from "@latchkey/core/SessionKey"
import { matches, SessionStore, summarize } from "@latchkey/core/SessionStore"
import { Conflict, NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import { openAuthFile } from "./internal/authFile.ts"
import { defaultAuthFile } from "./internal/defaultAuthFile.ts"
import type { Where } from "./internal/explainFailure.ts"
import { isLastFence, lease, noLongerYours } from "./internal/leases.ts"
import type { Entry as Stored, Sessions } from "./internal/readSessions.ts"
import {
  entryAt,
  entryFor,
  keysIn,
  PROVIDER,
  sessionOf,
  setEntry,
  unreadable
} from "./internal/whichAuthEntry.ts"
import {
  announce,
  forgetBut,
  hashOf,
  NO_ENTRY,
  type Note,
  note,
  whichWrite,
  type WriteStatements
} from "./internal/whichWrite.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: where the Python tools look, found when the store is opened. */
  readonly path?: string
  /** What to do when others could read or replace the file, or put one in its place. Default: `warn`, in the log. */
  readonly onLooseMode?: "warn" | "refuse"
}

/**
 * Opens the file. Nothing is made on disk before the first write or lease: a missing file is an empty store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<SessionStore["Service"], SessionStoreError, Scope.Scope> {
  const path = options.path ?? (yield* defaultAuthFile({ provider: PROVIDER, instance: "" }))
  const where: Where = { provider: PROVIDER, instance: path }
  const { change, database, isShared, read } = yield* openAuthFile(where, path, options.onLooseMode)
  // What crashed writers left goes now; where that fails, the first write will say why.
  if (isShared()) yield* Effect.ignore(database.open)

  /** With what is noted about entries, where that can be had: what may only be read can be read without. */
  const known = <A>(use: (statements?: WriteStatements) => Result.Result<A, SessionStoreError>) => {
    const unknown = Effect.suspend(() => Effect.fromResult(use()))
    return isShared()
      ? Effect.catchReason(database.step(use), "SessionStoreError", "Unavailable", () => unknown)
      : unknown
  }

  const entryOf = (key: SessionKey, stored: Stored, modified: number, statements?: WriteStatements) => {
    if (stored._tag === "Bad") return Result.fail(unreadable(where, key.instance, key.account, stored))
    const { issuedAt, version } = whichWrite(statements, key, stored)
    return Result.succeed({ session: sessionOf(key, stored, issuedAt ?? modified), version })
  }

  /** A file from the future counts as written now: nothing in it was issued later. */
  const contents = Effect.zipWith(read, Clock.currentTimeMillis, ({ modified, sessions }, now) => ({
    sessions,
    modified: Math.min(modified, now)
  }))

  const find = (choose: (sessions: Sessions) => readonly [key: SessionKey, entry: Stored] | undefined) =>
    Effect.flatMap(contents, ({ modified, sessions }) => {
      const [key, stored] = choose(sessions) ?? []
      return key === undefined || stored === undefined
        ? Effect.succeedNone
        : known((statements) => Result.map(entryOf(key, stored, modified, statements), Option.some))
    })

  return SessionStore.of({
    get: (key) =>
      find((sessions) => {
        const stored = entryAt(sessions, key)
        return stored && [key, stored]
      }),
    find: (query) => find((sessions) => keysIn(sessions).find(([key]) => matches(key, query))),
    list: Effect.gen(function* () {
      const { modified, sessions } = yield* contents
      const keys = keysIn(sessions)
      const listed = yield* known((statements) =>
        Result.succeed(
          keys.flatMap(([key, stored]) =>
            Option.toArray(Result.getSuccess(entryOf(key, stored, modified, statements)))
          )
        )
      )
      if (listed.length < keys.length) {
        yield* Effect.logWarning(
          `${path}: ${keys.length - listed.length} damaged entries are left out of the list`
        )
      }
      return listed.map(({ session }) => summarize(session))
    }),
    put: Effect.fnUntraced(function* (session, { expected, fence } = {}) {
      const { key } = session
      const mine = entryFor(session)
      if ("whyNot" in mine) {
        return yield* Effect.fail(
          SessionStoreError.because(where, new NotRepresentable({ message: mine.whyNot }))
        )
      }
      const noted: Note = {
        key: key.id,
        entry: hashOf(mine),
        version: randomUUID(),
        issuedAt: DateTime.toEpochMillis(session.issuedAt)
      }
      // While the file holds another entry this means nothing yet, and a disk that is full shows now.
      if (hashOf(entryAt((yield* read).sessions, key)) !== noted.entry) {
        yield* database.step((statements) => Result.succeed(announce(statements, noted)))
      }
      return yield* change(({ sessions }, statements) => {
        const current = entryAt(sessions, key)
        if (fence !== undefined && !isLastFence(statements, key, fence))
          return Result.fail(noLongerYours(where, key))
        if (
          expected !== undefined &&
          Option.getOrUndefined(expected) !== versionOf(statements, key, current)
        ) {
          return Result.fail(moved(where, key))
        }
        // The same session once more, or one that somebody else has written meanwhile, or whose note is gone.
        if (whichWrite(statements, key, mine).version !== noted.version) note(statements, noted)
        forgetBut(statements, key, noted.entry)
        const isChanged = hashOf(current) !== noted.entry
        if (isChanged) setEntry(sessions, key.instance, key.account, mine)
        return Result.succeed({ answer: { session, version: noted.version }, isChanged })
      })
    }),
    remove: Effect.fnUntraced(function* (key, { expected } = {}) {
      // Looked up first, so that removing nothing makes nothing.
      if (entryAt((yield* read).sessions, key) === undefined) return false
      return yield* change(({ sessions }, statements) => {
        const current = entryAt(sessions, key)
        if (current === undefined) return Result.succeed({ answer: false, isChanged: false })
        if (expected !== undefined && expected !== versionOf(statements, key, current))
          return Result.fail(moved(where, key))
        sessions.get(key.instance)?.delete(key.account)
        forgetBut(statements, key, NO_ENTRY)
        return Result.succeed({ answer: true, isChanged: true })
      })
    }),
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

const versionOf = (statements: WriteStatements, key: SessionKey, entry: Stored | undefined) =>
  entry && whichWrite(statements, key, entry).version

const moved = (where: Where, key: SessionKey) =>
  SessionStoreError.because(
    where,
    new Conflict({ message: `the session of ${key.account} has changed since it was read: read it again` })
  )
