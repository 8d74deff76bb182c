/** The two private tables, row by row. */
import { assert, describe, it } from "@effect/vitest"
import { TransportError } from "@latchkey/core/TransportError"
import { empty, type HttpResponse, json, text } from "@latchkey/testing/HttpHandler"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { Headers } from "effect/http"
import { TestClock } from "effect/testing"
import * as Answer from "../src/internal/answer.ts"
import { reason } from "../src/internal/whatBroke.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { answering, over } from "./support/over.ts"

const where = { provider: "cryosparc", instance: "http://localhost:39000" }

const ada = { email: "ada@example.com", password: Redacted.make("correct-horse") }

/** Status, and what it is in answer to the description and to the sign-in. */
const statuses: ReadonlyArray<readonly [number, string | undefined, string | undefined]> = [
  [200, undefined, undefined],
  [201, "InvalidResponse", "InvalidResponse"],
  [204, "InvalidResponse", "InvalidResponse"],
  [206, "InvalidResponse", "InvalidResponse"],
  [300, "UnexpectedRedirect", "UnexpectedRedirect"],
  [304, "UnexpectedRedirect", "UnexpectedRedirect"],
  [399, "UnexpectedRedirect", "UnexpectedRedirect"],
  [400, "InvalidResponse", "InvalidRequest"],
  [401, "PermissionDenied", "InvalidLogin"],
  [402, "InvalidResponse", "InvalidResponse"],
  [403, "PermissionDenied", "PermissionDenied"],
  [404, "NotImplemented", "NotImplemented"],
  [405, "NotImplemented", "NotImplemented"],
  [418, "InvalidResponse", "InvalidResponse"],
  [422, "InvalidResponse", "InvalidRequest"],
  [429, "RateLimited", "RateLimited"],
  [499, "InvalidResponse", "InvalidResponse"],
  [500, "ServerError", "ServerError"],
  [501, "NotImplemented", "NotImplemented"],
  [502, "ServiceUnavailable", "ServiceUnavailable"],
  [503, "ServiceUnavailable", "ServiceUnavailable"],
  [504, "ServiceUnavailable", "ServiceUnavailable"],
  [505, "ServerError", "ServerError"],
  [599, "ServerError", "ServerError"]
]

const tag = (error: ReturnType<typeof Answer.refusal>): string | undefined =>
  error instanceof TransportError ? error.reason._tag : error?._tag

const retryAfter = (header: string) => {
  const headers = Headers.fromInput({ "retry-after": header })
  const error = Answer.refusal(where, "login", 429, headers, 784_111_770_000)
  return error instanceof TransportError && error.reason._tag === "RateLimited"
    ? Option.map(Option.fromUndefinedOr(error.reason.retryAfter), Duration.toMillis)
    : assert.fail(tag(error))
}

describe("CryoSparcAnswer", () => {
  for (const [status, description, login] of statuses) {
    it(`store-35: status ${status} is ${description} to the description, ${login} to the sign-in`, () => {
      const refusal = (step: Answer.Step) => Answer.refusal(where, step, status, Headers.empty, 0)
      assert.strictEqual(tag(refusal("description")), description)
      assert.strictEqual(tag(refusal("login")), login)
      const error = refusal("login")
      if (error?._tag === "ServerError") assert.strictEqual(error.status, status)
      if (error?._tag === "InvalidResponse") assert.strictEqual(error.code, status)
    })
  }

  it("a rate limit tells how long to wait, by seconds or by date, where it can be understood", () => {
    assert.deepStrictEqual(retryAfter("120"), Option.some(120_000))
    assert.deepStrictEqual(retryAfter(" 0 "), Option.some(0))
    assert.deepStrictEqual(retryAfter("Sun, 06 Nov 1994 08:49:37 GMT"), Option.some(7000))
    assert.deepStrictEqual(retryAfter("Sat, 05 Nov 1994 08:49:37 GMT"), Option.some(0))
    for (const text of ["", "soon", "-1", "1.5", "9".repeat(400)]) {
      assert.deepStrictEqual(retryAfter(text), Option.none(), text)
    }
    assert.isUndefined(Answer.refusal(where, "login", 200, Headers.fromInput({ "retry-after": "1" }), 0))
  })

  it.effect("a date to wait for counts from the clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(784_111_770_000)
      const late = empty(429, { "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" })
      const { cryosparc } = yield* over(answering(late))
      const { reason } = yield* failsBecause("RateLimited", cryosparc.login(ada))
      assert.isTrue(reason._tag === "RateLimited" && reason.retryAfter !== undefined)
      if (reason._tag === "RateLimited") assert.deepStrictEqual(reason.retryAfter, Duration.seconds(7))
    })
  )

  it("content types of JSON", () => {
    for (const type of [
      "application/json",
      "Application/JSON",
      "application/json; charset=utf-8",
      "application/json ;x",
      "application/problem+json"
    ]) {
      assert.isTrue(Answer.isJson(type), type)
    }
    for (const type of [undefined, "", "text/html", "text/json", "application/jsonp", "application/xml"]) {
      assert.isFalse(Answer.isJson(type), type)
    }
  })

  const good = { access_token: "abc.DEF-123", token_type: "bearer" }
  const notTokens: ReadonlyArray<readonly [string, HttpResponse]> = [
    ["no token", json(200, { token_type: "bearer" })],
    ["an empty token", json(200, { ...good, access_token: "" })],
    ["a number for a token", json(200, { ...good, access_token: 7 })],
    ["a null for a token", json(200, { ...good, access_token: null })],
    ["a token that no header can hold", json(200, { ...good, access_token: "a\r\nb: c" })],
    ["a token with a blank", json(200, { ...good, access_token: "a b" })],
    ["a token that is too long", json(200, { ...good, access_token: "x".repeat(16 * 1024 + 1) })],
    ["no type", json(200, { access_token: "abc" })],
    ["the type Bearer", json(200, { ...good, token_type: "Bearer" })],
    ["the type mac", json(200, { ...good, token_type: "mac" })],
    ["an array", json(200, [good])],
    ["null", json(200, null)],
    ["nothing", text(200, "application/json", "")],
    ["half of it", text(200, "application/json", JSON.stringify(good).slice(0, -2))],
    ["two of it", text(200, "application/json", JSON.stringify(good) + JSON.stringify(good))],
    [
      "bytes that are no UTF-8",
      { ...json(200, good), body: Buffer.from(JSON.stringify({ ...good, x: "é" }), "latin1") }
    ],
    ["the type of a page", text(200, "text/html", JSON.stringify(good))],
    ["no content type", { ...json(200, good), headers: {} }]
  ]
  for (const [name, answer] of notTokens) {
    it.effect(`${name} is not understood`, () =>
      Effect.gen(function* () {
        const { cryosparc } = yield* over(answering(answer))
        yield* fails("InvalidResponse", cryosparc.login(ada))
      })
    )
  }

  it.effect("a token as long as a header can be is taken, and members that nobody knows are left alone", () =>
    Effect.gen(function* () {
      const token = "x".repeat(16 * 1024)
      const { cryosparc } = yield* over(answering(json(200, { ...good, access_token: token, scope: "" })))
      const session = yield* cryosparc.login(ada)
      assert.deepStrictEqual(session.accessToken, Redacted.make(token))
    })
  )

  it.prop("no text makes reading a token or a path throw", [Schema.String], ([text]) => {
    assert.isDefined(Answer.token(where, text))
    assert.isDefined(Answer.loginPath(where, text))
    assert.isBoolean(Answer.isJson(text))
  })
})

const coded = (code: string, cause?: unknown) => Object.assign(new Error("broke", { cause }), { code })

describe("what broke", () => {
  for (const [code, expected] of [
    ["ECONNREFUSED", "ConnectionFailed"],
    ["EHOSTUNREACH", "ConnectionFailed"],
    ["ENETUNREACH", "ConnectionFailed"],
    ["EHOSTDOWN", "ConnectionFailed"],
    ["ENETDOWN", "ConnectionFailed"],
    ["EADDRNOTAVAIL", "ConnectionFailed"],
    ["ENOTFOUND", "NameNotResolved"],
    ["EAI_AGAIN", "NameNotResolved"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "CertificateRejected"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "CertificateRejected"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CertificateRejected"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CertificateRejected"],
    ["CERT_HAS_EXPIRED", "CertificateRejected"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "CertificateRejected"],
    ["INVALID_CA", "CertificateRejected"],
    ["HOSTNAME_MISMATCH", "CertificateRejected"],
    ["EPROTO", "ConnectionFailed"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "ConnectionFailed"],
    ["HPE_INVALID_CONSTANT", "ConnectionFailed"],
    ["ETIMEDOUT", "TimedOut"],
    ["UND_ERR_CONNECT_TIMEOUT", "TimedOut"],
    ["UND_ERR_HEADERS_TIMEOUT", "TimedOut"],
    ["UND_ERR_BODY_TIMEOUT", "TimedOut"],
    ["ECONNRESET", "Closed"],
    ["EPIPE", "Closed"],
    ["UND_ERR_SOCKET", "Closed"],
    ["XECONNREFUSED", "Closed"]
  ] as const) {
    it(`${code} is ${expected}, however deep it is`, () => {
      assert.strictEqual(reason(coded(code))._tag, expected)
      assert.strictEqual(reason(new TypeError("fetch failed", { cause: coded(code) }))._tag, expected)
      const several = new AggregateError([coded(code), coded(code)])
      assert.strictEqual(reason(new TypeError("fetch failed", { cause: several }))._tag, expected)
    })
  }

  it("a cause is looked for eight causes deep", () => {
    const buried = (depth: number): Error =>
      depth === 0 ? coded("ECONNREFUSED") : new Error("broke", { cause: buried(depth - 1) })
    assert.strictEqual(reason(buried(8))._tag, "ConnectionFailed")
    assert.strictEqual(reason(buried(9))._tag, "Closed")
  })

  it("a parser that names no code is known by its own name", () => {
    const error = Object.assign(new Error("no HTTP"), { name: "HTTPParserError", code: undefined })
    assert.strictEqual(reason(new TypeError("fetch failed", { cause: error }))._tag, "ConnectionFailed")
  })

  it("what nobody knows is Closed: it may have been heard", () => {
    const circular = new Error("round")
    circular.cause = circular
    for (const cause of [undefined, null, "ECONNREFUSED", { code: 7 }, new Error("ECONNREFUSED"), circular]) {
      assert.strictEqual(reason(cause)._tag, "Closed")
    }
  })
})
