/** What an instance says to each request. */
import { empty, type HttpRequest, type HttpResponse, json } from "@latchkey/testing/HttpHandler"
import type { Accounts } from "./accounts.ts"

const MAX_SECONDS = 365 * 24 * 60 * 60

/** As FastAPI does it, which repeats what came in. */
const unprocessable = (field: string, input: unknown): HttpResponse =>
  json(422, { detail: [{ type: "value_error", loc: ["body", field], msg: "not valid", input }] })

/** With operations that only look like the one. */
export const description = (loginPath: string) => ({
  openapi: "3.1.0",
  info: { title: "CryoSPARC", version: "5.0.3" },
  paths: {
    "/health": { get: { summary: "health", responses: {} } },
    "/login/keycloak": { post: { summary: "Login with Keycloak", responses: {} } },
    [loginPath]: { post: { summary: "login", responses: { 200: { description: "a token" } } } },
    "/users/me": { get: { summary: "me", responses: {} } }
  }
})

export const login = (request: HttpRequest, accounts: Accounts, now: number): HttpResponse => {
  const type = request.headers.get("content-type") ?? ""
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) return unprocessable("body", type)
  const form = new URLSearchParams(Buffer.from(request.body).toString("utf8"))
  const field = (name: string): string => form.get(name) ?? ""
  if (field("grant_type") !== "password") return unprocessable("grant_type", field("grant_type"))
  if (!/^\d+(?:\.\d+)?$/.test(field("expires_in"))) return unprocessable("expires_in", field("expires_in"))
  const seconds = Number(field("expires_in"))
  if (seconds > MAX_SECONDS) return unprocessable("expires_in", field("expires_in"))
  const token = accounts.login(field("username"), field("password"), now + seconds * 1000)
  return token === undefined
    ? json(401, { detail: "Incorrect username or password" })
    : json(200, { access_token: token, token_type: "bearer" })
}

export const me = (request: HttpRequest, accounts: Accounts, now: number): HttpResponse => {
  const [, token = ""] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? []
  const email = accounts.whose(token, now)
  return email === undefined ? json(401, { detail: "Not authenticated" }) : json(200, { email })
}

export const unknown: HttpResponse = json(404, { detail: "Not Found" })

export const wrongMethod: HttpResponse = empty(405)
