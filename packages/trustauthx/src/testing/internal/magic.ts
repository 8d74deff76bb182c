/** Codes, tokens and user ids that always mean the same, as the checklist of the contract names them. */
import { empty, type HttpResponse, json, text } from "@latchkey/testing/HttpHandler"
import * as People from "./people.ts"
import { signed } from "./signed.ts"
import type { Tokens } from "./tokens.ts"

export const page = (status: number, title: string): HttpResponse =>
  text(status, "text/html; charset=utf-8", `<!doctype html><title>${title}</title><h1>${title}</h1>`)

/** As FastAPI says it, which repeats what came in. */
export const refused = (status: number, input = ""): HttpResponse => {
  switch (status) {
    case 204:
      return empty(204)
    case 422:
      return json(422, {
        detail: [{ type: "value_error", loc: ["query", "AccessToken"], msg: "not valid", input }]
      })
    case 429: {
      const { body, headers } = json(429, { detail: "slow down" })
      return { status, body, headers: { ...headers, "retry-after": "7" } }
    }
    case 502:
      return page(502, "Bad Gateway")
  }
  return json(status, { detail: `refused: ${input}` })
}

/** `at-500` is a token that is always answered with status 500, and so on. */
export const status = (given: string): HttpResponse | undefined => {
  const [, number] = /^(?:code|at|rt|uid)-([2-5]\d\d)$/.exec(given) ?? []
  return number === undefined ? undefined : refused(Number(number), given)
}

const bodies: Readonly<Record<string, HttpResponse>> = {
  null: json(200, null),
  number: json(200, 42),
  array: json(200, ["a", "b"]),
  object: json(200, { access: "no" }),
  empty: text(200, "application/json", ""),
  html: page(200, "Sign in to this network"),
  malformed: text(200, "application/json", '"eyJ'),
  notjwt: json(200, "not a token")
}

interface Context {
  readonly secret: string
  readonly tokens: Tokens
  readonly now: number
  readonly life: { readonly access: number; readonly refresh: number }
}

/** Answers to `get_user` and `re_auth`; undefined for an ordinary code. */
export const user = (code: string, { life, now, secret, tokens }: Context): HttpResponse | undefined => {
  const [, name = ""] = /^code-(\w+)$/.exec(code) ?? []
  const body = Object.hasOwn(bodies, name) ? bodies[name] : status(code)
  if (body !== undefined) return body
  const answer = (change: object = {}, drop?: string, alg?: string, key = secret) => {
    const person = name === "zoe" ? People.zoe : People.ann
    const claims = { ...People.userClaims(person, tokens.begin(person.uid, now), now, life), ...change }
    const kept = Object.entries(claims).filter(([claim]) => claim !== drop)
    return json(200, signed(Object.fromEntries(kept), key, alg))
  }
  const seconds = Math.floor(now / 1000)
  switch (name) {
    case "zoe":
      return answer()
    case "badsig":
      return answer({}, undefined, "HS256", `${secret}!`)
    case "none":
      return answer({}, undefined, "none")
    case "hs512":
      return answer({}, undefined, "HS512")
    case "rs256":
      return answer({}, undefined, "RS256")
    case "expired":
      return answer({ iat: seconds - 3610, exp: seconds - 9.5 })
    case "notyet":
      return answer({ nbf: seconds + 600 })
    case "aud":
      return answer({ aud: "somebody else" })
    case "objsub":
      return answer({ sub: { email: "ann@example.com", uid: "uid_ann" } })
    case "nosub":
      return answer({}, "sub")
    case "badsub":
      return answer({ sub: "ann@example.com" })
    case "nouid":
      return answer({ sub: JSON.stringify({ email: "ann@example.com" }) })
    case "norefresh":
      return answer({}, "refresh_token")
    case "extra":
      return answer({ theme: "dark", nested: { any: ["thing"] } })
    case "noscope":
      return answer({}, "scope")
    case "listscope":
      return answer({ scope: ["profile", "email"] })
    case "noexp":
      return answer({}, "exp")
  }
  return undefined
}

/** Answers to `get_access_token_from_refresh_token`; undefined for an ordinary token. */
export const pair = (token: string): HttpResponse | undefined => {
  switch (token) {
    case "rt-norefresh":
      return json(200, { access_token: "at-valid" })
    case "rt-noaccess":
      return json(200, { refresh_token: "rt-valid" })
    case "rt-nulls":
      return json(200, { access_token: null, refresh_token: null })
    case "rt-array":
      return json(200, ["at-valid", "rt-valid"])
    case "rt-null":
      return json(200, null)
    case "rt-malformed":
      return text(200, "application/json", '{"access_token": "at')
  }
  return status(token)
}

/** Claims of `get_user_data` in the two places that they may stand in. */
export const data = (token: string, secret: string): HttpResponse | undefined => {
  const { email, img, uid } = People.ann
  const tokens = { access_token: token, refresh_token: "rt-valid" }
  switch (token) {
    case "at-subonly":
      return json(200, signed({ ...tokens, img, sub: JSON.stringify({ email, uid }) }, secret))
    case "at-toponly":
      return json(200, signed({ ...tokens, img, email, uid }, secret))
    case "at-badsig":
      return json(200, signed({ ...tokens, email, uid }, `${secret}!`))
  }
  return status(token)
}

/** Answers to checks and revocations. */
export const check = (token: string): HttpResponse | undefined => {
  switch (token) {
    case "at-html":
      return bodies["html"]
    case "at-false":
      return json(200, false)
  }
  return status(token)
}

/** What `X-EDGE` says to some tokens. */
export const edge = (token: string): string | undefined =>
  token === "at-edgebad" ? "many" : token === "at-edgeneg" ? "-1" : token === "at-edge99" ? "99" : undefined
