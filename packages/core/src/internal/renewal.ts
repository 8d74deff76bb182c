/**
 * One renewal, as every process does it: lease, re-read, renew, write with the fencing token, release.
 *
 * Knows nothing of callers, clocks and pauses. What it found out is a value; it fails when nothing was found out.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type AuthError, isVerdict, type SessionStoreError, type Verdict } from "../AuthError.ts"
import type { Provider } from "../Provider.ts"
import type { Session } from "../Session.ts"
import type { SessionKey } from "../SessionKey.ts"
import type { Entry, Lease, SessionStore, Version } from "../SessionStore.ts"
import { answered, underLease } from "./whoRenews.ts"

export type Finding =
  | { readonly _tag: "Renewed"; readonly entry: Entry }
  /** Somebody else has written: another process that renewed, or a new login. */
  | { readonly _tag: "Found"; readonly entry: Entry }
  /** Logged out, here or elsewhere. */
  | { readonly _tag: "Gone" }
  /** `removed`: whether the store could be made to forget it. */
  | { readonly _tag: "Ended"; readonly verdict: Verdict; readonly removed: boolean }

/** A session that was won and is not saved. It must not be handed out, and must not get lost. */
export interface Unsaved {
  readonly session: Session
  readonly over: Version
}

export interface Renewal<E extends AuthError, LogoutError extends AuthError> {
  readonly provider: Provider<E, LogoutError>
  readonly store: SessionStore["Service"]
  readonly key: SessionKey
  /** The version that is due. */
  readonly version: Version
  /** Left over from an earlier attempt: then it is saved, and nobody is asked for another one. */
  readonly unsaved: Unsaved | undefined
  /** Called before the write, which may never end: `Renewed` tells that it did. */
  readonly onUnsaved: (unsaved: Unsaved) => void
}

export const renewal = <E extends AuthError, LogoutError extends AuthError>(
  self: Renewal<E, LogoutError>
): Effect.Effect<Finding, E | SessionStoreError> =>
  underLease(self.store, self.key, (lease) => underThisLease(self, lease))

const underThisLease = Effect.fnUntraced(function* <E extends AuthError, LogoutError extends AuthError>(
  self: Renewal<E, LogoutError>,
  lease: Lease
): Effect.fn.Return<Finding, E | SessionStoreError> {
  const stored = yield* answered(self.key, found(self))
  if (stored._tag === "Gone" || stored.entry.version !== self.version) return stored
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const answer = yield* ask(self, stored.entry.session, restore)
      return yield* Result.match(answer, {
        onSuccess: (session) => save(self, session, lease),
        onFailure: (verdict) => end(self, verdict)
      })
    })
  )
})

const found = <E extends AuthError, LogoutError extends AuthError>(self: Renewal<E, LogoutError>) =>
  Effect.map(
    self.store.get(self.key),
    Option.match({
      onNone: () => ({ _tag: "Gone" }) as const,
      onSome: (entry) => ({ _tag: "Found", entry }) as const
    })
  )

/** A service that spends the old token is heard to the end: its answer is the only copy of the new one. */
const ask = <E extends AuthError, LogoutError extends AuthError>(
  { key, provider, unsaved, version }: Renewal<E, LogoutError>,
  session: Session,
  restore: <A, E2>(effect: Effect.Effect<A, E2>) => Effect.Effect<A, E2>
): Effect.Effect<Result.Result<Session, Verdict>, E> => {
  if (unsaved?.over === version) return Effect.succeed(Result.succeed(unsaved.session))
  const refresh = provider.refresh(session)
  return Effect.matchEffect(provider.rotates ? refresh : restore(refresh), {
    onSuccess: (renewed) =>
      Equal.equals(renewed.key, key)
        ? Effect.succeed(Result.succeed(renewed))
        : Effect.die(new TypeError(`the provider ${provider.name} has renewed a session under another key`)),
    onFailure: (error) => (isVerdict(error) ? Effect.succeed(Result.fail(error)) : Effect.fail(error))
  })
}

const save = <E extends AuthError, LogoutError extends AuthError>(
  self: Renewal<E, LogoutError>,
  session: Session,
  lease: Lease
): Effect.Effect<Finding, SessionStoreError> => {
  self.onUnsaved({ session, over: self.version })
  return self.store.put(session, { expected: Option.some(self.version), fence: lease.fence }).pipe(
    Effect.map((entry) => ({ _tag: "Renewed", entry }) as const),
    Effect.catchReason("SessionStoreError", "Conflict", (_, error) =>
      Effect.flatMap(found(self), (now) =>
        // Only the lease was lost: nobody has written, and what was won is still the only copy.
        now._tag === "Found" && now.entry.version === self.version ? Effect.fail(error) : Effect.succeed(now)
      )
    )
  )
}

/** The verdict stands whether or not the store can be made to forget the session. */
const end = <E extends AuthError, LogoutError extends AuthError>(
  self: Renewal<E, LogoutError>,
  verdict: Verdict
): Effect.Effect<Finding> => {
  const ended = (removed: boolean) => ({ _tag: "Ended", verdict, removed }) as const
  return self.store.remove(self.key, { expected: self.version }).pipe(
    Effect.as(ended(true)),
    // The verdict was on a session that has been replaced meanwhile.
    Effect.catchReason("SessionStoreError", "Conflict", () => found(self)),
    Effect.orElseSucceed(() => ended(false))
  )
}
