/**
 * Keys that sessions are sealed under: 32 bytes, given by whoever runs the program. See `PassphraseKey` for a key made from
 * a passphrase, and `KeyringKey` for one that the keyring of the operating system keeps.
 *
 * A key shows nothing of itself when printed. It belongs to the scope that it was made in, and cannot be used after it. What
 * JavaScript cannot wipe: the text that a key was given as, and the copy that the cipher works with, until the
 * garbage collector comes.
 *
 * @since 0.1.0
 */
import { SessionStoreError, WrongKey } from "@latchkey/core/SessionStoreError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { readKey } from "./internal/readKey.ts"
import { given, type Key } from "./internal/sealingKey.ts"

/**
 * Opaque: made here, in `PassphraseKey` or in `KeyringKey`, and given to `EncryptedSessionStore`.
 *
 * @category models
 * @since 0.1.0
 */
export type SealingKey = Key

/**
 * A key of 32 bytes, or their text in base64, base64url or hex, such as `openssl rand -base64 32` prints. Blanks around a
 * text do not matter. Fails with `WrongKey` for anything else: a passphrase is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  key: Redacted.Redacted<string> | Redacted.Redacted<Uint8Array>
): Effect.fn.Return<SealingKey, SessionStoreError, Scope.Scope> {
  const bytes = readKey(Redacted.value<string | Uint8Array>(key))
  if (bytes === undefined) {
    const message =
      "this is no sealing key: give 32 random bytes, or their base64 or hex, such as `openssl rand -base64 32` prints"
    return yield* SessionStoreError.because(where, new WrongKey({ message }))
  }
  return yield* given(bytes)
})

const where = { provider: "encrypted", instance: "key" }
