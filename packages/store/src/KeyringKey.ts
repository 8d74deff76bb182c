/**
 * A sealing key that the keyring of the operating system keeps: Keychain, Credential Manager, or a Secret Service such as
 * gnome-keyring. Needs the optional peer `@napi-rs/keyring`.
 *
 * The keyring keeps 32 bytes, so its limits on size do not matter. The first who asks makes them, at random; of several who ask at once
 * all get the same, unless the keyring takes longer than half a second to write. On Linux nothing but a Secret Service will do: what
 * the kernel keeps is lost at the next start. Where the keyring cannot be had, that is `Unavailable` with the reason in its
 * message, within the time limit; there is no other key to fall back on, so no session is written.
 *
 * The library can stand still in a way that nothing in its process survives. So another process of Node asks, which takes
 * about 0.1 s, a second more the first time, and is killed when time is up; a prompt of the desktop may stay open. If this
 * program is killed meanwhile, that process stays until the keyring answers. It is `process.execPath` that is started: a
 * program packed into one file with its own Node, or into Electron, gets its key in another way.
 *
 * The key is made anew where the keyring has lost it: what was sealed under the old one is `WrongKey` then. Whoever can use the
 * keyring as this user, any program of theirs, can have the key.
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
 * secrets, the keyring is locked, it has not answered in time, no process can be started. Fails with `Corrupt` where something else is kept under this name.
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
