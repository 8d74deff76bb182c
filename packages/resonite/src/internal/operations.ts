/** What each operation of the service does, over any channel. */
import { FailedPrecondition, type InvalidRequest, SessionExpired } from "@latchkey/core/AuthError"
import type { Revocation } from "@latchkey/core/Provider"
import type { Session } from "@latchkey/core/Session"
import type { GrpcChannel } from "@latchkey/grpc"
import * as Effect from "effect/Effect"
import type { Options, Resonite } from "../Resonite.ts"
import type { StatusError } from "../SignIn.ts"
import * as Arguments from "./arguments.ts"
import * as Changes from "./changes.ts"
import * as Conversation from "./conversation.ts"
import * as Sessions from "./session.ts"
import type { Where } from "./where.ts"

export const make = Effect.fnUntraced(function* (
  channel: GrpcChannel.GrpcChannel,
  where: Where,
  { timeout }: Pick<Options, "timeout">
): Effect.fn.Return<Resonite["Service"], InvalidRequest> {
  if (timeout !== undefined) yield* Arguments.duration(where, "timeout", timeout)
  const game = Conversation.make(channel, where, timeout)

  const status: Resonite["Service"]["status"] = (options) => traced("Resonite.status")(game.status(options))

  /** A session of another game is not asked about here. */
  const isHere = ({ key }: Session): Effect.Effect<void, FailedPrecondition> =>
    key.provider === where.provider && key.instance === where.instance
      ? Effect.void
      : Effect.fail(
          new FailedPrecondition({
            ...where,
            precondition: "OtherInstance",
            message: `the session is of ${key.provider} ${key.instance}; use the client of that game`
          })
        )

  return {
    login: (credentials, options) => traced("Resonite.login")(game.login(credentials, options)),
    logout: (options) => traced("Resonite.logout")(game.logout(options)),
    status,
    changes: (options) =>
      Changes.make(
        status(),
        Arguments.duration(where, "interval", options?.interval ?? Changes.DEFAULT_INTERVAL)
      ),
    signIn: Effect.fnUntraced(function* (credentials, options) {
      const won = yield* game.login(credentials, options)
      return yield* Sessions.won(where, won)
    }, traced("Resonite.signIn")),
    provider: {
      name: where.provider,
      instance: where.instance,
      rotates: false,
      refresh: Effect.fnUntraced(function* (session) {
        yield* isHere(session)
        const now = yield* game.status()
        const owner = now.loggedIn ? Sessions.ownerOf(session, now) : "Nobody"
        if (owner === "Same") return yield* Sessions.seen(session, now)
        if (owner === "Unknown") return session
        return yield* new SessionExpired({
          ...where,
          message: now.loggedIn
            ? "somebody else is signed in to the game now; sign in again"
            : "the game is signed out, or has just started; sign in again"
        })
      }, traced("Resonite.refresh")),
      logout: Effect.fnUntraced(function* (session): Effect.fn.Return<Revocation, StatusError> {
        yield* isHere(session)
        const now = yield* game.status()
        // A game that is starting says that it is logged out: only its logout tells.
        if (!now.loggedIn || Sessions.ownerOf(session, now) !== "Other") yield* game.logout()
        return "Revoked"
      }, traced("Resonite.revoke"))
    }
  }
})

/** A span without a stack: the failures have their own. */
const traced =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withSpan(effect, name, { captureStackTrace: false })
