/** What the tests of the store contract work with: a store, sessions to put in, and plain values to compare. */
import { Session } from "@latchkey/core/Session"
import type { SessionKey } from "@latchkey/core/SessionKey"
import { type Entry, type Lease, SessionStore, type Summary } from "@latchkey/core/SessionStore"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as StoredSession from "@latchkey/core/StoredSession"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Lack } from "../../SessionStoreContract.ts"

export type Store = SessionStore["Service"]

/** The store as one more process would open it; closed with its scope. */
export type Open = Effect.Effect<Store, never, Scope.Scope>

export interface Backing {
  readonly lacks: (lack: Lack) => boolean
  /** A new, empty place. */
  readonly open: Effect.Effect<Open, never, Scope.Scope>
  readonly key: (n: number) => SessionKey
  readonly passTime: (millis: number) => Effect.Effect<void>
  /** Milliseconds. */
  readonly ttl: number
  /** Whether the test clock is the store's clock, so that a test can hit a moment exactly and set time back. */
  readonly exact: boolean
}

export type Body = (store: Store, open: Open) => Effect.Effect<void, SessionStoreError, Scope.Scope>

export const test = (backing: Backing, name: string, body: Body): void =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const open = yield* backing.open
      yield* body(yield* open, open)
    })
  )

export const storeOf = (context: Context.Context<SessionStore>): Store => Context.get(context, SessionStore)

/** 2023-11-14T22:13:20.123Z */
export const ISSUED = 1_700_000_000_123

export const instant = (millis: number): DateTime.Utc => DateTime.makeUnsafe(millis)

/** As complete as the backing can hold it. */
export const session = (
  backing: Pick<Backing, "lacks">,
  key: SessionKey,
  token: string,
  issued = ISSUED
): Session => {
  const { lacks } = backing
  return new Session({
    key,
    accessToken: Redacted.make(token),
    ...(lacks("refreshToken") ? {} : { refreshToken: Redacted.make(`refresh-${token}`) }),
    ...(lacks("tokenType") ? {} : { tokenType: "MAC" }),
    issuedAt: instant(issued),
    ...(lacks("expiry") ? {} : { expiresAt: instant(issued + 3_600_877) }),
    ...(lacks("end") ? {} : { endsAt: instant(issued + 86_400_333) }),
    account: lacks("account") ? {} : { id: "7", name: 'Zoë "Z" ☃', roles: ["admin", ""] }
  })
}

/** With nothing but what every backing holds. */
export const bare = ({ lacks }: Pick<Backing, "lacks">, key: SessionKey, token = "bare"): Session =>
  new Session({
    key,
    accessToken: Redacted.make(token),
    issuedAt: instant(ISSUED),
    ...(lacks("noExpiry") && { expiresAt: instant(ISSUED + 7) })
  })

/** All of a session, secrets included, as a value to compare. */
export const whole = (found: Session): string => StoredSession.encode(found)

export const wholeEntry = (entry: Entry) => ({ session: whole(entry.session), version: entry.version })

export const someEntry = (found: Option.Option<Entry>) => Option.map(found, wholeEntry).pipe(Option.getOrNull)

export const idsOf = (list: ReadonlyArray<Summary>): ReadonlyArray<string> => list.map(({ key }) => key.id)

export const reasonOf = <A>(effect: Effect.Effect<A, SessionStoreError>) =>
  effect.pipe(Effect.matchEager({ onSuccess: () => "no failure", onFailure: (error) => error.reason._tag }))

/** Runs what must fail with `reason`, and proves that every entry, its version and its place are as they were. */
export const refused = <A>(store: Store, reason: string, effect: Effect.Effect<A, SessionStoreError>) =>
  Effect.gen(function* () {
    const before = yield* everything(store)
    assert.strictEqual(yield* reasonOf(effect), reason)
    assert.deepStrictEqual(yield* everything(store), before)
  })

export const everything = Effect.fnUntraced(function* (store: Store) {
  const summaries = yield* store.list
  return yield* Effect.forEach(summaries, ({ key }) => Effect.map(store.get(key), someEntry))
})

/** The lease, which must be free to have. */
export const leased = (
  store: Store,
  key: SessionKey,
  ttl: Duration.Input
): Effect.Effect<Lease, SessionStoreError> =>
  Effect.map(store.lease(key, ttl), (lease) => {
    assert.isTrue(Option.isSome(lease), "the key is leased to somebody else")
    return Option.getOrThrow(lease)
  })

export const isHeld = (store: Store, key: SessionKey): Effect.Effect<boolean, SessionStoreError> =>
  Effect.flatMap(
    store.lease(key, 1_000),
    Option.match({ onNone: () => Effect.succeed(true), onSome: (lease) => Effect.as(lease.release, false) })
  )
