/**
 * A sealing key that the keyring of the operating system keeps: Keychain, Credential Manager, or a Secret Service such as
 * gnome-keyring. Needs the optional peer `@napi-rs/keyring`.
 *
 * The keyring keeps 32 bytes, so its limits on size do not matter. The first who asks makes them, at random; of several who ask at once
 * all get the same. On Linux nothing but a Secret Service will do: what the kernel keeps is lost at the next start. Where the
 * keyring cannot be had, that is `Unavailable` with the reason in its message, within the time limit, and nothing is
 * written anywhere; there is no other key to fall back on.
 *
 * The library can stand still in a way that nothing in its process survives, so a process of its own asks, which takes about 0.1 s, a second more the first time, and is
 * killed when time is up: nothing is left behind, but a prompt of the desktop may stay open. If this program is killed
 * in that time, the process stays until the keyring answers. The key is made anew where the keyring has lost it: what was sealed
 * under the old one is `WrongKey` then. Whoever can use the keyring as this user, any program of theirs, can have the key.
 *
 * @since 0.1.0
 */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createRequire } from "node:module"
import { keyringKey } from "./internal/keyringKey.ts"
import type { SealingKey } from "./SealingKey.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The program, or the family of programs, that shares the key. Default: `latchkey`. */
  readonly service?: string
  /** Which of its keys. Default: `sealing key`. */
  readonly account?: string
  /** How long the keyring may take for its answer. Default: 3 s, too short for somebody to unlock it first. */
  readonly timeout?: Duration.Input
}

/**
 * Asks the keyring, once. Fails with `Unavailable`: the library is missing, there is no session bus, nobody on it keeps
 * secrets, the keyring is locked, it has not answered in time. Fails with `Corrupt` where something else is kept under this name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  account = "sealing key",
  service = "latchkey",
  timeout = Duration.seconds(3)
}: Options = {}): Effect.Effect<SealingKey, SessionStoreError, Scope.Scope> =>
  keyringKey({ account, service, timeout }, () => require.resolve("@napi-rs/keyring"))

/** Looks only: what is found is loaded by another process. */
const require = createRequire(import.meta.url)
