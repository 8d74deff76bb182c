/** The simulated server itself, asked without the client: what the contract says of the real one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { Synmetrix } from "../src/index.ts"
import { AuthServer, SynmetrixTest } from "../src/testing.ts"
import { value } from "./support/tokens.ts"

const ORIGIN = "http://localhost:3000"

const ada = { email: "ada@example.com", password: Redacted.make("correct-horse") }

const ask = (line: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const [method = "", path = ""] = line.split(" ")
    const http = yield* HttpClient.HttpClient
    const bare =
      method === "GET"
        ? HttpClientRequest.get(`${ORIGIN}${path}`)
        : HttpClientRequest.post(`${ORIGIN}${path}`)
    const request = HttpClientRequest.setHeaders(
      body === undefined
        ? bare
        : HttpClientRequest.bodyText(
            bare,
            typeof body === "string" ? body : JSON.stringify(body),
            "application/json"
          ),
      headers
    )
    const response = yield* http.execute(request)
    const told = yield* response.text
    const isJson = response.headers["content-type"]?.startsWith("application/json")
    const json: unknown = isJson ? JSON.parse(told) : told
    return { status: response.status, headers: response.headers, cookies: response.cookies, json }
  })

const said = (statusCode: number, error: string, message?: string) => ({
  statusCode,
  error,
  ...(message !== undefined && { message })
})

const failed = (code: string, message: string) => ({
  errors: [{ extensions: { path: "$", code }, message }]
})

const text = (part: string | undefined) => Buffer.from(part ?? "", "base64url").toString()

const test = <E>(
  name: string,
  program: Effect.Effect<void, E, Synmetrix | AuthServer | HttpClient.HttpClient>,
  options?: Parameters<typeof SynmetrixTest.layer>[0]
) => it.effect(name, () => Effect.provide(program, SynmetrixTest.layer(options)))

describe("AuthServer", () => {
  test(
    "validates as the real one, one fault at a time",
    Effect.gen(function* () {
      for (const [line, body, message] of [
        ["POST /auth/login", {}, '"email" is required'],
        ["POST /auth/login", { email: 7 }, '"email" must be a string'],
        ["POST /auth/login", { email: "a@x.test" }, '"email" must be a valid email'],
        ["POST /auth/login", { email: "a@localhost" }, '"email" must be a valid email'],
        ["POST /auth/login", { ...ada, password: "" }, '"password" is not allowed to be empty'],
        ["POST /auth/login", { ...ada, password: null }, '"password" must be a string'],
        ["POST /auth/login", { email: "a@b.com", cookie: 1 }, '"cookie" must be a boolean'],
        ["POST /auth/login", { email: "a@b.com", foo: 1 }, '"foo" is not allowed'],
        [
          "POST /auth/register",
          { email: "a@b.com", password: "abc" },
          '"password" length must be at least 6 characters long'
        ],
        ["POST /auth/register", { email: "a@b.com", user_data: { x: 1 } }, '"user_data.x" is not allowed'],
        ["POST /auth/logout?refresh_token=x", { all: "yes" }, '"all" must be a boolean'],
        ["POST /auth/mfa/totp", { ticket: "x", code: "123456" }, '"ticket" must be a valid GUID'],
        ["GET /auth/activate?ticket=x", undefined, '"ticket" must be a valid GUID'],
        [
          "GET /auth/activate?ticket=0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77&cookie=false",
          undefined,
          '"cookie" is not allowed'
        ],
        [
          "GET /auth/magic-link?token=0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77&action=x",
          undefined,
          '"action" must be one of [log-in, register]'
        ]
      ] as const) {
        const { json, status } = yield* ask(line, body)
        assert.deepStrictEqual([status, json], [400, said(400, "Bad Request", message)], message)
      }
      for (const body of ["{", "[]", `"${"x".repeat(100 * 1024)}"`]) {
        const { json } = yield* ask("POST /auth/login", body)
        assert.deepStrictEqual(json, said(400, "Bad Request"))
      }
      const form = yield* ask("POST /auth/login", "email=a@b.com", { "content-type": "text/plain" })
      assert.deepStrictEqual(form.json, said(400, "Bad Request", '"email" is required'))
    })
  )

  test(
    "routes as the real one behind its proxy",
    Effect.gen(function* () {
      for (const [line, status] of [
        ["POST //auth/login", 404],
        ["POST /auth/token/refresh", 404],
        ["GET /auth/nothing", 404],
        ["POST /AUTH/Login/", 400],
        ["GET /anything", 200],
        ["POST /anything", 405],
        ["GET /auth/jwks", 501]
      ] as const) {
        assert.strictEqual((yield* ask(line, line.startsWith("POST") ? {} : undefined)).status, status, line)
      }
      const page = yield* ask("GET /anything")
      assert.strictEqual(page.headers["content-type"], "text/html")
      assert.include(String(page.json), "<!doctype html>")
      const { headers } = yield* ask("POST /auth/login", {})
      assert.strictEqual(headers["content-type"], "application/json; charset=utf-8")
      assert.include(headers["cache-control"] ?? "", "no-store")
    })
  )

  test(
    "sets two cookies unless told not to, believes a cookie before the query, and clears both",
    Effect.gen(function* () {
      const body = { email: "ada@example.com", password: "correct-horse" }
      const login = yield* ask("POST /auth/login", body)
      assert.notProperty(login.json, "refresh_token")
      const cookies = new Map(Object.entries(login.cookies.cookies).map(([name, cookie]) => [name, cookie]))
      assert.deepStrictEqual([...cookies.keys()].toSorted(), ["permission_variables", "refresh_token"])
      const cookie = cookies.get("refresh_token")
      assert.deepInclude(cookie?.options, { path: "/", httpOnly: true, sameSite: "lax" })
      const permissions: unknown = JSON.parse(cookies.get("permission_variables")?.value ?? "")
      assert.deepInclude(permissions, { "allowed-roles": ["user"], "default-role": "user" })
      // As a word, false is true.
      assert.notProperty((yield* ask("POST /auth/login", { ...body, cookie: "false" })).json, "refresh_token")
      const without = yield* ask("POST /auth/login", { ...body, cookie: false })
      assert.property(without.json, "refresh_token")
      assert.strictEqual(without.cookies.cookies["refresh_token"]?.value, "")
      const renewed = yield* ask("GET /auth/token/refresh?refresh_token=not-a-uuid", undefined, {
        cookie: `a=b; refresh_token=${cookie?.value}`
      })
      assert.strictEqual(renewed.status, 200)
      assert.notProperty(renewed.json, "refresh_token")
      assert.notStrictEqual(renewed.cookies.cookies["refresh_token"]?.value, cookie?.value)
    })
  )

  test(
    "hands out a live cookie to whoever asks for a magic link and does not refuse it",
    Effect.gen(function* () {
      const server = yield* AuthServer
      yield* server.setMailAway(true)
      const { cookies, status } = yield* ask("POST /auth/login", { email: "ada@example.com" })
      assert.strictEqual(status, 500)
      const token = cookies.cookies["refresh_token"]?.value
      assert.strictEqual((yield* ask(`GET /auth/token/refresh?refresh_token=${token}`)).status, 200)
      const safe = yield* ask("POST /auth/login", { email: "ada@example.com", cookie: false })
      assert.deepStrictEqual(safe.cookies.cookies, {})
    })
  )

  test(
    "leads a link of a mail back with a token, or without one where it is dead",
    Effect.gen(function* () {
      const server = yield* AuthServer
      const redirect = "https://app.example.com/?from=mail"
      const opened = (link: string) =>
        Effect.map(ask(`GET ${link}`), ({ cookies, headers, status }) => ({
          status,
          location: headers["location"],
          names: Object.keys(cookies.cookies).toSorted()
        }))
      const failed = { status: 302, location: redirect, names: [] }
      const both = ["permission_variables", "refresh_token"]
      for (const token of ["0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77", "odd"]) {
        const { json, status } = yield* ask(`GET /auth/magic-link?token=${token}&action=log-in`)
        assert.deepStrictEqual([status, json], [400, said(400, "Bad Request")], token)
        assert.deepStrictEqual(yield* opened(`/auth/magic-link?token=${token}&action=register`), failed)
      }
      const dead = "/auth/activate?ticket=0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77"
      assert.deepStrictEqual(yield* opened(dead), failed)
      const linkOf = Effect.map(server.outbox, (mails) => {
        const { pathname, search } = new URL(mails.at(-1)?.link ?? "")
        return `${pathname}${search}`
      })
      yield* ask("POST /auth/login", { email: "ada@example.com", cookie: false })
      const login = yield* linkOf
      yield* server.elapse("31 days")
      const token = new URLSearchParams(login.split("?")[1]).get("token")
      // The token of the mail itself, as often as it is opened, and whatever its age: it is the renewal that looks.
      for (let times = 0; times < 2; times++) {
        assert.deepStrictEqual(yield* opened(login), {
          status: 302,
          location: `${redirect}&refresh_token=${token}`,
          names: []
        })
      }
      assert.strictEqual((yield* ask(`GET /auth/token/refresh?refresh_token=${token}`)).status, 401)
      for (const [email, query, names] of [
        ["one@example.com", "", both],
        ["two@example.com", "&cookie=false", []]
      ] as const) {
        yield* ask("POST /auth/register", { email, cookie: false })
        const link = yield* linkOf
        const first = yield* opened(`${link}${query}`)
        assert.deepStrictEqual([first.status, first.names], [302, names])
        assert.match(first.location ?? "", /\?from=mail&refresh_token=[\da-f-]{36}$/)
        assert.deepStrictEqual(yield* opened(link), failed)
      }
      yield* ask("POST /auth/register", { email: "three@example.com", password: "long-enough" })
      yield* server.elapse("60 minutes")
      assert.deepStrictEqual(yield* opened(yield* linkOf), failed)
    }),
    { activeAtOnce: false, verifyEmails: true, redirect: "https://app.example.com/?from=mail" }
  )

  test(
    "refuses keys that it does not know in every operation, and tickets after an hour",
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
      const ticket = "0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77"
      const headers = { authorization: `Bearer ${value(session.accessToken)}` }
      for (const [path, body] of [
        ["login", { email: ada.email }],
        ["register", { email: "new@example.com" }],
        ["logout?refresh_token=x", { all: true }],
        ["change-password", { old_password: "correct-horse", new_password: "battery-staple" }],
        ["mfa/totp", { ticket, code: "123456" }]
      ] as const) {
        const { json } = yield* ask(`POST /auth/${path}`, { ...body, foo: 1 }, headers)
        assert.deepStrictEqual(json, said(400, "Bad Request", '"foo" is not allowed'), path)
      }
      yield* server.addAccount({ ...ada, email: "mfa@example.com", mfa: true })
      const step = yield* synmetrix.login({ ...ada, email: "mfa@example.com" })
      if (step._tag !== "SecondFactorRequired") return assert.fail(step._tag)
      yield* server.elapse("60 minutes")
      const late = yield* ask("POST /auth/mfa/totp", { ticket: value(step.ticket), code: "123456" })
      assert.deepStrictEqual(late.json, said(401, "Unauthorized", "Invalid or expired ticket."))
    })
  )

  test(
    "limits requests, and says for how long",
    Effect.gen(function* () {
      const server = yield* AuthServer
      yield* ask("POST /auth/login", {})
      yield* server.elapse("5 minutes")
      const { headers, json, status } = yield* ask("POST /auth/login", {})
      assert.deepStrictEqual(
        [status, json],
        [429, said(429, "Too Many Requests", "You are being rate limited.")]
      )
      assert.strictEqual(headers["retry-after"], "600")
      assert.strictEqual(headers["x-ratelimit-limit"], "1")
      assert.strictEqual(headers["x-ratelimit-remaining"], "0")
      assert.strictEqual(headers["x-ratelimit-reset"], "900")
      yield* server.elapse("10 minutes")
      assert.strictEqual((yield* ask("POST /auth/login", {})).status, 400)
    }),
    { rateLimit: 1 }
  )

  test(
    "revokes by the access token, and disguises a database that is away",
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
      const authorization = `Bearer ${value(session.accessToken)}`
      assert.deepStrictEqual(
        (yield* ask("POST /auth/token/revoke")).json,
        said(401, "Unauthorized", "Not logged in")
      )
      yield* server.setDatabaseAway(true)
      const refresh = `GET /auth/token/refresh?refresh_token=${value(session.refreshToken)}`
      for (const [line, status] of [
        ["POST /auth/token/revoke", 400],
        [refresh, 400],
        [`POST /auth/logout?refresh_token=${value(session.refreshToken)}`, 204],
        ["POST /auth/change-password", 400]
      ] as const) {
        assert.strictEqual(
          (yield* ask(line, line.startsWith("POST") ? {} : undefined, { authorization })).status,
          status
        )
      }
      yield* server.setDatabaseAway(false)
      // Nothing was deleted, nor is it by a token that is not live.
      yield* ask("POST /auth/logout?refresh_token=0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77", { all: true })
      assert.strictEqual(yield* server.refreshTokens, 1)
      assert.strictEqual((yield* ask("POST /auth/token/revoke", {}, { authorization })).status, 204)
      assert.strictEqual((yield* ask(refresh)).status, 401)
      assert.strictEqual((yield* ask(`${refresh}&refresh_token=x`)).status, 400)
      assert.strictEqual((yield* ask("POST /auth/logout?refresh_token=x&refresh_token=y", {})).status, 400)
    })
  )

  test(
    "answers GraphQL as Hasura does",
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
      const authorization = `Bearer ${value(session.accessToken)}`
      const query = { query: "{ me { id } }" }
      const graphql = (headers: Readonly<Record<string, string>>) =>
        Effect.map(ask("POST /v1/graphql", query, headers), ({ json, status }) => {
          assert.strictEqual(status, 200)
          return json
        })
      assert.deepStrictEqual(yield* graphql({ authorization }), {
        data: { me: [{ id: session.account.id }] }
      })
      yield* server.setResolver(({ query, role, variables }) => ({ query, role, variables }))
      assert.deepStrictEqual(yield* graphql({ authorization }), {
        data: { query: query.query, role: "user", variables: {} }
      })
      assert.deepInclude(
        yield* graphql({}),
        failed("access-denied", "x-hasura-admin-secret required, but not found")
      )
      assert.deepInclude(
        yield* graphql({ authorization, "x-hasura-role": "admin" }),
        failed("access-denied", "Your requested role is not in allowed roles")
      )
      yield* server.elapse("7.5 days")
      assert.deepStrictEqual(
        yield* graphql({ authorization }),
        failed("invalid-jwt", "Could not verify JWT: JWTExpired")
      )
      yield* server.elapse("-7.5 days")
      yield* server.changeKey
      assert.deepInclude(
        yield* graphql({ authorization }),
        failed("invalid-jwt", "Could not verify JWT: JWSError JWSInvalidSignature")
      )
    })
  )

  test(
    "signs tokens of the real form, with a key that a test may use",
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
      const token = session.accessToken ?? Redacted.make("")
      const [header, payload] = value(token).split(".")
      assert.strictEqual(text(header), '{"alg":"HS256"}')
      const id = session.account.id
      assert.strictEqual(
        text(payload),
        JSON.stringify({
          hasura: {
            "x-hasura-user-id": id,
            "x-hasura-allowed-roles": ["user"],
            "x-hasura-default-role": "user"
          },
          sub: id,
          iss: "nhost",
          iat: 0,
          exp: 648_000
        })
      )
      const { verified } = yield* synmetrix.verifyAccessToken(token, { key: yield* server.key })
      assert.isTrue(verified)
    })
  )
})
