/**
 * Where sessions are remembered.
 *
 * Six verbs and one failure. A store keeps one entry per `SessionKey`, in the order in which the keys were first put;
 * each entry has a version that changes with every write. What a store must promise is spelled out, as tests, by
 * `SessionStoreContract.suite` of `@latchkey/testing`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Session } from "./Session.ts"
import type { SessionKey } from "./SessionKey.ts"
import { Conflict, SessionStoreError } from "./SessionStoreError.ts"

/**
 * Says which write an entry stems from. Opaque: compare, never order.
 *
 * @category models
 * @since 0.1.0
 */
export type Version = string

/**
 * What the holder of a lease leaves on the key for whoever is given it next. Any text: the store keeps it, and makes nothing of it.
 *
 * @category models
 * @since 0.1.0
 */
export type Mark = string

/**
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly session: Session
  readonly version: Version
}

/**
 * An entry as `list` shows it: never a secret.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly key: SessionKey
  readonly issuedAt: DateTime.Utc
  readonly expiresAt: Option.Option<DateTime.Utc>
}

/**
 * The parts of a key that are asked for; a part left out matches anything.
 *
 * @category models
 * @since 0.1.0
 */
export interface Query {
  readonly provider?: string
  readonly instance?: string
  readonly account?: string
}

/**
 * What must be true for a `put` to take effect.
 *
 * `expected`: left out, whatever is there is replaced; `none`, the key must be free; a version, the entry must still
 * be of it. `fence`: it must be that of the lease last given out on the key. The two are checked apart: a fence alone
 * writes over whatever is there, and puts a removed entry back.
 *
 * @category models
 * @since 0.1.0
 */
export interface PutOptions {
  readonly expected?: Option.Option<Version>
  readonly fence?: number
}

/**
 * The exclusive right to renew one session, for a limited time.
 *
 * A holder that is about to spend a token leaves a mark first. Whoever is given the key after it sees the mark, and so
 * knows that the token may be spent although the entry is unchanged. A mark names the version that it is about, so that it means nothing
 * once the entry is of another; it stays until it is replaced or taken back.
 *
 * A lease that has run out while nobody else asked for it is still good; once somebody else was given the key,
 * `extend` and `mark` fail with `Conflict`, and so does a `put` with this `fence`. A clock that is set back keeps a key from others
 * for no longer than twice the lease's time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  /** Higher than that of every earlier lease on the key. */
  readonly fence: number
  /** The mark that was on the key when this lease was given. */
  readonly marked: Option.Option<Mark>
  /**
   * Leaves a mark, or takes back the one there is, and starts the lease's time anew. Returns only when it would survive a
   * crash. Fails with `Conflict` when the lease was taken over or released.
   */
  readonly mark: (mark: Option.Option<Mark>) => Effect.Effect<void, SessionStoreError>
  /** Starts the lease's time anew. Fails with `Conflict` when the lease was taken over or released. */
  readonly extend: Effect.Effect<void, SessionStoreError>
  /** Gives the key free. Does nothing when the lease was taken over. */
  readonly release: Effect.Effect<void, SessionStoreError>
}

/**
 * @category services
 * @since 0.1.0
 */
export class SessionStore extends Context.Service<
  SessionStore,
  {
    /** The entry of this very key. Fails with `CorruptEntry` where it cannot be read; it is left as it is. */
    readonly get: (key: SessionKey) => Effect.Effect<Option.Option<Entry>, SessionStoreError>
    /** The first inserted entry that matches, expired or not. Fails with `CorruptEntry` where that one cannot be read. */
    readonly find: (query: Query) => Effect.Effect<Option.Option<Entry>, SessionStoreError>
    /** Every entry, first inserted first, without its secrets. */
    readonly list: Effect.Effect<ReadonlyArray<Summary>, SessionStoreError>
    /** Writes all or nothing, and returns only when the write would survive a crash. Fails with `Conflict`. */
    readonly put: (session: Session, options?: PutOptions) => Effect.Effect<Entry, SessionStoreError>
    /**
     * Whether there was an entry. With `expected`, fails with `Conflict` where the entry is of another version. Leases
     * on the key stay as they are.
     */
    readonly remove: (
      key: SessionKey,
      options?: { readonly expected?: Version }
    ) => Effect.Effect<boolean, SessionStoreError>
    /** A lease for `ttl`, or none while somebody else holds it. Never waits. */
    readonly lease: (
      key: SessionKey,
      ttl: Duration.Input
    ) => Effect.Effect<Option.Option<Lease>, SessionStoreError>
  }
>()("@latchkey/core/SessionStore") {
  /**
   * Sessions are forgotten when the program ends.
   *
   * @since 0.1.0
   */
  static readonly layerMemory: Layer.Layer<SessionStore> = Layer.sync(SessionStore, () => makeMemory())
}

interface Held {
  readonly fence: number
  readonly life: number
  heldUntil: number
  released: boolean
  marked: Option.Option<Mark>
}

const isHeld = (lease: Held, now: number): boolean =>
  !lease.released && lease.heldUntil > now && lease.heldUntil - now <= 2 * lease.life

const makeMemory = (): SessionStore["Service"] => {
  const where = { provider: "memory", instance: "memory" }
  const entries = new Map<string, Entry>()
  const leases = new Map<string, Held>()
  let writes = 0

  const conflict = (message: string) => SessionStoreError.because(where, new Conflict({ message }))
  const moved = (key: SessionKey) =>
    conflict(`the session of ${key.account} has changed since it was read: read it again`)
  const takenOver = (key: SessionKey) =>
    conflict(`the lease on the session of ${key.account} is no longer yours: read the session again`)

  return {
    get: (key) => Effect.sync(() => Option.fromUndefinedOr(entries.get(key.id))),
    find: (query) =>
      Effect.sync(() => {
        for (const entry of entries.values()) {
          if (matches(entry.session.key, query)) return Option.some(entry)
        }
        return Option.none()
      }),
    list: Effect.sync(() => Array.from(entries.values(), (entry) => summarize(entry.session))),
    put: (session, options = {}) =>
      Effect.suspend(() => {
        const { expected, fence } = options
        if (fence !== undefined && fence !== leases.get(session.key.id)?.fence) return takenOver(session.key)
        if (
          expected !== undefined &&
          Option.getOrUndefined(expected) !== entries.get(session.key.id)?.version
        ) {
          return moved(session.key)
        }
        const entry: Entry = { session, version: String(++writes) }
        entries.set(session.key.id, entry)
        return Effect.succeed(entry)
      }),
    remove: (key, options = {}) =>
      Effect.suspend(() => {
        const entry = entries.get(key.id)
        if (entry !== undefined && options.expected !== undefined && options.expected !== entry.version) {
          return moved(key)
        }
        return Effect.succeed(entries.delete(key.id))
      }),
    lease: (key, ttl) =>
      Clock.clockWith((clock) =>
        Effect.sync(() => {
          const life = Duration.toMillis(ttl)
          const now = clock.currentTimeMillisUnsafe()
          const before = leases.get(key.id)
          if (before !== undefined && isHeld(before, now)) return Option.none()
          const marked = before?.marked ?? Option.none()
          const fence = (before?.fence ?? 0) + 1
          const mine: Held = { fence, heldUntil: now + life, life, released: false, marked }
          leases.set(key.id, mine)
          const extend = Effect.suspend(() => {
            if (mine.released || leases.get(key.id) !== mine) return takenOver(key)
            mine.heldUntil = clock.currentTimeMillisUnsafe() + life
            return Effect.void
          })
          const lease: Lease = {
            fence,
            marked,
            mark: (version) =>
              Effect.map(extend, () => {
                mine.marked = version
              }),
            extend,
            release: Effect.sync(() => {
              mine.released = true
            })
          }
          return Option.some(lease)
        })
      )
  }
}

/**
 * Whether a key is among those asked for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const matches = (key: SessionKey, query: Query): boolean =>
  (query.provider === undefined || query.provider === key.provider) &&
  (query.instance === undefined || query.instance === key.instance) &&
  (query.account === undefined || query.account === key.account)

/**
 * What `list` shows of a session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const summarize = (session: Session): Summary => ({
  key: session.key,
  issuedAt: session.issuedAt,
  expiresAt: Option.fromUndefinedOr(session.expiresAt)
})
