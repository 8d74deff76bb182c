import { assert, describe, type Vitest } from "@effect/vitest"
import { type AuthError, Session, SessionKey } from "@latchkey/core"
import type { HttpRequest } from "@latchkey/testing/HttpHandler"
import { Clock, DateTime, Effect, type Layer, Option, Redacted, type Scope } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { type Options as ClientOptions, Synmetrix } from "../../src/index.ts"
import { AuthServer } from "../../src/testing.ts"
import type * as AuthServers from "../../src/testing/AuthServer.ts"
import { fails } from "../../../../test/support/fails.ts"
import { bodyOf, queryOf } from "./sent.ts"
import { value } from "./tokens.ts"

export interface SuiteOptions extends AuthServers.Options {
  readonly client?: Pick<ClientOptions, "cookie" | "logoutAll" | "claimsNamespace">
}

const password = Redacted.make("correct-horse")
const ada = { email: "ada@example.com", password }

const LOGIN = "/auth/login"
const REFRESH = "/auth/token/refresh"

const line = ({ method, path }: HttpRequest): string => `${method} ${path}`

/** Opens a link as a browser would: only the last address is kept. */
const follow = (link: string | undefined) =>
  Effect.gen(function* () {
    const http = yield* HttpClient.HttpClient
    const synmetrix = yield* Synmetrix
    const { pathname, search } = new URL(link ?? "")
    // Over fetch the redirect would be followed, to where nothing is.
    const { headers } = yield* HttpClientRequest.get(`${synmetrix.instance}${pathname}${search}`).pipe(
      http.execute,
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
    )
    return Redacted.make(headers["location"] ?? assert.fail("no redirect"))
  })

/** What every server must make of it, whatever carries the requests. */
export const suite = (
  it: Vitest.Tester<Scope.Scope>,
  name: string,
  layer: (options?: SuiteOptions) => Layer.Layer<Synmetrix | AuthServer | HttpClient.HttpClient, unknown>,
  /** What each test begins with. */
  first: Effect.Effect<void> = Effect.void
): void => {
  const test = <E>(
    title: string,
    program: Effect.Effect<void, E, Synmetrix | AuthServer | HttpClient.HttpClient | Scope.Scope>,
    options?: SuiteOptions
  ): void => it(title, () => Effect.andThen(first, Effect.provide(program, layer(options))))

  /** Signed in, with what was sent for it taken away. */
  const signedIn = Effect.gen(function* () {
    const synmetrix = yield* Synmetrix
    const server = yield* AuthServer
    const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
    const before = (yield* server.requests).length
    const sent = Effect.map(server.requests, (requests) => requests.slice(before))
    return { synmetrix, server, session, sent }
  })

  describe(`a server ${name}`, () => {
    describe("login", () => {
      test(
        "synmetrix-02: posts e-mail, password and cookie in JSON, and nothing else",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          yield* synmetrix.login(ada)
          const [request, ...others] = yield* server.requests
          assert.strictEqual(others.length, 0)
          assert.deepStrictEqual([request?.method, request?.path, request?.query], ["POST", LOGIN, ""])
          assert.strictEqual(request?.headers.get("content-type"), "application/json")
          assert.isFalse(request?.headers.has("authorization"))
          assert.isFalse(request?.headers.has("cookie"))
          assert.isFalse(request?.headers.has("referer"))
          assert.strictEqual(
            Buffer.from(request?.body ?? []).toString(),
            '{"email":"ada@example.com","password":"correct-horse","cookie":false}'
          )
        })
      )

      test(
        "synmetrix-03: gives tokens, user, roles and the end that the token tells",
        Effect.gen(function* () {
          const { session, synmetrix } = yield* signedIn
          const now = yield* Clock.currentTimeMillis
          assert.match(value(session.refreshToken), /^[\da-f-]{36}$/)
          assert.strictEqual(session.tokenType, "Bearer")
          assert.deepStrictEqual(session.account.roles, ["user"])
          assert.strictEqual(session.account.name, "ada@example.com")
          assert.deepStrictEqual(
            session.key,
            new SessionKey({
              provider: "synmetrix",
              instance: synmetrix.instance,
              account: "ada@example.com"
            })
          )
          const { accessToken, expiresAt } = session
          assert.isDefined(accessToken)
          if (accessToken === undefined || expiresAt === undefined) return assert.fail("no end")
          const token = yield* synmetrix.parseAccessToken(accessToken)
          assert.strictEqual(Option.getOrThrow(token.userId), session.account.id)
          assert.deepStrictEqual(token.roles, ["user"])
          assert.deepStrictEqual(token.defaultRole, Option.some("user"))
          assert.deepStrictEqual(token.expiresAt, Option.some(expiresAt))
          assert.isFalse(token.verified)
          const life = DateTime.toEpochMillis(expiresAt) - now
          assert.isTrue(life <= 648_000_000 && life > 648_000_000 - 60_000, `${life}`)
        })
      )

      test(
        "synmetrix-04: claims under the long namespace are the same",
        Effect.gen(function* () {
          const { session, synmetrix } = yield* signedIn
          const token = yield* synmetrix.parseAccessToken(session.accessToken ?? Redacted.make(""))
          assert.deepStrictEqual(token.roles, ["user"])
          assert.deepStrictEqual(session.account.roles, ["user"])
          assert.deepStrictEqual(token.userId, Option.some(session.account.id))
        }),
        { claimsNamespace: "https://hasura.io/jwt/claims" }
      )

      test(
        "keeps a session under the address in lower case, and sends it as it is",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const odd = { email: "Zoë+1@Example.com", password: Redacted.make(" pä\u2028ss \"wörd'\\ 😀 ") }
          yield* server.addAccount(odd)
          const session = yield* Effect.flatMap(synmetrix.login(odd), synmetrix.sessionOf)
          assert.strictEqual(session.key.account, "zoë+1@example.com")
          assert.deepStrictEqual(bodyOf((yield* server.requests)[0]), {
            email: odd.email,
            password: Redacted.value(odd.password),
            cookie: false
          })
          // Neither trimmed nor put right: it is the server that refuses it.
          const error = yield* fails("InvalidRequest", synmetrix.login({ ...odd, email: " ada@example.com" }))
          assert.strictEqual(error.field, "email")
          yield* fails("InvalidLogin", synmetrix.login({ ...ada, password: Redacted.make("correct-horse ") }))
        })
      )

      test(
        "synmetrix-10: a wrong password and an unknown account are invalid credentials",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const error = yield* fails(
            "InvalidLogin",
            synmetrix.login({ ...ada, password: Redacted.make("x") })
          )
          assert.strictEqual(error.factor, "password")
          assert.isFalse(error.isRetryable)
          yield* fails("InvalidLogin", synmetrix.login({ ...ada, email: "nobody@example.com" }))
        })
      )

      test(
        "synmetrix-11: an account that is not active says so, whatever the password",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          yield* server.setActive("ada@example.com", false)
          const error = yield* fails(
            "FailedPrecondition",
            synmetrix.login({ ...ada, password: Redacted.make("wrong") })
          )
          assert.strictEqual(error.precondition, "AccountNotActivated")
          assert.isFalse(error.isRetryable)
        })
      )

      test(
        "synmetrix-12: a second factor is a result with a ticket, and its code gives the session",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const mfa = { email: "mfa@example.com", password }
          yield* server.addAccount({ ...mfa, mfa: true })
          const result = yield* synmetrix.login(mfa)
          assert.strictEqual(result._tag, "SecondFactorRequired")
          if (result._tag !== "SecondFactorRequired") return
          const missing = yield* fails("FailedPrecondition", synmetrix.sessionOf(result))
          assert.strictEqual(missing.precondition, "TotpRequired")
          const { ticket } = result
          const wrong = yield* fails(
            "InvalidLogin",
            synmetrix.submitTotp({ ticket, code: Redacted.make("654321") })
          )
          assert.strictEqual(wrong.factor, "totp")
          const short = yield* fails(
            "InvalidRequest",
            synmetrix.submitTotp({ ticket, code: Redacted.make("12345") })
          )
          assert.strictEqual(short.field, "code")
          const session = yield* synmetrix.submitTotp({ ticket, code: Redacted.make("123456") })
          const last = (yield* server.requests).at(-1)
          assert.strictEqual(last && line(last), "POST /auth/mfa/totp")
          assert.deepStrictEqual(bodyOf(last), {
            ticket: Redacted.value(ticket),
            code: "123456",
            cookie: false
          })
          assert.strictEqual(session.key.account, "mfa@example.com")
          yield* synmetrix.refresh(session)
          // Used up.
          yield* fails("InvalidToken", synmetrix.submitTotp({ ticket, code: Redacted.make("123456") }))
        })
      )

      test(
        "synmetrix-13: the silence about an account without a password keeps its status, and refuses nothing",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          yield* server.addAccount({ email: "passwordless@example.com" })
          const error = yield* fails(
            "InvalidResponse",
            synmetrix.login({ email: "passwordless@example.com", password })
          )
          assert.strictEqual(error.code, 400)
          assert.isFalse(error.isRetryable)
        })
      )

      test(
        "a database that is away passes for an unknown account at sign-in, and for a failure at registration",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          yield* server.setDatabaseAway(true)
          yield* fails("InvalidLogin", synmetrix.login(ada))
          const error = yield* fails("ServerError", synmetrix.register(ada))
          assert.strictEqual(error.status, 500)
        })
      )
    })

    describe("register", () => {
      const bob = { email: "bob@example.com", password: Redacted.make("a-longer-horse") }

      test(
        "synmetrix-36: a new address is signed in to at once, with a password or without; a known one exists",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const result = yield* synmetrix.register(bob)
          assert.strictEqual(result._tag, "SignedIn")
          yield* Effect.flatMap(synmetrix.login(bob), synmetrix.sessionOf)
          const without = yield* synmetrix.register({ email: "eve@example.com" })
          assert.strictEqual(without._tag, "SignedIn")
          const [first, , third] = yield* server.requests
          assert.strictEqual(first && line(first), "POST /auth/register")
          assert.deepStrictEqual(bodyOf(first), {
            email: "bob@example.com",
            password: "a-longer-horse",
            cookie: false
          })
          assert.deepStrictEqual(bodyOf(third), { email: "eve@example.com", cookie: false })
          for (const known of [bob, { email: "EVE@example.com" }]) {
            const error = yield* fails("AccountExists", synmetrix.register(known))
            assert.isTrue(error.active)
          }
          assert.deepStrictEqual(yield* server.outbox, [])
        })
      )

      test(
        "synmetrix-22: a taken address exists, and says whether its account is active",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          assert.isTrue((yield* fails("AccountExists", synmetrix.register(ada))).active)
          yield* server.setActive("ada@example.com", false)
          const error = yield* fails("AccountExists", synmetrix.register(ada))
          assert.isFalse(error.active)
          assert.isFalse(error.isRetryable)
        })
      )

      test(
        "synmetrix-23: a password that is too short, or known from a breach, is an invalid password",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          for (const weak of ["abc", "123456789"]) {
            const error = yield* fails(
              "InvalidRequest",
              synmetrix.register({ ...bob, password: Redacted.make(weak) })
            )
            assert.strictEqual(error.field, "password", weak)
          }
        }),
        { weakPasswords: ["123456789"] }
      )

      test(
        "synmetrix-24: with verification on, activation is pending: a user and no tokens",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const result = yield* synmetrix.register(bob)
          assert.strictEqual(result._tag, "ActivationPending")
          if (result._tag !== "ActivationPending") return
          assert.strictEqual(result.user.email, "bob@example.com")
          assert.strictEqual(result.user.displayName, "bob@example.com")
          assert.match(result.user.id, /^[\da-f-]{36}$/)
          const missing = yield* fails("FailedPrecondition", synmetrix.sessionOf(result))
          assert.strictEqual(missing.precondition, "AccountNotActivated")
          const [mail] = yield* server.outbox
          assert.deepStrictEqual([mail?.to, mail?.kind], ["bob@example.com", "activate"])
          // The link finishes it.
          const session = yield* synmetrix.completeMagicLink(yield* follow(mail?.link))
          assert.strictEqual(session.key.account, "bob@example.com")
          yield* Effect.flatMap(synmetrix.login(bob), synmetrix.sessionOf)
        }),
        { activeAtOnce: false, verifyEmails: true }
      )

      test(
        "the refresh token of an account that waits for somebody to activate it is dead until then",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const result = yield* synmetrix.register(bob)
          const session = result._tag === "SignedIn" ? result.session : assert.fail(result._tag)
          yield* fails("SessionExpired", synmetrix.refresh(session))
          yield* server.setActive("bob@example.com", true)
          yield* synmetrix.refresh(session)
        }),
        { activeAtOnce: false }
      )

      test(
        "custom fields and roles go where the server looks for them, and come back in the token",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const result = yield* synmetrix.register({
            ...bob,
            userData: { org_name: "Ops", tags: ["a", "b"] },
            allowedRoles: ["user", "editor"],
            defaultRole: "editor"
          })
          assert.deepStrictEqual(bodyOf((yield* server.requests)[0]), {
            email: "bob@example.com",
            password: "a-longer-horse",
            cookie: false,
            user_data: { org_name: "Ops", tags: ["a", "b"] },
            register_options: { allowed_roles: ["user", "editor"], default_role: "editor" }
          })
          const session = result._tag === "SignedIn" ? result.session : assert.fail(result._tag)
          const token = yield* synmetrix.parseAccessToken(session.accessToken ?? Redacted.make(""))
          assert.deepStrictEqual(token.defaultRole, Option.some("editor"))
          assert.deepStrictEqual(token.roles, ["user", "editor"])
          assert.strictEqual(token.claims["x-hasura-org-name"], "Ops")
          assert.strictEqual(token.claims["x-hasura-tags"], '{"a","b"}')
        }),
        { customFields: ["org_name", "tags"], roles: ["user", "editor", "admin"] }
      )

      test(
        "roles and custom fields that the server does not have are invalid, by name",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          for (const [field, more] of [
            ["userData", { userData: { colour: "red" } }],
            ["allowedRoles", { allowedRoles: ["user", "admin"] }],
            ["defaultRole", { defaultRole: "admin" }]
          ] as const) {
            const error = yield* fails("InvalidRequest", synmetrix.register({ ...bob, ...more }))
            assert.strictEqual(error.field, field)
          }
        })
      )
    })

    describe("refresh", () => {
      test(
        "synmetrix-25: asks by GET with the token in the query and nothing else, and gives the new one",
        Effect.gen(function* () {
          const { sent, session, synmetrix } = yield* signedIn
          const renewed = yield* synmetrix.refreshToken(session)
          const [request, ...others] = yield* sent
          assert.strictEqual(others.length, 0)
          assert.strictEqual(request && line(request), `GET ${REFRESH}`)
          assert.deepStrictEqual(queryOf(request), [["refresh_token", value(session.refreshToken)]])
          assert.strictEqual(request?.body.length, 0)
          for (const header of ["authorization", "cookie", "content-type", "referer", "traceparent"]) {
            assert.isFalse(request?.headers.has(header), header)
          }
          assert.notStrictEqual(value(renewed.refreshToken), value(session.refreshToken))
          assert.deepStrictEqual(renewed.key, session.key)
          assert.deepStrictEqual(renewed.account, session.account)
          // It is the one that is good now.
          yield* synmetrix.refresh(renewed)
        })
      )

      test(
        "synmetrix-26: a token that was spent is a session that is over",
        Effect.gen(function* () {
          const { server, session, synmetrix } = yield* signedIn
          yield* synmetrix.refresh(session)
          yield* fails("SessionExpired", synmetrix.refresh(session))
          yield* fails("SessionExpired", synmetrix.refreshToken(session))
          const second = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
          yield* server.elapse("30 days")
          yield* fails("SessionExpired", synmetrix.refresh(second))
        })
      )

      test(
        "synmetrix-28: silence about a UUID is a failure of the server, about anything else it ends the session",
        Effect.gen(function* () {
          const { server, session, synmetrix } = yield* signedIn
          const odd = new Session({ ...session, refreshToken: Redacted.make("not-a-uuid") })
          yield* fails("SessionExpired", synmetrix.refresh(odd))
          yield* server.setDatabaseAway(true)
          const error = yield* fails("ServerError", synmetrix.refresh(session))
          assert.strictEqual(error.status, 400)
          assert.isTrue(error.isRetryable)
          yield* server.setDatabaseAway(false)
          yield* synmetrix.refresh(session)
        })
      )

      test(
        "synmetrix-29: whatever is in a token arrives as it was",
        Effect.gen(function* () {
          const { sent, session, synmetrix } = yield* signedIn
          for (const text of ["a b+/=&é", "%2B", "#?;,\\\"'<>", "😀\u0000"]) {
            const odd = new Session({ ...session, refreshToken: Redacted.make(text) })
            yield* fails("SessionExpired", synmetrix.refresh(odd))
            assert.deepStrictEqual(queryOf((yield* sent).at(-1)), [["refresh_token", text]])
            yield* synmetrix.logout(odd)
            assert.deepStrictEqual(queryOf((yield* sent).at(-1)), [["refresh_token", text]])
          }
        })
      )
    })

    describe("logout", () => {
      test(
        "synmetrix-30: names the token, the bearer, and whether all are meant",
        Effect.gen(function* () {
          const { sent, session, synmetrix } = yield* signedIn
          const other = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
          const third = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
          assert.strictEqual(yield* synmetrix.logout(third, { all: false }), "Revoked")
          yield* fails("SessionExpired", synmetrix.refresh(third))
          const renewed = yield* synmetrix.refresh(other)
          assert.strictEqual(yield* synmetrix.logout(session), "Revoked")
          yield* fails("SessionExpired", synmetrix.refresh(session))
          yield* fails("SessionExpired", synmetrix.refresh(renewed))
          const requests = (yield* sent).filter(({ path }) => path === "/auth/logout")
          assert.deepStrictEqual(
            requests.map((request) => [
              line(request),
              queryOf(request),
              request.headers.get("authorization"),
              bodyOf(request)
            ]),
            [
              [third, false],
              [session, true]
            ].map(([it, all]) => [
              "POST /auth/logout",
              [["refresh_token", it instanceof Session ? value(it.refreshToken) : ""]],
              `Bearer ${it instanceof Session ? value(it.accessToken) : ""}`,
              { all }
            ])
          )
        })
      )

      test(
        "revoke ends one session, whatever the default of logout is",
        Effect.gen(function* () {
          const { sent, session, synmetrix } = yield* signedIn
          const other = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
          assert.strictEqual(yield* synmetrix.revoke(session), "Revoked")
          const request = (yield* sent).at(-1)
          assert.strictEqual(request && line(request), "POST /auth/logout")
          assert.deepStrictEqual(queryOf(request), [["refresh_token", value(session.refreshToken)]])
          assert.strictEqual(request?.headers.get("authorization"), `Bearer ${value(session.accessToken)}`)
          assert.deepStrictEqual(bodyOf(request), { all: false })
          yield* fails("SessionExpired", synmetrix.refresh(session))
          yield* synmetrix.refresh(other)
        })
      )

      test(
        "ends one session where the client says so",
        Effect.gen(function* () {
          const { sent, session, synmetrix } = yield* signedIn
          const other = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
          yield* synmetrix.logout(session)
          assert.deepStrictEqual(bodyOf((yield* sent).at(-1)), { all: false })
          yield* synmetrix.refresh(other)
        }),
        { client: { logoutAll: false } }
      )

      test(
        "is heard twice, and without an access token",
        Effect.gen(function* () {
          const { sent, session, synmetrix } = yield* signedIn
          const { accessToken: _, ...bare } = session
          yield* synmetrix.logout(new Session(bare))
          assert.isFalse((yield* sent)[0]?.headers.has("authorization"))
          yield* synmetrix.logout(session)
        })
      )
    })

    describe("changePassword", () => {
      const change = { oldPassword: password, newPassword: Redacted.make("battery-staple") }

      test(
        "synmetrix-34: sends both passwords and keeps the session",
        Effect.gen(function* () {
          const { sent, session, synmetrix } = yield* signedIn
          assert.isUndefined(yield* synmetrix.changePassword(session, change))
          const [request, ...others] = yield* sent
          assert.strictEqual(others.length, 0)
          assert.strictEqual(request && line(request), "POST /auth/change-password")
          assert.strictEqual(request?.query, "")
          assert.strictEqual(request?.headers.get("authorization"), `Bearer ${value(session.accessToken)}`)
          assert.strictEqual(
            Buffer.from(request?.body ?? []).toString(),
            '{"old_password":"correct-horse","new_password":"battery-staple"}'
          )
          yield* synmetrix.refresh(session)
          yield* fails("InvalidLogin", synmetrix.login(ada))
          yield* synmetrix.login({ ...ada, password: change.newPassword })
        })
      )

      test(
        "synmetrix-33: a wrong old password is invalid credentials; an access token that ended is invalid",
        Effect.gen(function* () {
          const { sent, server, session, synmetrix } = yield* signedIn
          const wrong = { ...change, oldPassword: Redacted.make("wrong-horse") }
          const error = yield* fails("InvalidLogin", synmetrix.changePassword(session, wrong))
          assert.strictEqual(error.factor, "password")
          for (const [field, short] of [
            ["oldPassword", { ...change, oldPassword: Redacted.make("short") }],
            ["newPassword", { ...change, newPassword: Redacted.make("short") }]
          ] as const) {
            const refused = yield* fails("InvalidRequest", synmetrix.changePassword(session, short))
            assert.strictEqual(refused.field, field)
          }
          yield* server.elapse("7.5 days")
          yield* fails("InvalidToken", synmetrix.changePassword(session, change))
          assert.strictEqual((yield* sent).length, 4)
        })
      )

      test(
        "a token that another key has signed is invalid",
        Effect.gen(function* () {
          const { server, session, synmetrix } = yield* signedIn
          yield* server.changeKey
          yield* fails("InvalidToken", synmetrix.changePassword(session, change))
          yield* synmetrix.changePassword(yield* synmetrix.refresh(session), change)
        })
      )
    })

    describe("magic links", () => {
      test(
        "synmetrix-35: a link is asked for without a password and without a cookie",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          assert.deepStrictEqual(yield* synmetrix.requestMagicLink("ada@example.com"), { _tag: "LinkSent" })
          const [request, ...others] = yield* server.requests
          assert.strictEqual(others.length, 0)
          assert.strictEqual(request && line(request), `POST ${LOGIN}`)
          assert.strictEqual(
            Buffer.from(request?.body ?? []).toString(),
            '{"email":"ada@example.com","cookie":false}'
          )
          const [mail] = yield* server.outbox
          assert.deepStrictEqual([mail?.to, mail?.kind], ["ada@example.com", "magic-link"])
          yield* fails("InvalidLogin", synmetrix.requestMagicLink("nobody@example.com"))
          yield* server.setMailAway(true)
          yield* fails("ServerError", synmetrix.requestMagicLink("ada@example.com"))
        })
      )

      test(
        "synmetrix-37: a link is completed by one renewal, which spends the token in the mailbox",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          yield* synmetrix.requestMagicLink("ADA@example.com")
          const callback = yield* follow((yield* server.outbox)[0]?.link)
          const before = (yield* server.requests).length
          const session = yield* synmetrix.completeMagicLink(callback)
          const [request, ...others] = (yield* server.requests).slice(before)
          assert.strictEqual(others.length, 0)
          assert.strictEqual(request && line(request), `GET ${REFRESH}`)
          const inMail = new URL(Redacted.value(callback)).searchParams.get("refresh_token")
          assert.deepStrictEqual(queryOf(request), [["refresh_token", inMail ?? ""]])
          assert.strictEqual(session.key.account, "ada@example.com")
          assert.notStrictEqual(value(session.refreshToken), inMail)
          yield* fails("InvalidToken", synmetrix.completeMagicLink(callback))
          yield* synmetrix.refresh(session)
        })
      )

      test(
        "synmetrix-37: a callback without a token is a link that failed, and nothing is sent",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          for (const callback of [
            "https://app.example.com/callback",
            "https://app.example.com/callback?refresh_token=",
            "/callback?other=1"
          ]) {
            yield* fails("InvalidToken", synmetrix.completeMagicLink(Redacted.make(callback)))
          }
          for (const callback of ["", "callback", "https://h/?refresh_token=a&refresh_token=b"]) {
            const error = yield* fails("InvalidRequest", synmetrix.completeMagicLink(Redacted.make(callback)))
            assert.strictEqual(error.field, "callback")
          }
          assert.deepStrictEqual(yield* server.requests, [])
          // A link that the server does not know leads there as well.
          const dead = `http://localhost/auth/activate?ticket=0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77`
          yield* fails("InvalidToken", synmetrix.completeMagicLink(yield* follow(dead)))
        })
      )

      test(
        "sendMagicLink signs in to a new address, and has a link sent to a known one",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const created = yield* synmetrix.sendMagicLink("new@example.com")
          assert.strictEqual(created._tag, "SignedIn")
          assert.deepStrictEqual(yield* server.outbox, [])
          assert.deepStrictEqual(yield* synmetrix.sendMagicLink("new@example.com"), { _tag: "LinkSent" })
          assert.strictEqual((yield* server.outbox).length, 1)
          const requests = yield* server.requests
          assert.deepStrictEqual(requests.map(line), [
            "POST /auth/register",
            "POST /auth/register",
            "POST /auth/login"
          ])
          for (const request of requests) {
            assert.deepStrictEqual(bodyOf(request), { email: "new@example.com", cookie: false })
          }
          yield* server.setActive("new@example.com", false)
          const error = yield* fails("AccountExists", synmetrix.sendMagicLink("new@example.com"))
          assert.isFalse(error.active)
        })
      )

      test(
        "sendMagicLink is pending where addresses are verified, and the link activates",
        Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          const server = yield* AuthServer
          const created = yield* synmetrix.sendMagicLink("new@example.com")
          assert.strictEqual(created._tag, "ActivationPending")
          const [mail] = yield* server.outbox
          assert.strictEqual(mail?.kind, "magic-link")
          const session = yield* synmetrix.completeMagicLink(yield* follow(mail?.link))
          assert.strictEqual(session.key.account, "new@example.com")
        }),
        { activeAtOnce: false, verifyEmails: true }
      )
    })

    describe("authHeaders", () => {
      test(
        "a GraphQL request with them is answered, in the role that was asked for",
        Effect.gen(function* () {
          const { server, session, synmetrix } = yield* signedIn
          yield* server.setResolver(({ role, userId }) => ({ role, userId }))
          const http = yield* HttpClient.HttpClient
          const asked = (options?: { readonly role?: string }) =>
            Effect.gen(function* () {
              const request = HttpClientRequest.post(`${synmetrix.instance}/v1/graphql`).pipe(
                HttpClientRequest.setHeaders(yield* synmetrix.authHeaders(session, options)),
                HttpClientRequest.bodyJsonUnsafe({ query: "{ me { id } }" })
              )
              return yield* Effect.flatMap(http.execute(request), (response) => response.json)
            })
          const userId = session.account.id ?? assert.fail("nobody")
          assert.deepStrictEqual(yield* asked(), { data: { role: "user", userId } })
          assert.deepStrictEqual(yield* asked({ role: "viewer" }), { data: { role: "viewer", userId } })
          yield* fails("PermissionDenied", asked({ role: "admin" }))
        }),
        { roles: ["user", "viewer"] }
      )
    })

    describe("too many requests", () => {
      test(
        "synmetrix-18: are told how long to wait, by every operation",
        Effect.gen(function* () {
          const { session, synmetrix } = yield* signedIn
          const operations: ReadonlyArray<Effect.Effect<unknown, AuthError>> = [
            synmetrix.login(ada),
            synmetrix.refresh(session),
            synmetrix.logout(session)
          ]
          for (const operation of operations) {
            const error = yield* Effect.flip(operation)
            assert.strictEqual(error._tag === "TransportError" && error.reason._tag, "RateLimited")
            if (error._tag !== "TransportError" || error.reason._tag !== "RateLimited") return
            assert.isDefined(error.reason.retryAfter)
          }
        }),
        { rateLimit: 1 }
      )
    })
  })
}
