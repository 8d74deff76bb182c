/** `/auth/register` (contract, 3.2). */
import * as Effect from "effect/Effect"
import type { Account } from "./accounts.ts"
import * as Cookies from "./cookies.ts"
import * as Mails from "./mails.ts"
import * as Replies from "./replies.ts"
import { type Call, type Route, session, userOf, wantsCookie } from "./server.ts"
import * as Validation from "./validation.ts"

const HOUR = 60 * 60 * 1000

const reply = Effect.succeed

const isMember = (roles: ReadonlyArray<string>, all: ReadonlyArray<string>): boolean =>
  roles.every((role) => all.includes(role))

interface Roles {
  readonly allowed: ReadonlyArray<string>
  readonly byDefault: string
}

const rolesOf = ({ body, server }: Call): Roles | string => {
  const { defaultRole, roles } = server.settings
  const options = body?.["register_options"]
  const given = Validation.isMembers(options) ? options : {}
  const listed = given["allowed_roles"]
  const allowed = Array.isArray(listed) ? listed.map(String) : roles
  const byDefault = typeof given["default_role"] === "string" ? given["default_role"] : defaultRole
  if (!allowed.includes(byDefault)) return "Default role must be part of allowed roles."
  return isMember(allowed, roles) ? { allowed, byDefault } : "allowed roles must be a subset of ALLOWED_ROLES"
}

const fieldsOf = (data: unknown): Account["fields"] =>
  Validation.isMembers(data)
    ? Object.fromEntries(
        Object.entries(data).map(([name, value]) => [
          name,
          Array.isArray(value)
            ? `{${value.map((it) => JSON.stringify(String(it))).join(",")}}`
            : String(value)
        ])
      )
    : {}

export const register: Route = (call) => {
  const { body, now, server } = call
  const { activeAtOnce, customFields, minPasswordLength, verifyEmails, weakPasswords } = server.settings
  if (body === undefined) return reply(Replies.unforeseen)
  const declared = Object.fromEntries(customFields.map((name) => [name, { rule: () => undefined }]))
  const fault = Validation.faultOf(
    {
      email: { rule: Validation.email, required: true },
      password: { rule: Validation.text({ min: minPasswordLength, max: 128 }) },
      cookie: { rule: Validation.flag },
      user_data: { rule: Validation.object(declared) },
      register_options: { rule: Validation.roles }
    },
    body
  )
  if (fault !== undefined) return reply(Replies.error(400, fault))
  if (server.isDatabaseAway) return reply(Replies.broken)
  const email = String(body["email"])
  const taken = server.accounts.byEmail(email)
  if (taken !== undefined) {
    const state = taken.active ? "Account already exists." : "Account already exists but is not activated."
    return reply(Replies.error(400, state))
  }
  const password = typeof body["password"] === "string" ? body["password"] : undefined
  if (password !== undefined && weakPasswords.includes(password)) {
    return reply(Replies.error(400, "Password is too weak."))
  }
  const roles = rolesOf(call)
  if (typeof roles === "string") return reply(Replies.error(400, roles))
  const account = server.accounts.add({
    email,
    password,
    active: activeAtOnce,
    mfa: false,
    roles: roles.allowed,
    defaultRole: roles.byDefault,
    fields: fieldsOf(body["user_data"])
  })
  if (activeAtOnce || !verifyEmails)
    return session(call, account, { cookie: wantsCookie(body), clears: true })
  const ticket = server.accounts.mailTickets.issue(account.id, now + HOUR)
  if (password === undefined) Mails.sendLink(call, email, ticket, "register")
  else Mails.sendTicket(call, email, ticket)
  const pending = { jwt_token: null, jwt_expires_in: null, user: userOf(account) }
  return reply(Replies.json(200, pending, wantsCookie(body) ? {} : Cookies.cleared))
}
