/** What each answer means: the private table, row by row, and answers that no good server gives. */
import { assert, describe, it } from "@effect/vitest"
import { type AuthError, SessionKey } from "@latchkey/core"
import { empty, type HttpResponse, json, text } from "@latchkey/testing/HttpHandler"
import { DateTime, Duration, Effect, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { fails } from "../../../test/support/fails.ts"
import { answering, over } from "./support/over.ts"
import { credentials, operations } from "./support/operations.ts"
import { claims, good, hasura, jwt, session, USER, UUID, value } from "./support/tokens.ts"

const said = (statusCode: number, message?: string): HttpResponse =>
  json(statusCode, { statusCode, error: "What it is called", ...(message !== undefined && { message }) })

/** The tag, or the reason's, with what is told besides. */
const shown = (error: AuthError): string => {
  switch (error._tag) {
    case "TransportError":
      return error.reason._tag
    case "InvalidLogin":
      return `${error._tag} ${error.factor}`
    case "FailedPrecondition":
      return `${error._tag} ${error.precondition}`
    case "AccountExists":
      return `${error._tag} ${error.active}`
    case "InvalidRequest":
      return `${error._tag} ${error.field}`
    case "InvalidResponse":
      return `${error._tag} ${error.code}`
    case "ServerError":
      return `${error._tag} ${error.status}`
    default:
      return error._tag
  }
}

const outcome = (operation: string, answer: HttpResponse) =>
  Effect.gen(function* () {
    const { requests, synmetrix } = yield* over(answering(answer))
    const run = operations[operation]?.run ?? assert.fail(operation)
    const error = yield* Effect.flip(run(synmetrix))
    return { error: shown(error), retryable: error.isRetryable, requests: (yield* requests).length }
  })

const REFUSED = "InvalidLogin password"
const PENDING = "FailedPrecondition AccountNotActivated"
const DEAD = "Invalid or expired refresh token."

/** Operation, status, message, and what it is. */
const rows: ReadonlyArray<readonly [string, number, string | undefined, string]> = [
  ["login", 400, "Account does not exist.", REFUSED],
  ["login", 401, "Username and password do not match", REFUSED],
  ["login", 400, "Account is not activated.", PENDING],
  ["login", 400, undefined, "InvalidResponse 400"],
  ["login", 400, '"email" must be a valid email', "InvalidRequest email"],
  ["login", 400, '"password" is not allowed to be empty', "InvalidRequest password"],
  ["login", 401, "Something else", "PermissionDenied"],
  ["login", 401, undefined, "PermissionDenied"],
  ["login", 400, "account does not exist.", "InvalidRequest undefined"],
  ["requestMagicLink", 400, "Account does not exist.", REFUSED],
  ["requestMagicLink", 400, "Account is not activated.", PENDING],
  ["requestMagicLink", 400, undefined, "ServerError 400"],
  ["register", 400, "Account already exists.", "AccountExists true"],
  ["register", 400, "Account already exists but is not activated.", "AccountExists false"],
  ["register", 400, "Password is too weak.", "InvalidRequest password"],
  ["register", 400, "Default role must be part of allowed roles.", "InvalidRequest defaultRole"],
  ["register", 400, "allowed roles must be a subset of ALLOWED_ROLES", "InvalidRequest allowedRoles"],
  ["register", 400, '"user_data.colour" is not allowed', "InvalidRequest userData"],
  ["register", 400, '"register_options.default_role" must be a string', "InvalidRequest defaultRole"],
  ["register", 400, '"foo" is not allowed', "InvalidRequest undefined"],
  ["register", 400, '"constructor" is not allowed', "InvalidRequest undefined"],
  ["register", 400, '"password', "InvalidRequest undefined"],
  ["register", 400, undefined, "ServerError 400"],
  ["sendMagicLink", 400, "Account already exists but is not activated.", "AccountExists false"],
  ["sendMagicLink", 400, undefined, "ServerError 400"],
  ["submitTotp", 401, "Invalid two-factor code.", "InvalidLogin totp"],
  ["submitTotp", 401, "Invalid or expired ticket.", "InvalidToken"],
  ["submitTotp", 400, '"code" length must be 6 characters long', "InvalidRequest code"],
  ["submitTotp", 400, undefined, "InvalidResponse 400"],
  ["refresh", 401, DEAD, "SessionExpired"],
  ["refresh", 401, undefined, "PermissionDenied"],
  ["refresh", 401, "Unauthorized", "PermissionDenied"],
  ["refresh", 400, undefined, "ServerError 400"],
  ["refresh", 400, "toString", "InvalidRequest undefined"],
  ["completeMagicLink", 401, DEAD, "InvalidToken"],
  ["completeMagicLink", 400, undefined, "ServerError 400"],
  ["completeMagicLink", 401, undefined, "PermissionDenied"],
  ["logout", 401, DEAD, "SessionExpired"],
  ["logout", 400, undefined, "ServerError 400"],
  ["logout", 401, "Not logged in", "PermissionDenied"],
  ["revoke", 401, DEAD, "SessionExpired"],
  ["revoke", 400, undefined, "ServerError 400"],
  ["changePassword", 401, "Not logged in", "InvalidToken"],
  ["changePassword", 401, "Incorrect current password.", REFUSED],
  ["changePassword", 401, DEAD, "PermissionDenied"],
  [
    "changePassword",
    400,
    '"old_password" length must be at least 6 characters long',
    "InvalidRequest oldPassword"
  ],
  ["changePassword", 400, '"new_password" must be a string', "InvalidRequest newPassword"],
  ["changePassword", 400, undefined, "ServerError 400"]
]

/** What is the same for all of them. */
const statuses: ReadonlyArray<readonly [number, string]> = [
  [201, "InvalidResponse 201"],
  [202, "InvalidResponse 202"],
  [206, "InvalidResponse 206"],
  [304, "UnexpectedRedirect"],
  [402, "InvalidResponse 402"],
  [403, "PermissionDenied"],
  [404, "NotImplemented"],
  [405, "NotImplemented"],
  [413, "InvalidRequest undefined"],
  [418, "InvalidResponse 418"],
  [429, "RateLimited"],
  [500, "ServerError 500"],
  [501, "ServerError 501"],
  [502, "ServerError 502"],
  [503, "ServerError 503"],
  [504, "ServerError 504"],
  [599, "ServerError 599"]
]

describe("SynmetrixAnswer", () => {
  for (const [operation, status, message, expected] of rows) {
    it.effect(`${status} ${message ?? "without a message"}, of ${operation}, is ${expected}`, () =>
      Effect.gen(function* () {
        const { error, requests } = yield* outcome(operation, said(status, message))
        assert.strictEqual(error, expected)
        assert.strictEqual(requests, 1)
      })
    )

    if (operation !== "login" && operation !== "refresh") continue
    it.effect(`synmetrix-38: the same in a good answer beside good tokens: ${message ?? status}`, () =>
      Effect.gen(function* () {
        const body = { ...good, statusCode: status, error: "Bad", ...(message !== undefined && { message }) }
        const { error } = yield* outcome(operation, json(200, body))
        assert.strictEqual(error, expected)
      })
    )
  }

  for (const [operation, { run }] of Object.entries(operations)) {
    it.effect(`statuses that mean the same to all operations, of ${operation}`, () =>
      Effect.gen(function* () {
        for (const [status, expected] of statuses) {
          const html = text(status, "text/html", "<p>page</p>")
          for (const answer of [said(status), said(status, DEAD), html, empty(status)]) {
            assert.strictEqual((yield* outcome(operation, answer)).error, expected, `${status}`)
          }
        }
      })
    )

    it.effect(
      `synmetrix-17: a proxy that fails in HTML keeps its status and is not quoted, of ${operation}`,
      () =>
        Effect.gen(function* () {
          const { synmetrix } = yield* over(answering(text(502, "text/html", "<html>nginx canary</html>")))
          const error = yield* fails("ServerError", run(synmetrix))
          assert.strictEqual(error.status, 502)
          assert.isTrue(error.isRetryable)
          assert.notMatch(JSON.stringify(error), /nginx|canary|html/)
        })
    )

    it.effect(
      `synmetrix-18: a failure keeps its status, and too many requests their pause, of ${operation}`,
      () =>
        Effect.gen(function* () {
          const broken = yield* over(answering(said(500, "An internal server error occurred")))
          assert.strictEqual((yield* fails("ServerError", run(broken.synmetrix))).status, 500)
          const answer = said(429, "You are being rate limited.")
          const limited = yield* over(
            answering({ ...answer, headers: { ...answer.headers, "retry-after": "900" } })
          )
          const { reason } = yield* fails("TransportError", run(limited.synmetrix))
          if (reason._tag !== "RateLimited") return assert.fail(reason._tag)
          assert.deepStrictEqual(reason.retryAfter, Duration.seconds(900))
        })
    )

    it.effect(
      `synmetrix-15: what is no object, or lacks what is needed, is an invalid response, of ${operation}`,
      () =>
        Effect.gen(function* () {
          const type = "application/json; charset=utf-8"
          for (const answer of [
            json(200, {}),
            json(200, []),
            json(200, [good]),
            json(200, null),
            json(200, "text"),
            json(200, 7),
            json(200, { ...good, jwt_token: undefined }),
            json(200, { jwt_token: null }),
            json(200, { jwt_token: null, user: null }),
            json(200, { ...good, jwt_token: "" }),
            json(200, { ...good, jwt_token: 7 }),
            json(200, { ...good, refresh_token: 7 }),
            json(200, { ...good, refresh_token: "x".repeat(4097) }),
            json(200, { ...good, refresh_token: "\ud800" }),
            json(200, { ...good, error: null }),
            json(200, { ...good, error: "Found", statusCode: 302 }),
            json(200, { ...good, error: "Bad", statusCode: "401", message: DEAD }),
            json(200, { mfa: "true", ticket: UUID }),
            json(200, { mfa: true }),
            json(200, { magicLink: "true" }),
            text(200, type, ""),
            text(200, type, JSON.stringify(good).slice(0, -3)),
            text(200, type, `${JSON.stringify(good)}${JSON.stringify(good)}`),
            text(200, "text/plain", JSON.stringify(good)),
            { ...json(200, good), headers: {} },
            { ...json(200, good), body: Buffer.from(JSON.stringify({ ...good, x: "é" }), "latin1") },
            // The web application's page: a wrong address.
            text(200, "text/html", "<!doctype html><title>Synmetrix</title>")
          ]) {
            assert.strictEqual((yield* outcome(operation, answer)).error, "InvalidResponse 200")
          }
        })
    )

    if (operation === "logout" || operation === "revoke" || operation === "changePassword") continue
    it.effect(`synmetrix-16: an empty answer is an invalid response, of ${operation}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* outcome(operation, empty(204))).error, "InvalidResponse 204")
      })
    )
  }

  it.effect("a good answer of another operation is none", () =>
    Effect.gen(function* () {
      const linkSent = json(200, { magicLink: true })
      const mfa = json(200, { mfa: true, ticket: UUID })
      const pending = json(200, { jwt_token: null, user: { id: USER, email: "a@example.com" } })
      for (const [operation, answers] of [
        ["login", [linkSent, pending]],
        ["register", [linkSent, mfa]],
        ["sendMagicLink", [linkSent, mfa]],
        ["requestMagicLink", [json(200, good), mfa, pending]],
        ["submitTotp", [linkSent, mfa, pending]],
        ["refresh", [linkSent, mfa, pending]],
        ["logout", [json(200, good)]],
        ["revoke", [json(200, good)]],
        ["changePassword", [json(200, good)]]
      ] as const) {
        for (const answer of answers) {
          assert.strictEqual((yield* outcome(operation, answer)).error, "InvalidResponse 200", operation)
        }
      }
    })
  )

  it.effect("a 400 that is not of the auth server says nothing about a token that is no UUID", () =>
    Effect.gen(function* () {
      for (const answer of [
        text(400, "text/html", "<p>400</p>"),
        empty(400),
        json(400, {}),
        json(400, { statusCode: 400 }),
        json(400, { statusCode: 400, error: null }),
        json(400, { statusCode: 401, error: "Bad Request" }),
        json(400, { statusCode: 400, error: "Bad Request", message: 7 })
      ]) {
        const { synmetrix } = yield* over(answering(answer))
        const odd = session({ refreshToken: Redacted.make("not-a-uuid") })
        assert.strictEqual((yield* fails("InvalidResponse", synmetrix.refresh(odd))).code, 400)
      }
    })
  )

  it.effect("a 401 that is not of the auth server is no verdict, whatever it says", () =>
    Effect.gen(function* () {
      for (const [operation, message] of [
        ["refresh", DEAD],
        ["completeMagicLink", DEAD],
        ["logout", DEAD],
        ["login", "Username and password do not match"],
        ["changePassword", "Not logged in"]
      ] as const) {
        for (const answer of [
          json(401, { message }),
          json(401, { statusCode: 401, message }),
          json(401, { statusCode: 400, error: "Unauthorized", message }),
          text(401, "text/html", JSON.stringify({ statusCode: 401, error: "Unauthorized", message })),
          empty(401, { "www-authenticate": "Basic" })
        ]) {
          assert.strictEqual((yield* outcome(operation, answer)).error, "PermissionDenied", operation)
        }
      }
    })
  )

  it.effect("a refused token that is no UUID is over as well", () =>
    Effect.gen(function* () {
      const { synmetrix } = yield* over(answering(said(401, DEAD)))
      yield* fails("SessionExpired", synmetrix.refresh(session({ refreshToken: Redacted.make("odd") })))
      yield* fails("InvalidToken", synmetrix.completeMagicLink(Redacted.make("/callback?refresh_token=odd")))
    })
  )

  it.effect("synmetrix-37: a link whose token is no UUID failed where the server does not say why", () =>
    Effect.gen(function* () {
      const { synmetrix } = yield* over(answering(said(400)))
      yield* fails("InvalidToken", synmetrix.completeMagicLink(Redacted.make("/callback?refresh_token=odd")))
    })
  )
})

const login = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const answer = json(200, body)
    const { synmetrix } = yield* over(answering({ ...answer, headers: { ...answer.headers, ...headers } }))
    return yield* Effect.flatMap(synmetrix.login(credentials), synmetrix.sessionOf)
  })

const endsAt = (seconds: number) => DateTime.makeUnsafe(seconds * 1000)

describe("the session in an answer", () => {
  it.effect("synmetrix-03: is what the token and the answer say", () =>
    Effect.gen(function* () {
      const won = yield* login(good)
      assert.strictEqual(value(won.accessToken), good.jwt_token)
      assert.strictEqual(value(won.refreshToken), UUID)
      assert.deepStrictEqual(won.account, { id: USER, name: "Ada", roles: ["user"] })
      assert.deepStrictEqual(won.expiresAt, endsAt(claims.exp))
      assert.strictEqual(won.key.account, "ada@example.com")
    })
  )

  it.effect("synmetrix-07: without a namespace it has no roles, and the user id of sub", () =>
    Effect.gen(function* () {
      const { hasura: _, ...bare } = claims
      const won = yield* login({ ...good, jwt_token: jwt({ ...bare, sub: "from sub" }) })
      assert.deepStrictEqual(won.account, { id: "from sub", name: "Ada", roles: [] })
      const nobody = yield* login({ ...good, jwt_token: jwt({}) })
      assert.strictEqual(nobody.account.id, USER)
    })
  )

  it.effect("synmetrix-08: without exp it ends after jwt_expires_in, or nobody knows when", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_500)
      const { exp: _, ...endless } = claims
      const token = jwt(endless)
      const told = yield* login({ ...good, jwt_token: token, jwt_expires_in: 60_999 })
      assert.deepStrictEqual(told.expiresAt, endsAt(70))
      for (const jwt_expires_in of [null, undefined, 1e300]) {
        const { expiresAt } = yield* login({ ...good, jwt_token: token, jwt_expires_in })
        assert.isUndefined(expiresAt)
      }
      const beyond = JSON.stringify({ ...good, jwt_token: token, jwt_expires_in: 7 }).replace(
        ":7,",
        ":1e400,"
      )
      const { synmetrix } = yield* over(answering(text(200, "application/json", beyond)))
      const { expiresAt } = yield* Effect.flatMap(synmetrix.login(credentials), synmetrix.sessionOf)
      assert.isUndefined(expiresAt)
    })
  )

  it.effect("P16: with exp and no iat it ends as long after now as the answer's date says", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000_000)
      const token = jwt({ hasura, exp: 1_000_000 + 7200 })
      const ahead = "Mon, 12 Jan 1970 14:46:40 GMT" // 1 000 000 + 3600 s
      const dated = yield* login({ ...good, jwt_token: token }, { date: ahead })
      assert.deepStrictEqual(dated.expiresAt, endsAt(1_000_000 + 3600))
      for (const date of ["soon", ""]) {
        const undated = yield* login({ ...good, jwt_token: token }, { date })
        assert.deepStrictEqual(undated.expiresAt, endsAt(1_000_000 + 7200))
      }
    })
  )

  it.effect("synmetrix-09: a token that is no JWT is an invalid response, and is not shown", () =>
    Effect.gen(function* () {
      for (const jwt_token of [
        "canary",
        "a.b",
        "a.b.c",
        "..",
        jwt(claims).slice(1),
        jwt([]),
        jwt("x"),
        "é.é.é"
      ]) {
        const error = yield* fails("InvalidResponse", login({ ...good, jwt_token }))
        assert.notInclude(JSON.stringify(error), jwt_token)
        for (const operation of ["register", "submitTotp", "sendMagicLink", "completeMagicLink"]) {
          const { error } = yield* outcome(operation, json(200, { ...good, jwt_token }))
          assert.strictEqual(error, "InvalidResponse 200", operation)
        }
      }
    })
  )

  it.effect("a renewal whose access token cannot be read is a session, as the one before it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_500)
      const held = session({
        refreshToken: Redacted.make("spent"),
        expiresAt: endsAt(1),
        account: { id: USER, name: "Ada", roles: ["user", "editor"] }
      })
      const renewed = (body: unknown) =>
        Effect.flatMap(over(answering(json(200, body))), ({ synmetrix }) => synmetrix.refresh(held))
      const { user: _, ...anonymous } = { ...good, jwt_token: "opaque", jwt_expires_in: 60_000 }
      const won = yield* renewed(anonymous)
      assert.strictEqual(value(won.accessToken), "opaque")
      assert.strictEqual(value(won.refreshToken), UUID)
      assert.deepStrictEqual(won.key, held.key)
      assert.deepStrictEqual(won.account, held.account)
      assert.deepStrictEqual(won.expiresAt, endsAt(70))
      assert.isUndefined((yield* renewed({ ...anonymous, jwt_expires_in: null })).expiresAt)
      // As long a one as no header holds, and one that says when it ends in words.
      for (const jwt_token of ["x".repeat(20_000), jwt({ ...claims, exp: "soon" })]) {
        assert.strictEqual(value((yield* renewed({ ...good, jwt_token })).refreshToken), UUID)
      }
      // Nothing is lost where there is no other token, and nothing is taken from somebody else.
      const { refresh_token: __, ...bare } = anonymous
      yield* fails("InvalidResponse", renewed(bare))
      yield* fails("InvalidResponse", renewed({ ...anonymous, user: { ...good.user, id: "other" } }))
      yield* fails("InvalidResponse", renewed({ ...anonymous, jwt_token: "" }))
    })
  )

  it.effect("what is told beside the tokens counts as missing where it makes no sense", () =>
    Effect.gen(function* () {
      const { exp: _, ...endless } = claims
      for (const more of [
        { user: "ada", jwt_expires_in: "soon" },
        { user: ["ada"], jwt_expires_in: {} },
        { user: { id: 7, email: [], display_name: {} }, jwt_expires_in: true }
      ]) {
        const body = { ...good, jwt_token: jwt(endless), ...more }
        const won = yield* login(body)
        assert.deepStrictEqual(won.account, { id: USER, roles: ["user"] })
        assert.strictEqual(won.key.account, "ada@example.com")
        assert.isUndefined(won.expiresAt)
        const { synmetrix } = yield* over(answering(json(200, body)))
        const held = session({ refreshToken: Redacted.make("spent") })
        assert.strictEqual(value((yield* synmetrix.refresh(held)).refreshToken), UUID)
      }
    })
  )

  it.effect("a renewal that tells less than is known does not make it forgotten", () =>
    Effect.gen(function* () {
      const account = { id: USER, name: "Ada", roles: ["user"] }
      const body = { jwt_token: jwt({ hasura: { allowed_roles: ["editor"] } }), refresh_token: UUID }
      const { synmetrix } = yield* over(answering(json(200, body)))
      const renewed = yield* synmetrix.refresh(session({ account }))
      assert.deepStrictEqual(renewed.account, { ...account, roles: ["editor"] })
    })
  )

  it.effect("is kept under what is known of the account", () =>
    Effect.gen(function* () {
      const { user: _, ...anonymous } = good
      assert.strictEqual((yield* login(anonymous)).key.account, "ada@example.com")
      const { synmetrix } = yield* over(answering(json(200, anonymous)))
      const factor = { ticket: Redacted.make(UUID), code: Redacted.make("123456") }
      assert.strictEqual((yield* synmetrix.submitTotp(factor)).key.account, USER)
      const nobody = yield* over(answering(json(200, { ...anonymous, jwt_token: jwt({}) })))
      yield* fails("InvalidResponse", nobody.synmetrix.submitTotp(factor))
    })
  )

  it.effect("a renewal keeps the key, whatever the account is called by now", () =>
    Effect.gen(function* () {
      const { synmetrix } = yield* over(answering(json(200, good)))
      const key = new SessionKey({ ...session().key, account: "ada@before.example.com" })
      const renewed = yield* synmetrix.refresh(session({ key }))
      assert.deepStrictEqual(renewed.key, key)
      assert.strictEqual(renewed.account.name, "Ada")
    })
  )

  it.effect(
    "outside cookie mode it has a refresh token, but a renewal does not lose the one that is held",
    () =>
      Effect.gen(function* () {
        const { refresh_token: _, ...bare } = good
        yield* fails("InvalidResponse", login(bare))
        yield* fails("InvalidResponse", login({ ...bare, refresh_token: null }))
        const { synmetrix } = yield* over(answering(json(200, bare)))
        assert.strictEqual(value((yield* synmetrix.refresh(session())).refreshToken), UUID)
      })
  )

  it.effect.prop(
    "no answer makes it die, whatever it holds",
    [Schema.Json, Schema.Json, Schema.Json, Schema.Json],
    ([one, two, three, four]) => {
      const anything = [
        one,
        { mfa: one, ticket: two, magicLink: three, error: four },
        { statusCode: one, error: two, message: three }
      ]
      const granting = [
        { ...good, user: one, jwt_expires_in: two, refresh_token: three },
        { ...good, jwt_token: jwt(one) },
        { ...good, jwt_token: jwt({ ...claims, hasura: one, sub: two, exp: three, iat: four }) },
        { ...good, jwt_token: jwt({ hasura: { "x-hasura-allowed-roles": one, "x-hasura-user-id": two } }) }
      ]
      return Effect.forEach([200, 400, 401], (status) =>
        Effect.forEach(status === 200 ? [...anything, ...granting] : anything, (body) =>
          Effect.gen(function* () {
            const { synmetrix } = yield* over(answering(json(status, body)))
            yield* Effect.forEach(Object.values(operations), ({ run }) => Effect.result(run(synmetrix)))
          })
        )
      ).pipe(Effect.scoped, Effect.asVoid)
    },
    { arbitrary: { runs: 30 } }
  )
})
