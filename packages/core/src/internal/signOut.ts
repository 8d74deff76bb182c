/** What a logout removes from the store, so that the service can be told of that very session. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { SessionStoreError } from "../AuthError.ts"
import type { SessionKey } from "../SessionKey.ts"
import type { Entry, SessionStore } from "../SessionStore.ts"
import { answered } from "./whoRenews.ts"

/** After so many writes of others between a look and the removal, whatever is there is removed. */
const MOST_LOOKS = 8

export interface SignedOut {
  /** The entry that was removed; none where there was none or it could not be read. */
  readonly last: Option.Option<Entry>
  /** Whether there was one. */
  readonly removed: Result.Result<boolean, SessionStoreError>
}

/**
 * A renewal of another process may write in the middle: what is removed is what was read, or both are done again. What a login
 * writes that has begun after it is left alone.
 */
export const signOut = Effect.fnUntraced(function* (
  store: SessionStore["Service"],
  key: SessionKey,
  isOvertaken: () => boolean
): Effect.fn.Return<SignedOut> {
  let last = Option.none<Entry>()
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const stored = yield* Effect.result(answered(key, store.get(key)))
    if (isOvertaken()) return { last, removed: Result.succeed(false) }
    // What cannot be read can be removed.
    if (Result.isFailure(stored)) break
    last = stored.success
    if (Option.isNone(last)) return { last, removed: Result.succeed(false) }
    const removed = yield* Effect.result(answered(key, store.remove(key, { expected: last.value.version })))
    const isOther = Result.isFailure(removed) && removed.failure.reason._tag === "Conflict"
    if (!isOther) return { last, removed }
  }
  if (isOvertaken()) return { last, removed: Result.succeed(false) }
  return { last, removed: yield* Effect.result(answered(key, store.remove(key))) }
})
