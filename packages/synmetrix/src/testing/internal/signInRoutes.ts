/** `/auth/login` and `/auth/mfa/totp` (contract, 3.1 and 3.9). */
import * as Effect from "effect/Effect"
import * as Mails from "./mails.ts"
import * as Replies from "./replies.ts"
import { issueRefreshToken, cookies, type Route, session, wantsCookie } from "./server.ts"
import * as Validation from "./validation.ts"

const HOUR = 60 * 60 * 1000

/** What every authenticator of the accounts with a second factor shows. */
export const CODE = "123456"

const reply = Effect.succeed

export const login: Route = (call) => {
  const { body, now, server } = call
  if (body === undefined) return reply(Replies.unforeseen)
  const fault = Validation.faultOf(
    {
      email: { rule: Validation.email, required: true },
      password: { rule: Validation.text() },
      cookie: { rule: Validation.flag }
    },
    body
  )
  if (fault !== undefined) return reply(Replies.error(400, fault))
  const account = server.isDatabaseAway ? undefined : server.accounts.byEmail(String(body["email"]))
  if (account === undefined) return reply(Replies.error(400, "Account does not exist."))
  if (body["password"] === undefined) {
    // The live token goes out with the answer before anybody has opened the mail.
    const token = issueRefreshToken(call, account)
    const headers = wantsCookie(body) ? cookies(call, account, token) : {}
    if (server.isMailAway)
      return reply({ ...Replies.broken, headers: { ...Replies.broken.headers, ...headers } })
    Mails.sendLink(call, account.email, token, "log-in")
    return reply(Replies.json(200, { magicLink: true }, headers))
  }
  if (!account.active) return reply(Replies.error(400, "Account is not activated."))
  if (account.password === undefined) return reply(Replies.unforeseen)
  if (account.password !== body["password"]) {
    return reply(Replies.error(401, "Username and password do not match"))
  }
  if (account.mfa) {
    return reply(
      Replies.json(200, { mfa: true, ticket: server.accounts.mfaTickets.issue(account.id, now + HOUR) })
    )
  }
  return session(call, account, { cookie: wantsCookie(body), clears: true })
}

export const totp: Route = (call) => {
  const { body, now, server } = call
  if (body === undefined) return reply(Replies.unforeseen)
  const fault = Validation.faultOf(
    {
      ticket: { rule: Validation.guid, required: true },
      code: { rule: Validation.text({ length: CODE.length }), required: true },
      cookie: { rule: Validation.flag }
    },
    body
  )
  if (fault !== undefined) return reply(Replies.error(400, fault))
  if (server.isDatabaseAway) return reply(Replies.unforeseen)
  const ticket = String(body["ticket"])
  const account = server.accounts.byId(server.accounts.mfaTickets.find(ticket, now))
  if (account === undefined) return reply(Replies.error(401, "Invalid or expired ticket."))
  if (body["code"] !== CODE) return reply(Replies.error(401, "Invalid two-factor code."))
  server.accounts.mfaTickets.remove(ticket)
  return session(call, account, { cookie: wantsCookie(body), clears: true })
}
