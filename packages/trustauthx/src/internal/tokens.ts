/** What the service says about tokens, and what becomes of them (contract, section 3). */
import type { InvalidRequest, ProviderError } from "@latchkey/core/AuthError"
import { SessionExpired } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { TokenCheck, TokenPair, type Tokens as Given } from "../Tokens.ts"
import type { RefreshError, RevokeOptions, TokenError } from "../TrustAuthX.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import type { Ask, Parameter } from "./ask.ts"
import { Sendable } from "./claims.ts"
import * as WhatWasRefused from "./whatWasRefused.ts"

type Secret = Redacted.Redacted<string>

/** The token that ends, and no other. */
export interface Ending {
  readonly token: Secret
  readonly kind: "access" | "refresh"
}

export interface Tokens {
  readonly renew: (refreshToken: Secret) => Effect.Effect<TokenPair, RefreshError>
  readonly isGood: (accessToken: Secret) => Effect.Effect<boolean, ProviderError>
  readonly check: (tokens: Given) => Effect.Effect<TokenCheck, RefreshError>
  readonly end: (ending: Ending, all: boolean) => Effect.Effect<boolean, TokenError>
  readonly revoke: (tokens: RevokeOptions) => Effect.Effect<boolean, TokenError>
}

const decodePair = Schema.decodeUnknownOption(
  Schema.Struct({
    access_token: Sendable,
    refresh_token: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
)

export const make = (ask: Ask): Tokens => {
  const { send, where } = ask
  const refused = WhatWasRefused.make(ask)

  const renew = Effect.fnUntraced(function* (given: Secret): Effect.fn.Return<TokenPair, RefreshError> {
    const refreshToken = yield* Arguments.secret(where, "refreshToken", given)
    const value = yield* send(
      {
        method: "GET",
        path: "/api/user/me/access/token/",
        query: { first: [["RefreshToken", refreshToken]] }
      },
      Answer.value(where, { sent: "refresh" })
    ).pipe(Effect.catchTag("SessionExpired", refused))
    const { access_token, refresh_token } = yield* Answer.understood(where, decodePair(value))
    return new TokenPair({
      accessToken: Redacted.make(access_token),
      refreshToken: refresh_token ? Redacted.make(refresh_token) : refreshToken
    })
  })

  const isGood = Effect.fnUntraced(function* (given: Secret): Effect.fn.Return<boolean, ProviderError> {
    const token = yield* Arguments.secret(where, "accessToken", given)
    return yield* send(
      {
        method: "GET",
        path: "/api/user/me/auth/validate/token",
        query: { first: [["AccessToken", token]] }
      },
      Answer.verdict(where)
    )
  })

  const end = Effect.fnUntraced(function* (
    { kind, token: given }: Ending,
    all: boolean
  ): Effect.fn.Return<boolean, TokenError> {
    const token = yield* Arguments.secret(where, `${kind}Token`, given)
    const last: ReadonlyArray<Parameter> = [
      ["AccessToken", String(kind === "access")],
      ["SpecificTokenOnly", String(!all)]
    ]
    const value = yield* send(
      { method: "DELETE", path: "/api/user/me/token/", query: { first: [["Token", token]], last } },
      Answer.value(where, { sent: "token" })
    )
    return value !== false
  })

  const none: Effect.Effect<never, InvalidRequest> = Effect.suspend(() =>
    Arguments.invalid(where, "accessToken", "give an access token, or a refresh token")
  )

  return {
    renew,
    isGood,
    end,
    check: Effect.fnUntraced(function* (given) {
      yield* Arguments.tokens(where, given)
      const { accessToken: access, refreshToken: refresh } = given
      if (access === undefined && refresh === undefined) return yield* none
      if (refresh !== undefined) yield* Arguments.secret(where, "refreshToken", refresh)
      if (access !== undefined && (yield* isGood(access))) {
        return new TokenCheck({ state: true, access, refresh })
      }
      if (refresh === undefined) return yield* over(where)
      const { accessToken, refreshToken } = yield* renew(refresh)
      return new TokenCheck({ state: false, access: accessToken, refresh: refreshToken })
    }),
    revoke: Effect.fnUntraced(function* (given) {
      yield* Arguments.tokens(where, given)
      const { accessToken, all = false, refreshToken } = given
      if (accessToken !== undefined) return yield* end({ kind: "access", token: accessToken }, all)
      return yield* refreshToken === undefined ? none : end({ kind: "refresh", token: refreshToken }, all)
    })
  }
}

/** Neither token is good, or there is none to renew the session with. */
export const over = (where: Ask["where"]): SessionExpired =>
  new SessionExpired({ ...where, message: "no token is good any more: sign in again" })
