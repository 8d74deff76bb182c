/** What each operation of `TrustAuthX` does. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { RoleChange, RoleUpdate } from "../RoleAssignment.ts"
import type { TokenError, TrustAuthX } from "../TrustAuthX.ts"
import type { User, UserData } from "../User.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import type { Ask } from "./ask.ts"
import * as Claims from "./claims.ts"
import type { Pages } from "./pages.ts"
import * as RoleChanges from "./roleChange.ts"
import * as Sessions from "./sessions.ts"
import * as Tokens from "./tokens.ts"
import { traced } from "./traced.ts"

type Secret = Redacted.Redacted<string>

export const make = (ask: Ask, pages: Pages): TrustAuthX["Service"] => {
  const { send, verify, where } = ask
  const tokens = Tokens.make(ask)
  const sessions = Sessions.make(ask, tokens)
  const change = RoleChanges.make(ask)

  /** The claims of an answer that is a JWT in a JSON string. */
  const claims = Effect.fnUntraced(function* (
    path: string,
    name: string,
    secret: Secret,
    sent: "code" | "token"
  ) {
    const request = { method: "GET", path, query: { first: [[name, secret]] } } as const
    const value = yield* send(request, Answer.value(where, { sent }))
    const jwt = yield* Answer.understood(where, Option.liftPredicate(value, Predicate.isString))
    return yield* verify(Redacted.make(jwt))
  })

  const exchange = (path: string, name: string) =>
    Effect.fnUntraced(function* (given: Secret): Effect.fn.Return<User, TokenError> {
      const code = yield* Arguments.secret(where, "code", given)
      const told = yield* claims(path, name, code, "code")
      return yield* Answer.understood(where, Claims.user(where, told, yield* DateTime.now))
    })

  const getUser = exchange("/api/user/me/auth/data", "UserToken")

  const reAuth = exchange("/api/user/me/widget/re-auth/token", "code")

  const getUserData = Effect.fnUntraced(function* (given: Secret): Effect.fn.Return<UserData, TokenError> {
    const token = yield* Arguments.secret(where, "accessToken", given)
    return Claims.userData(yield* claims("/api/user/me/data", "AccessToken", token, "token"))
  })

  return {
    name: "trustauthx",
    instance: where.instance,
    rotates: true,
    generateUrl: pages.login,
    generateEditUserUrl: pages.edit,
    getUser: (code) => traced("getUser", getUser(code)),
    reAuth: (code) => traced("reAuth", reAuth(code)),
    getUserData: (accessToken) => traced("getUserData", getUserData(accessToken)),
    getAccessTokenFromRefreshToken: (refreshToken) =>
      traced("getAccessTokenFromRefreshToken", tokens.renew(refreshToken)),
    validateAccessToken: (accessToken) => traced("validateAccessToken", tokens.isGood(accessToken)),
    validateTokenSet: (given) => traced("validateTokenSet", tokens.check(given)),
    revokeToken: (given) => traced("revokeToken", tokens.revoke(given)),
    attachRole: change("attachRole", ({ rolIds }: RoleChange) => ({ add: rolIds })),
    removeRole: change("removeRole", ({ rolIds }: RoleChange) => ({ remove: rolIds })),
    updateRole: change("updateRole", ({ add, remove }: RoleUpdate) => ({ add, remove })),
    withTokens: sessions.withTokens,
    refresh: (session) => traced("refresh", sessions.refresh(session)),
    logout: (session) => traced("logout", sessions.logout(session))
  }
}
