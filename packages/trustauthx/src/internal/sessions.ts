/** How a whole session is renewed and ended. */
import { Session } from "@latchkey/core/Session"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { LogoutError, RefreshError, TrustAuthX } from "../TrustAuthX.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import type { Ask } from "./ask.ts"
import { endAfter } from "./claims.ts"
import { type Ending, over, type Tokens } from "./tokens.ts"
import * as WhatWasRefused from "./whatWasRefused.ts"

type Pair = Parameters<TrustAuthX["Service"]["withTokens"]>[1]

export interface Sessions {
  readonly withTokens: TrustAuthX["Service"]["withTokens"]
  readonly refresh: (session: Session) => Effect.Effect<Session, RefreshError>
  readonly logout: (session: Session) => Effect.Effect<"Revoked", LogoutError>
}

/** The service does not tell how long new tokens live: as long as those before, until it says otherwise. */
const goingOn = (before: Session, { accessToken, refreshToken }: Pair): Effect.Effect<Session> =>
  Effect.map(DateTime.now, (issuedAt) => {
    const { account, expiresAt, key, tokenType } = before
    const until =
      expiresAt && endAfter(issuedAt, Duration.toMillis(DateTime.distance(before.issuedAt, expiresAt)))
    return new Session({
      key,
      accessToken,
      refreshToken,
      tokenType,
      issuedAt,
      ...(until !== undefined && { expiresAt: until }),
      account
    })
  })

export const make = (ask: Ask, tokens: Tokens): Sessions => {
  const { where } = ask
  const refused = WhatWasRefused.make(ask)

  /** A token that the service does not take has ended before. */
  const ended = (ending: Ending): Effect.Effect<void, LogoutError> =>
    tokens.end(ending, false).pipe(
      Effect.catchTag("InvalidToken", refused),
      Effect.catchTag("InvalidToken", () => Effect.succeed(true)),
      Effect.flatMap((done) =>
        done
          ? Effect.void
          : Effect.fail(Answer.notUnderstood(where, "the service says that it did not revoke the token"))
      )
    )

  return {
    withTokens: (before, given) =>
      Effect.andThen(Arguments.session(where, before.key), goingOn(before, given)),
    refresh: Effect.fnUntraced(function* (session) {
      yield* Arguments.session(where, session.key)
      if (session.refreshToken === undefined) return yield* over(where)
      return yield* goingOn(session, yield* tokens.renew(session.refreshToken))
    }),
    logout: Effect.fnUntraced(function* (session): Effect.fn.Return<"Revoked", LogoutError> {
      yield* Arguments.session(where, session.key)
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
