/** `/auth/token/*`, `/auth/logout`, `/auth/change-password`, `/auth/jwks` (contract, 3.3 to 3.6 and 3.10). */
import * as Effect from "effect/Effect"
import type { Account } from "./accounts.ts"
import * as Cookies from "./cookies.ts"
import * as Replies from "./replies.ts"
import { bearer, type Call, type Route, session } from "./server.ts"
import * as Validation from "./validation.ts"

const reply = Effect.succeed

/** The cookie wins; a parameter that is repeated is none. */
const presented = ({ query, request }: Call) => {
  const cookie = Cookies.refreshToken(request)
  const [first, ...others] = query.getAll("refresh_token")
  return { token: cookie ?? first ?? "", byCookie: cookie !== undefined, isRepeated: others.length > 0 }
}

const isAccount = (account: Account | undefined): account is Account => account !== undefined

export const refresh: Route = (call) => {
  const { now, server } = call
  const { byCookie, isRepeated, token } = presented(call)
  if (isRepeated) return reply(Replies.error(400, '"refresh_token" must be a string'))
  if (token === "") return reply(Replies.deadToken)
  if (server.isDatabaseAway || !Validation.isGuid(token)) return reply(Replies.unforeseen)
  const { refreshTokens } = server.accounts
  const account = server.accounts.byId(refreshTokens.find(token, now))
  if (!isAccount(account) || !account.active) return reply(Replies.deadToken)
  refreshTokens.remove(token)
  return session(call, account, { cookie: byCookie, clears: false })
}

export const logout: Route = (call) => {
  const { body, now, server } = call
  if (body === undefined) return reply(Replies.unforeseen)
  const { byCookie, isRepeated, token } = presented(call)
  if (isRepeated) return reply(Replies.error(400, '"refresh_token" must be a string'))
  const fault = Validation.faultOf({ all: { rule: Validation.flag } }, body)
  if (fault !== undefined) return reply(Replies.error(400, fault))
  if (token === "") return reply(Replies.deadToken)
  const { refreshTokens } = server.accounts
  if (!server.isDatabaseAway) {
    const owner = refreshTokens.find(token, now)
    if (body["all"] === true && owner !== undefined) refreshTokens.removeAll(owner)
    refreshTokens.remove(token)
  }
  return reply(Replies.noContent(byCookie ? Cookies.cleared : {}))
}

const loggedIn = Effect.fnUntraced(function* (call: Call) {
  const found = yield* bearer(call)
  return found._tag === "Good" ? found.claims.sub : undefined
})

const MAX_PASSWORD = 128

export const changePassword: Route = Effect.fnUntraced(function* (call) {
  const { body, server } = call
  const id = yield* loggedIn(call)
  if (id === undefined) return Replies.notLoggedIn
  if (body === undefined) return Replies.unforeseen
  const rule = Validation.text({ min: server.settings.minPasswordLength, max: MAX_PASSWORD })
  const fault = Validation.faultOf({ old_password: { rule }, new_password: { rule } }, body)
  if (fault !== undefined) return Replies.error(400, fault)
  const { new_password, old_password } = body
  if (server.isDatabaseAway) return Replies.error(400, "the database said something")
  const account = server.accounts.byId(id)
  if (account === undefined || typeof old_password !== "string") return Replies.unforeseen
  if (account.password !== undefined && account.password !== old_password) {
    return Replies.error(401, "Incorrect current password.")
  }
  if (typeof new_password !== "string") return Replies.broken
  account.password = new_password
  return Replies.noContent()
})

export const revoke: Route = Effect.fnUntraced(function* (call) {
  const id = yield* loggedIn(call)
  if (id === undefined) return Replies.notLoggedIn
  if (call.server.isDatabaseAway) return Replies.unforeseen
  call.server.accounts.refreshTokens.removeAll(id)
  return Replies.noContent()
})

export const jwks: Route = () => reply(Replies.error(501, "JWKS is not implemented on this server."))
