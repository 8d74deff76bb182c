/** Where the links of mails lead: `/auth/magic-link`, `/auth/activate` (contract, 3.7 and 3.8). */
import * as Effect from "effect/Effect"
import * as Replies from "./replies.ts"
import { type Call, cookies, issueRefreshToken, type Route } from "./server.ts"
import * as Validation from "./validation.ts"

const reply = Effect.succeed

const members = (query: URLSearchParams) => Object.fromEntries(query)

const onwards = ({ server }: Call, token?: string): string => {
  const { redirect } = server.settings
  if (token === undefined) return redirect
  return `${redirect}${redirect.includes("?") ? "&" : "?"}refresh_token=${token}`
}

/** Spends the ticket of a mail, and activates its account. */
const activated = (call: Call, ticket: string, wantsCookie: boolean) => {
  const { now, server } = call
  const account = server.accounts.byId(server.accounts.mailTickets.find(ticket, now))
  if (account === undefined) return Replies.redirect(onwards(call))
  server.accounts.mailTickets.remove(ticket)
  account.active = true
  const token = issueRefreshToken(call, account)
  return Replies.redirect(onwards(call, token), wantsCookie ? cookies(call, account, token) : {})
}

export const magicLink: Route = (call) => {
  const { query, server } = call
  const fault = Validation.faultOf(
    {
      token: { rule: Validation.text(), required: true },
      action: { rule: Validation.oneOf("log-in", "register"), required: true },
      cookie: { rule: Validation.flag }
    },
    members(query)
  )
  if (fault !== undefined) return reply(Replies.error(400, fault))
  if (server.isDatabaseAway) return reply(Replies.unforeseen)
  const token = query.get("token") ?? ""
  if (query.get("action") === "register") {
    return reply(activated(call, token, query.get("cookie") !== "false"))
  }
  // Its end is not looked at here.
  return reply(
    server.accounts.refreshTokens.owner(token) === undefined
      ? Replies.unforeseen
      : Replies.redirect(onwards(call, token))
  )
}

export const activate: Route = (call) => {
  const { query, server } = call
  const fault = Validation.faultOf({ ticket: { rule: Validation.guid, required: true } }, members(query))
  if (fault !== undefined) return reply(Replies.error(400, fault))
  if (server.isDatabaseAway) return reply(Replies.unforeseen)
  return reply(activated(call, query.get("ticket") ?? "", true))
}
