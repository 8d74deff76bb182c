/** What a sealing key can do, wherever it comes from. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Aead from "effect/crypto/Aead"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { type Head, idOf, type Origin } from "./sealedText.ts"

export const KEY_BYTES = 32

/** A key as it is used, and what a text says that was sealed with it. */
export interface Secret {
  readonly head: Head
  readonly key: Redacted.Redacted<Aead.Key<typeof Aead.xchacha20Poly1305>>
}

export interface Key {
  /** `seen`: how an entry that is there was sealed, for keys that would rather go on with that than begin anew. */
  readonly toSeal: (
    seen: Effect.Effect<Option.Option<Head>, SessionStoreError>
  ) => Effect.Effect<Secret, SessionStoreError>
  /** None where it is not the key that has sealed. */
  readonly toOpen: (head: Head) => Effect.Effect<Option.Option<Secret>, SessionStoreError>
}

/** Takes the bytes over and wipes them. */
export const secret = Effect.fnUntraced(function* (
  bytes: Uint8Array,
  origin: Origin
): Effect.fn.Return<Secret> {
  const made: Secret = {
    head: { id: idOf(bytes), origin },
    // They are 32: anything else is a bug.
    key: Redacted.make(yield* Effect.orDie(Aead.key(Aead.xchacha20Poly1305, bytes)), { label: "sealing key" })
  }
  bytes.fill(0)
  return made
})

/** Leaves only what the garbage collector has not yet got. Whoever uses the key from then on gets a defect. */
export const wipe = ({ key }: Secret): void => void Redacted.wipeUnsafe(key)

/** A key of which there is one only. */
export const given = (bytes: Uint8Array): Effect.Effect<Key, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(secret(bytes, { _tag: "Given" }), (only) => Effect.sync(() => wipe(only))),
    (only) => ({
      toSeal: () => Effect.sync(() => only),
      toOpen: ({ id, origin }) =>
        Effect.sync(() =>
          origin._tag === "Given" && id === only.head.id ? Option.some(only) : Option.none()
        )
    })
  )
