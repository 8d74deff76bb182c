/**
 * The sessions of cryosparc-tools as its own documentation has them: `load`, `find`, `insert`, `save`; one session for each
 * instance URL and e-mail, in the order of insertion (store contract, sections 2 to 4).
 *
 * To sign in and stay signed in, use `CryosparcSessionStore`, which has the same file. This is for programs that are written
 * after the Python ones, and does what those do, without their faults: a bad entry hides no other, a damaged file is an
 * error and not an empty one, and a `save` loses nothing that other programs have saved since the `load`.
 *
 * @since 0.1.0
 */
import { InvalidRequest, SessionExpired } from "@latchkey/core/AuthError"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { resolve } from "node:path"
import { openAuthFile } from "./internal/authFile.ts"
import { defaultAuthFile } from "./internal/defaultAuthFile.ts"
import { Good, type Sessions } from "./internal/readSessions.ts"
import { sameUrl } from "./internal/sameUrl.ts"
import { isOver, parseText } from "./internal/whenItExpires.ts"
import { HOLDABLE, isHoldable, PROVIDER, setEntry, shown, unreadable } from "./internal/whichAuthEntry.ts"
import { badIn, dropExpired, goodIn, type Placed } from "./internal/whichSessions.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface InstanceAuthSession {
  readonly token: Redacted.Redacted<string>
  /** To the millisecond. */
  readonly expires: DateTime.Utc
  /** As it is in the file: with its offset, and to the microsecond. */
  readonly expiresText: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly url: string
  readonly email: string
  readonly session: InstanceAuthSession
}

/**
 * @category options
 * @since 0.1.0
 */
export interface LoadOptions {
  /** What to do when others could read or replace the file, or put one in its place. Default: `warn`, in the log. */
  readonly onLooseMode?: "warn" | "refuse"
}

/**
 * @category options
 * @since 0.1.0
 */
export interface FindOptions {
  /**
   * Whether a URL that is not in the file also finds one that means the same: another case of scheme and host, the default
   * port, a slash at the end. Default: false, as the Python tools do it.
   */
  readonly lenient?: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface InstanceAuthSessions {
  /** The file. */
  readonly path: string
  /** Whether it was there. */
  readonly existed: boolean
  /** The entries that cannot be read, a `CorruptEntry` each. They stay in the file, and hide all of it from the Python tools. */
  readonly damaged: ReadonlyArray<SessionStoreError>
  /** All sessions, by URL and e-mail. */
  readonly sessions: Effect.Effect<ReadonlyMap<string, ReadonlyMap<string, InstanceAuthSession>>>
  /**
   * The first session that matches, by exact text. A URL or an e-mail that is left out, or empty, matches any; one whose
   * session has expired is passed over. Fails with `SessionExpired` where only such are left that had not expired yet when
   * they were loaded.
   */
  readonly find: (
    url?: string,
    email?: string,
    options?: FindOptions
  ) => Effect.Effect<Option.Option<Found>, SessionExpired>
  /**
   * Adds a session, or replaces one in its place; in memory only, `save` writes it. `expires` as text is ISO 8601 with a
   * zone. Fails with `InvalidRequest` for what is not, or is not in the years 1 to 9999.
   */
  readonly insert: (
    url: string,
    email: string,
    token: Redacted.Redacted<string>,
    expires: DateTime.DateTime | string
  ) => Effect.Effect<void, InvalidRequest>
  /**
   * Writes what was inserted into what the file holds by now, under the lock of `CryosparcSessionStore`. Sessions that had
   * expired when they were loaded go; their instance stays. Another `path` gets all the sessions, beside those it has.
   */
  readonly save: (path?: string) => Effect.Effect<void, SessionStoreError>
}

/**
 * Reads the file. Expired sessions are left out. Fails with `Corrupt` for a file that is none of sessions, and with
 * `Unavailable` where it cannot be read; a missing file is empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = Effect.fnUntraced(function* (
  path?: string,
  options: LoadOptions = {}
): Effect.fn.Return<InstanceAuthSessions, SessionStoreError> {
  const home = resolve(path ?? (yield* defaultAuthFile({ provider: PROVIDER, instance: "" })))
  const open = (file: string) =>
    openAuthFile({ provider: PROVIDER, instance: file }, file, options.onLooseMode)
  const now = yield* Clock.currentTimeMillis
  const { digest, isThere, sessions } = yield* Effect.scoped(Effect.flatMap(open(home), ({ read }) => read))
  const damaged = badIn(sessions).map(({ email, entry, url }) =>
    unreadable({ provider: PROVIDER, instance: home }, url, email, entry)
  )
  yield* Effect.forEach(damaged, ({ message }) => Effect.logWarning(message), { discard: true })

  let held = dropExpired(sessions, now)
  /** Of the file when it was loaded: if it is still the same, it need not be read through again. */
  let unchanged: string | undefined = digest()
  /** What the file does not have yet. */
  let inserted: Sessions = new Map()
  const add = (url: string, email: string, entry: Good): void => {
    setEntry(held, url, email, entry)
    setEntry(inserted, url, email, entry)
  }

  return {
    path: home,
    existed: isThere,
    damaged,
    sessions: Effect.sync(() => grouped(held)),
    find: Effect.fnUntraced(function* (url = "", email = "", { lenient = false } = {}) {
      const now = yield* Clock.currentTimeMillis
      const isExact = (one: string) => url === "" || one === url
      const isAlike = (one: string) => sameUrl(one, url)
      let over: Placed<Good> | undefined
      for (const isWanted of lenient ? [isExact, isAlike] : [isExact]) {
        for (const one of goodIn(held, isWanted, email)) {
          if (!isOver(one.entry.expires, now)) {
            return Option.some({ url: one.url, email: one.email, session: sessionOf(one.entry) })
          }
          over ??= one
        }
        if (over !== undefined) return yield* expired(over)
      }
      return Option.none()
    }),
    insert: (url, email, token, expires) =>
      Effect.map(entryOf(url, email, token, expires), (entry) => add(url, email, entry)),
    save: Effect.fnUntraced(function* (elsewhere) {
      const now = yield* Clock.currentTimeMillis
      const { change, target } = yield* open(elsewhere ?? home)
      const isHome = elsewhere === undefined || target === (yield* open(home)).target
      const saved = yield* change(
        (content) => {
          const sessions = dropExpired(content.sessions, now, held)
          const added = Array.from(goodIn(isHome ? inserted : held))
          for (const { email, entry, url } of added) setEntry(sessions, url, email, entry)
          return Result.succeed({ answer: { sessions, added }, isChanged: true })
        },
        isHome && unchanged !== undefined ? { digest: unchanged, sessions: held } : undefined
      )
      if (!isHome) return
      unchanged = undefined
      held = saved.sessions
      const added = new Set(saved.added.map(({ entry }) => entry))
      // What was inserted in the meantime still has to be saved.
      const late = Array.from(goodIn(inserted)).filter(({ entry }) => !added.has(entry))
      inserted = new Map()
      for (const { email, entry, url } of late) add(url, email, entry)
    }, Effect.scoped)
  }
})

const expired = ({ email, entry, url }: Placed<Good>) =>
  new SessionExpired({
    provider: PROVIDER,
    instance: shown(url),
    message: `the session of ${shown(email)} expired at ${entry.expires.text}: sign in again`
  })

const sessionOf = ({ expires, token }: Good): InstanceAuthSession => ({
  token,
  expires: DateTime.makeUnsafe(expires.millis),
  expiresText: expires.text
})

const grouped = (sessions: Sessions): ReadonlyMap<string, ReadonlyMap<string, InstanceAuthSession>> =>
  new Map(
    Array.from(sessions, ([url, emails]) => [
      url,
      new Map(Array.from(goodIn(new Map([[url, emails]])), ({ email, entry }) => [email, sessionOf(entry)]))
    ])
  )

const entryOf = (
  url: string,
  email: string,
  token: Redacted.Redacted<string>,
  given: DateTime.DateTime | string
): Effect.Effect<Good, InvalidRequest> => {
  const invalid = (field: string, message: string) =>
    Effect.fail(new InvalidRequest({ provider: PROVIDER, instance: shown(url), field, message }))
  for (const [field, text] of Object.entries({ url, email, token: Redacted.value(token) })) {
    if (!isHoldable(text)) return invalid(field, `a session file ${HOLDABLE}`)
  }
  const expires = parseText(DateTime.isDateTime(given) ? DateTime.formatIsoOffset(given) : given)
  return expires === undefined
    ? invalid("expires", "expires must be a date and time with a zone, such as 2099-01-31T12:00:00Z")
    : Effect.succeed(new Good(Redacted.value(token), expires))
}
