/** The session in an answer that grants one. */
import type { InvalidResponse } from "@latchkey/core/AuthError"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import * as Jwt from "@latchkey/jwt/Jwt"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Answer from "./answer.ts"
import type { Where } from "./arguments.ts"
import * as Claims from "./claims.ts"
import { whenItEnds } from "./whenItEnds.ts"
import * as Wire from "./wire.ts"

export interface Asked {
  /** Wall time before the request, in milliseconds. */
  readonly at: number
  /** The session that is renewed: its key stays. */
  readonly renewed?: Session
  /** The address that was signed in with. */
  readonly email?: string
  /** Whether the refresh token is in the answer. */
  readonly isTold: boolean
  /** The `Date` of the answer. */
  readonly date: string | undefined
  readonly namespace: string | undefined
}

const unusable = (where: Where, what: string) => Effect.fail(Answer.notUnderstood(where, what, 200))

export const session = Effect.fnUntraced(function* (
  where: Where,
  body: unknown,
  asked: Asked
): Effect.fn.Return<Session, InvalidResponse> {
  const found = Wire.grant(body)
  if (Option.isNone(found)) return yield* unusable(where, "the answer holds no session")
  const { accessToken, expiresIn, refreshToken, user } = found.value
  const decoded = yield* Jwt.decode(accessToken, { where }).pipe(
    Effect.catchTag("InvalidToken", () => unusable(where, "the access token in the answer is no JWT"))
  )
  const token = Claims.read(decoded, asked.namespace)
  const { renewed } = asked
  if (refreshToken === undefined && renewed === undefined && asked.isTold) {
    return yield* unusable(where, "the answer holds no refresh token; does the HTTP client send cookies?")
  }
  const id = Option.getOrUndefined(token.userId) ?? user.id
  if (id !== undefined && renewed?.account.id !== undefined && id !== renewed.account.id) {
    return yield* unusable(where, "the answer is of another account; does the HTTP client send cookies?")
  }
  const account = (user.email ?? asked.email)?.toLowerCase() ?? id
  const key = renewed?.key ?? (account !== undefined ? new SessionKey({ ...where, account }) : undefined)
  if (key === undefined) return yield* unusable(where, "the answer does not say whose session it is")
  const now = yield* DateTime.now
  const ends = whenItEnds({
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    expiresIn,
    date: asked.date,
    asked: asked.at,
    answered: DateTime.toEpochMillis(now)
  })
  const name = user.displayName ?? renewed?.account.name
  // One that came by a cookie does not make forgotten what is held.
  const kept = refreshToken ?? renewed?.refreshToken
  return new Session({
    key,
    accessToken,
    issuedAt: now,
    account: { roles: token.roles, ...(id !== undefined && { id }), ...(name !== undefined && { name }) },
    ...(kept !== undefined && { refreshToken: kept }),
    ...(Option.isSome(ends) && { expiresAt: ends.value })
  })
})
