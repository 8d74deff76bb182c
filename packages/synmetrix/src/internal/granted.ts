/** The session in an answer that grants one. */
import type { InvalidResponse } from "@latchkey/core/AuthError"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import * as Jwt from "@latchkey/jwt/Jwt"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AccessToken } from "../AccessToken.ts"
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

/** Of a token that cannot be read nothing is known but what was known before. */
const unread = ({ account }: Session): Pick<AccessToken, "userId" | "roles" | "issuedAt" | "expiresAt"> => ({
  userId: Option.none(),
  roles: account.roles ?? [],
  issuedAt: Option.none(),
  expiresAt: Option.none()
})

export const session = Effect.fnUntraced(function* (
  where: Where,
  body: unknown,
  asked: Asked
): Effect.fn.Return<Session, InvalidResponse> {
  const found = Wire.grant(body)
  if (Option.isNone(found)) return yield* unusable(where, "the answer holds no session")
  const { accessToken, expiresIn, refreshToken, user } = found.value
  const { renewed } = asked
  const token = yield* Jwt.decode(accessToken, { where }).pipe(
    Effect.map((decoded) => Claims.read(decoded, asked.namespace)),
    Effect.catchTag("InvalidToken", () =>
      // The old refresh token is spent: the new one counts, whatever came beside it.
      renewed !== undefined && (refreshToken !== undefined || !asked.isTold)
        ? Effect.succeed(unread(renewed))
        : unusable(where, "the access token in the answer is no JWT")
    )
  )
  if (refreshToken === undefined && renewed === undefined && asked.isTold) {
    return yield* unusable(where, "the answer holds no refresh token; does the HTTP client send cookies?")
  }
  const before = renewed?.account.id
  const id = Option.getOrUndefined(token.userId) ?? user.id ?? before
  if (before !== undefined && id !== before) {
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
