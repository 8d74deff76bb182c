/**
 * Any other `SessionStore`, sealed: what it is given to keep shows nobody a token.
 *
 * Sealed (XChaCha20-Poly1305, a random nonce of 24 bytes for every write) are the tokens, their type and the details of the
 * account. In the clear remain, because a store finds, orders and forgets entries by them: provider, instance and account of the key,
 * and the times of issue, expiry and end. They are bound to what is sealed: an entry in which one of them was changed, or
 * that was moved to another key, is a `CorruptEntry`. What this cannot show is that an entry was removed, or replaced by an older one
 * of the same key: versions are those of the store below, and so are leases, fences and marks. How long the text is tells
 * about how long the tokens are.
 *
 * An entry that is sealed under another key is `WrongKey`, one in the clear `CorruptEntry`, one of a newer release `Corrupt`; each
 * stays as it is until it is replaced or removed, which needs no right key. `list` needs no key either: what it shows is what
 * stands in the clear, and nothing has vouched for it.
 *
 * The store below must hold an access token of visible ASCII about a third longer than the whole session and 135 bytes more.
 * What it has no place for otherwise is as `NotRepresentable` as without a seal: an expiry, an end, a session without an expiry.
 *
 * @since 0.1.0
 */
import type { Session } from "@latchkey/core/Session"
import { type Entry, SessionStore } from "@latchkey/core/SessionStore"
import { CorruptEntry, NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Aead from "effect/crypto/Aead"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { resealAll } from "./internal/resealAll.ts"
import { crypto, headOfFirst, isCarrier, seal, sealedIn, unseal } from "./internal/sealedSession.ts"
import * as SealingKey from "./SealingKey.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options<E = SessionStoreError, R = never> {
  /** Seals, and opens. Fetched once, when the store is opened. */
  readonly key: Effect.Effect<SealingKey.SealingKey, E, R | Scope.Scope>
  /** Only open: those that the store was sealed under before. Default: none. */
  readonly olderKeys?: ReadonlyArray<Effect.Effect<SealingKey.SealingKey, E, R | Scope.Scope>>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface ResealOptions<E = SessionStoreError, R = never> extends Options<E, R> {
  /** What to do with entries in the clear. Default: `refuse`, with `CorruptEntry`. */
  readonly plain?: "refuse" | "seal"
}

/**
 * The keys as text, as `SealingKey.make` takes them.
 *
 * @category options
 * @since 0.1.0
 */
export interface TextOptions {
  readonly key: Redacted.Redacted<string>
  /** Default: none. */
  readonly olderKeys?: ReadonlyArray<Redacted.Redacted<string>>
}

/**
 * Seals the store that it finds in the context. Fails as its keys do; what is in the store is not looked at.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = SessionStoreError, R = never>(
  options: Options<E, R>
): Effect.Effect<SessionStore["Service"], E, SessionStore | Scope.Scope | R> =>
  Effect.gen(function* () {
    const below = yield* SessionStore
    const { key, keys } = yield* fetched(options)
    const tools = yield* Effect.context<Aead.Aead | SecureRandom.SecureRandom>()
    // No more than these: what the store below does belongs to the caller's span, not to that of whoever opened the store.
    const withTools = Effect.provideContext(Context.pick(Aead.Aead, SecureRandom.SecureRandom)(tools))

    const open = Effect.fnUntraced(function* ({ session, version }: Entry) {
      const sealed = yield* sealedIn(where, session)
      if (Option.isNone(sealed)) return yield* inTheClear(session)
      return { session: yield* unseal(where, session, sealed.value, keys), version }
    }, withTools)
    const openAny = Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (entry: Entry) => Effect.asSome(open(entry))
    })

    const seen = Effect.map(below.find({}), headOfFirst).pipe(
      // That entry is not the one to be written: nothing is known is all that it says here.
      Effect.catchReason("SessionStoreError", "CorruptEntry", () => Effect.succeedNone)
    )

    return SessionStore.of({
      get: (one) => Effect.flatMap(below.get(one), openAny),
      find: (query) => Effect.flatMap(below.find(query), openAny),
      list: below.list,
      put: Effect.fnUntraced(function* (session, put) {
        if (isCarrier(session)) {
          const message =
            "this session is sealed already: give the store that is not sealed, or the session itself"
          return yield* SessionStoreError.because(where, new NotRepresentable({ message }))
        }
        const sealed = yield* seal(session, yield* key.toSeal(seen))
        const { version } = yield* below.put(sealed, put)
        return { session, version }
      }, withTools),
      remove: below.remove,
      lease: below.lease
    })
  }).pipe(Effect.provide(crypto))

/**
 * Takes a `SessionStore` and gives one: `EncryptedSessionStore.layer({ key }).pipe(Layer.provide(SqliteSessionStore.layer()))`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = SessionStoreError, R = never>(
  options: Options<E, R>
): Layer.Layer<SessionStore, E, SessionStore | Exclude<R, Scope.Scope>> =>
  Layer.effect(SessionStore, make(options))

/**
 * With keys that are configured as text: `layerConfig({ key: Config.Redacted("SEALING_KEY") })`. Fails with `WrongKey` where
 * one is none.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<TextOptions>
): Layer.Layer<SessionStore, SessionStoreError | Config.ConfigError, SessionStore> =>
  Layer.unwrap(
    Effect.map(Config.unwrap(options), ({ key, olderKeys = [] }) =>
      layer({ key: SealingKey.make(key), olderKeys: olderKeys.map((one) => SealingKey.make(one)) })
    )
  )

/**
 * Seals every entry of the store in the context, which is the one below and not the sealed one, under `key`; gives how many it
 * has sealed. When it has succeeded, no other key opens anything that is there.
 *
 * Other processes may go on meanwhile, if they have both keys: each entry is written under its lease, against the version that was read.
 * It can be interrupted anywhere and begun again. An entry whose renewal is under way, or was left with its answer
 * lost, is not touched, because its holder may still come back to it: after a minute in which nothing else was left to seal it is a `LeaseTimeout`. Entries that cannot be
 * opened are left as they are; all others are sealed before the first of these fails with `WrongKey`, `CorruptEntry` or
 * `Corrupt`. The store below may keep replaced texts for a while: see there.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reseal = <E = SessionStoreError, R = never>(
  options: ResealOptions<E, R>
): Effect.Effect<number, SessionStoreError | E, SessionStore | Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const below = yield* SessionStore
    const { key, keys } = yield* fetched(options)
    const plain = (session: Session) =>
      options.plain === "seal" ? Effect.succeed(session) : inTheClear(session)
    return yield* resealAll(where, below, key, keys, plain)
  }).pipe(Effect.provide(crypto), Effect.scoped)

const where = { provider: "encrypted", instance: "sealed" }

const fetched = <E, R>({ key, olderKeys = [] }: Options<E, R>) =>
  Effect.map(Effect.all([key, ...olderKeys]), ([first, ...older]) => ({
    key: first,
    keys: [first, ...older]
  }))

const inTheClear = ({ key: { account } }: Session): Effect.Effect<never, SessionStoreError> => {
  const message = `the session of ${account} is not sealed: remove it, or seal what is in the store with reseal and plain: "seal"`
  return Effect.fail(SessionStoreError.because(where, new CorruptEntry({ message })))
}
