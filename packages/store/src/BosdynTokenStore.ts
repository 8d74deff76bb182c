/**
 * The token cache of Boston Dynamics' Spot SDK, shared with the Python tools: `~/.bosdyn/user_tokens`, one file per
 * robot and user, named `<serial>.<user>.jwt`, with the bare token in it (robot contract, section 2.9).
 *
 * A key is `{ provider: "robot", instance: <serial>, account: <user> }`. What such a file cannot hold is
 * `NotRepresentable` and nothing is written: a refresh token, an expiry, details of the account, a token type other than
 * `Bearer`, a serial or a user name with a dot (it would break the tools' own listing), `/`, `\` or control characters.
 * A file with a dot in the user name, made by somebody else, is read all the same.
 *
 * A file is replaced as a whole: readers see the old token or the new one, also after a crash. New files have mode
 * 0600, new directories 0700. `issuedAt` is the file's modification time, exact to the millisecond where the file
 * system is; the microseconds below tell writes apart. Entries come sorted by serial and user: a directory knows no
 * order of insertion. The Python tools take no lease: the last writer wins, and the loser's next `put` that expects a
 * version is a `Conflict`.
 *
 * Beside the tokens (and beside a file elsewhere that a link leads to) lies `.latchkey`, with unfinished writes and the
 * leases; it has nothing for the Python tools to find.
 *
 * @since 0.1.0
 */
import { Session } from "@latchkey/core/Session"
import type { SessionKey } from "@latchkey/core/SessionKey"
import { type Entry, matches, SessionStore, type Summary } from "@latchkey/core/SessionStore"
import { Conflict, CorruptEntry, NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { existsSync, statSync, unlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { defaultPlace } from "./internal/defaultPlace.ts"
import { onDisk, type Where } from "./internal/explainFailure.ts"
import { insistOnPrivacy } from "./internal/isPrivate.ts"
import {
  isLastFence,
  lease,
  leasesMark,
  leasesTable,
  noLongerYours,
  prepareLeases
} from "./internal/leases.ts"
import { openDatabase } from "./internal/openDatabase.ts"
import { type Found, readTokenFile, versionOf } from "./internal/readTokenFile.ts"
import { ASIDE, asideOf, clearUnfinished } from "./internal/unfinishedWrites.ts"
import { issuedAt, isWhenIssued, modifiedOf } from "./internal/whenIssued.ts"
import { fileName, keyOf, tokenIn, tokenOf } from "./internal/whichTokenFile.ts"
import { followLinks } from "./internal/followLinks.ts"
import { namesIn, syncDirectory, writePrivateFile } from "./internal/writePrivateFile.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: `.bosdyn/user_tokens` in the home directory. */
  readonly directory?: string
  /** What to do when others could read or replace a token file, or put one in its place. Default: `warn`, in the log. */
  readonly onLooseMode?: "warn" | "refuse"
}

/** "LKLS". */
const APPLICATION_ID = 0x4c4b4c53

/**
 * Opens the cache. Nothing is made on disk before the first write or lease: a missing directory is an empty store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<SessionStore["Service"], SessionStoreError, Scope.Scope> {
  const directory = options.directory ?? (yield* defaultDirectory)
  const where: Where = { provider: "bosdyn", instance: directory }
  const aside = join(directory, ASIDE)
  const leases = join(aside, "leases.db")
  const insist = insistOnPrivacy(where, options.onLooseMode)
  /** Holds the leases, and its write lock is the mutex of all our writers. */
  const database = yield* openDatabase({
    where,
    path: leases,
    applicationId: APPLICATION_ID,
    migrations: [leasesTable, leasesMark],
    prepare: prepareLeases,
    afterOpen: () => clearUnfinished(directory)
  })
  // What crashed writers left goes now; where that fails, the first write will say why.
  if (existsSync(aside)) yield* Effect.ignore(database.open)

  const reading = <A>(path: string, run: () => Result.Result<A, SessionStoreError>) =>
    Effect.suspend(() => Effect.fromResult(onDisk(where, path, run)))

  const get = (key: SessionKey): Effect.Effect<Option.Option<Entry>, SessionStoreError> => {
    const name = fileName(key)
    if (Option.isNone(name)) return Effect.succeedNone
    const path = join(directory, name.value)
    return Effect.andThen(
      insist(path),
      reading(path, () => {
        const found = readTokenFile(path)
        return found === undefined
          ? Result.succeedNone
          : Result.map(entryOf(where, path, key, found), Option.some)
      })
    )
  }

  const list = Effect.andThen(
    insist(aside),
    reading(directory, () => {
      const keys = namesIn(directory)
        .flatMap((name) => Option.toArray(keyOf(name)))
        .toSorted(bySerialAndUser)
      return Result.succeed(keys.flatMap((key) => Option.toArray(summaryOf(directory, key))))
    })
  )

  return SessionStore.of({
    get,
    list,
    find: (query) =>
      Effect.flatMap(list, (summaries) => {
        const first = summaries.find(({ key }) => matches(key, query))
        return first === undefined ? Effect.succeedNone : get(first.key)
      }),
    put: (session, { expected, fence } = {}) => {
      const { key } = session
      const name = fileName(key)
      const content = tokenOf(session)
      if (Option.isNone(name) || "whyNot" in content) {
        const message = "whyNot" in content ? content.whyNot : ""
        return Effect.fail(SessionStoreError.because(where, new NotRepresentable({ message })))
      }
      const path = join(directory, name.value)
      const written = database.write((statements) =>
        onDisk(where, path, () => {
          if (fence !== undefined && !isLastFence(statements, key, fence))
            return Result.fail(noLongerYours(where, key))
          const target = followLinks(path)
          if (expected !== undefined && Option.getOrUndefined(expected) !== readTokenFile(target)?.version) {
            return Result.fail(moved(where, path))
          }
          const bytes = Buffer.from(content.token)
          const state = writePrivateFile({
            path: target,
            temporary: asideOf(target),
            bytes,
            modified: modifiedOf(session),
            isGood: ({ mtimeNs }) => isWhenIssued(session, mtimeNs)
          })
          return state === undefined
            ? Result.fail(timeless(where, path))
            : Result.succeed({ session, version: versionOf(bytes, state) })
        })
      )
      return Effect.andThen(Effect.andThen(insist(path), insist(leases)), written)
    },
    remove: (key, { expected } = {}) => {
      const name = fileName(key)
      if (Option.isNone(name)) return Effect.succeed(false)
      const path = join(directory, name.value)
      const removed = database.write(() =>
        onDisk(where, path, () => {
          const target = followLinks(path)
          const found = readTokenFile(target)
          if (found === undefined) return Result.succeed(false)
          if (expected !== undefined && expected !== found.version) return Result.fail(moved(where, path))
          unlinkSync(target)
          syncDirectory(dirname(target))
          return Result.succeed(true)
        })
      )
      // Looked up first, so that removing nothing makes nothing.
      const isThere = reading(path, () => Result.succeed(readTokenFile(path) !== undefined))
      return Effect.flatMap(isThere, (there) => (there ? removed : Effect.succeed(false)))
    },
    lease: (key, ttl) => Effect.andThen(insist(leases), lease(database, where, key, ttl))
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

const defaultDirectory = defaultPlace("bosdyn", ({ home }) => home, ".bosdyn", "user_tokens")

const entryOf = (where: Where, path: string, key: SessionKey, { bytes, state, version }: Found) =>
  Result.fromOption(
    Option.map(tokenIn(bytes), (token) => ({
      session: new Session({ key, accessToken: Redacted.make(token), issuedAt: issuedAt(state.mtimeNs) }),
      version
    })),
    () => {
      const message = `${path} holds no token (one line of visible ASCII, up to 64 kB): remove it and sign in again`
      return SessionStoreError.because(where, new CorruptEntry({ message }))
    }
  )

const summaryOf = (directory: string, key: SessionKey): Option.Option<Summary> =>
  Option.flatMap(fileName(key), (name) => {
    const state = statSync(join(directory, name), { bigint: true, throwIfNoEntry: false })
    return state?.isFile() === true
      ? Option.some({ key, issuedAt: issuedAt(state.mtimeNs), expiresAt: Option.none() })
      : Option.none()
  })

const bySerialAndUser = (a: SessionKey, b: SessionKey) =>
  compare(a.instance, b.instance) || compare(a.account, b.account)

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const moved = (where: Where, path: string) =>
  SessionStoreError.because(
    where,
    new Conflict({ message: `${path} has changed since it was read: read it again` })
  )

const timeless = (where: Where, path: string) =>
  SessionStoreError.because(
    where,
    new NotRepresentable({ message: `the file system of ${path} cannot hold the time of issue` })
  )
