/** What a simulated service says to each request about users and their tokens (contract, section 3). */
import { empty, type HttpRequest, type HttpResponse, json } from "@latchkey/testing/HttpHandler"
import { redirect } from "./loginPage.ts"
import * as Magic from "./magic.ts"
import * as People from "./people.ts"
import { signed } from "./signed.ts"
import type { Tokens } from "./tokens.ts"

export interface Known {
  readonly tokens: Tokens
  readonly person: (uid: string) => People.Person | undefined
  /** Of the application that asks. */
  readonly secret: string
  readonly now: number
  readonly life: { readonly access: number; readonly refresh: number }
  /** Whether a visit to the page for settings changes something. */
  readonly edits: boolean
}

type Reply = (query: (name: string) => string, known: Known) => HttpResponse

const unknown: HttpResponse = json(401, { detail: "unknown" })

const codeFor =
  (kind: "login" | "settings", name: string): Reply =>
  (query, known) => {
    const { life, now, secret, tokens } = known
    const code = query(name)
    const magic = Magic.user(code, known)
    if (magic !== undefined) return magic
    const uid = tokens.spend(kind, code)
    const person = uid === undefined ? undefined : known.person(uid)
    if (person === undefined) return json(400, { detail: `invalid code ${code}` })
    return json(200, signed(People.userClaims(person, tokens.begin(person.uid, now), now, life), secret))
  }

const data: Reply = (query, { now, person, secret, tokens }) => {
  const token = query("AccessToken")
  const magic = Magic.data(token, secret)
  if (magic !== undefined) return magic
  const found = person(tokens.whose(token, now) ?? "")
  if (found === undefined) return unknown
  const { email, img, uid } = found
  return json(200, signed({ access_token: token, img, sub: JSON.stringify({ email, uid }) }, secret))
}

const renew: Reply = (query, { now, tokens }) => {
  const token = query("RefreshToken")
  const magic = Magic.pair(token)
  if (magic !== undefined) return magic
  const pair = tokens.renew(token, now)
  return pair === undefined
    ? unknown
    : json(200, { access_token: pair.accessToken, refresh_token: pair.refreshToken })
}

const validate: Reply = (query, { now, tokens }) => {
  const token = query("AccessToken")
  return Magic.check(token) ?? (tokens.whose(token, now) === undefined ? unknown : json(200, true))
}

const revoke: Reply = (query, { now, tokens }) => {
  const token = query("Token")
  const magic = Magic.check(token)
  if (magic !== undefined) return magic
  const kind = /^true$/i.test(query("AccessToken")) ? "access" : "refresh"
  const all = !/^true$/i.test(query("SpecificTokenOnly"))
  return tokens.revoke(token, kind, all, now) ? json(200, true) : unknown
}

const settings: Reply = (query, { edits, now, tokens }) => {
  const uid = tokens.whose(query("AccessToken"), now)
  const url = query("url")
  if (uid === undefined) return Magic.page(401, "Sign in again")
  if (!URL.canParse(url)) return Magic.page(422, "There is no way back")
  return edits
    ? redirect(url, { code: tokens.code("settings", uid), ac: "true" })
    : redirect(url, { ac: "false" })
}

const replies: Readonly<Record<string, readonly [method: string, reply: Reply]>> = {
  "/api/user/me/auth/data": ["GET", codeFor("login", "UserToken")],
  "/api/user/me/widget/re-auth/token": ["GET", codeFor("settings", "code")],
  "/api/user/me/data": ["GET", data],
  "/api/user/me/access/token/": ["GET", renew],
  "/api/user/me/auth/validate/token": ["GET", validate],
  "/api/user/me/token/": ["DELETE", revoke],
  "/api/user/me/settings/": ["GET", settings]
}

/** The other spelling of a path that there is: it is redirected to, as FastAPI does, with all that is secret in the query. */
const other = (path: string): string => (path.endsWith("/") ? path.slice(0, -1) : `${path}/`)

/** Undefined for a path that is not about users. */
export const reply = (request: HttpRequest, known: Known): HttpResponse | undefined => {
  const { method, path, query } = request
  const [wanted, answer] = replies[path] ?? []
  if (answer === undefined) {
    return replies[other(path)] && empty(307, { location: `${other(path)}${query}` })
  }
  if (method !== wanted) return json(405, { detail: "Method Not Allowed" })
  const given = new URLSearchParams(query)
  return answer((name) => given.get(name) ?? "", known)
}
