/**
 * Who signed in, as the service tells it.
 *
 * @since 0.1.0
 */
import type { Session } from "@latchkey/core/Session"
import * as Data from "effect/Data"
import type * as Redacted from "effect/Redacted"

/**
 * The answer to `getUser` and `reAuth`. Times are seconds since 1970 by the clock of the service; `session` has them by the local
 * one.
 *
 * @category models
 * @since 0.1.0
 */
export class User extends Data.Class<{
  readonly uid: string
  readonly email: string
  readonly accessToken: Redacted.Redacted<string>
  readonly refreshToken: Redacted.Redacted<string>
  /** What the service says the tokens are for, ids of roles perhaps among it; empty where it does not say. */
  readonly scope: ReadonlyArray<string>
  /** Any text. Null where the user has none. */
  readonly name: string | null
  /** The address of a picture. Null where the user has none. */
  readonly img: string | null
  /** May have a fraction. */
  readonly exp: number | undefined
  readonly refreshExp: number | undefined
  readonly iat: number | undefined
  readonly iss: string | undefined
  readonly jti: string | undefined
  readonly type: string | undefined
  /** To put into a store, or to keep alive with a `SessionRef`: its account is the `uid`. */
  readonly session: Session
}> {}

/**
 * The answer to `getUserData`. `uid`, `email` and `img` come from the top of the claims, or else from their `sub`.
 *
 * @category models
 * @since 0.1.0
 */
export class UserData extends Data.Class<{
  readonly uid: string | undefined
  readonly email: string | undefined
  readonly img: string | undefined
  /** All of them, as they came: tokens may be among them. */
  readonly claims: Redacted.Redacted<Readonly<Record<string, unknown>>>
}> {}
