/** How a whole session is renewed and ended. */
import type { InvalidRequest, ProviderError } from "@latchkey/core/AuthError"
import { Session } from "@latchkey/core/Session"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { RefreshError } from "../TrustAuthX.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import type { Ask } from "./ask.ts"
import { type Ending, over, type Tokens } from "./tokens.ts"

export interface Sessions {
  readonly refresh: (session: Session) => Effect.Effect<Session, RefreshError>
  readonly logout: (session: Session) => Effect.Effect<"Revoked", ProviderError>
}

export const make = ({ where }: Ask, tokens: Tokens): Sessions => {
  const isOurs = ({ key }: Session): Effect.Effect<void, InvalidRequest> =>
    key.provider === where.provider && key.instance === where.instance
      ? Effect.void
      : Arguments.invalid(where, "session", "the session is of another application: no token of it is sent")

  /** A token that the service does not take has ended before. */
  const ended = (ending: Ending): Effect.Effect<void, ProviderError> =>
    tokens.end(ending, false).pipe(
      Effect.catchTag("InvalidToken", () => Effect.succeed(true)),
      Effect.flatMap((done) =>
        done
          ? Effect.void
          : Effect.fail(Answer.notUnderstood(where, "the service says that it did not revoke the token"))
      )
    )

  return {
    refresh: Effect.fnUntraced(function* (session) {
      yield* isOurs(session)
      if (session.refreshToken === undefined) return yield* over(where)
      const { accessToken, refreshToken } = yield* tokens.renew(session.refreshToken)
      const { account, expiresAt, key, tokenType } = session
      const issuedAt = yield* DateTime.now
      return new Session({
        key,
        accessToken,
        refreshToken,
        tokenType,
        issuedAt,
        ...(expiresAt !== undefined && {
          expiresAt: DateTime.addDuration(issuedAt, DateTime.distance(session.issuedAt, expiresAt))
        }),
        account
      })
    }),
    logout: Effect.fnUntraced(function* (session): Effect.fn.Return<"Revoked", ProviderError> {
      yield* isOurs(session)
      const { accessToken, refreshToken } = session
      // Both, whatever becomes of the first: what is left open is what a thief could use.
      const told = [
        ...(refreshToken === undefined
          ? []
          : [yield* Effect.result(ended({ kind: "refresh", token: refreshToken }))]),
        ...(accessToken === undefined
          ? []
          : [yield* Effect.result(ended({ kind: "access", token: accessToken }))])
      ]
      yield* Effect.fromResult(Result.all(told))
      return "Revoked"
    })
  }
}
