/** The two private tables, row by row. */
import { assert, describe, it } from "@effect/vitest"
import type { HttpAnswer } from "@latchkey/core/HttpExchange"
import { TransportError } from "@latchkey/core/TransportError"
import { empty, type HttpResponse, json, text } from "@latchkey/testing/HttpHandler"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { Headers } from "effect/http"
import { TestClock } from "effect/testing"
import * as Answer from "../src/internal/answer.ts"
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

const answer = (status: number): HttpAnswer => ({
  status,
  headers: Headers.empty,
  isJson: true,
  retryAfter: Option.none(),
  text: Effect.succeed("")
})

const tag = (error: ReturnType<typeof Answer.refusal>): string | undefined =>
  error instanceof TransportError ? error.reason._tag : error?._tag

describe("CryoSparcAnswer", () => {
  for (const [status, description, login] of statuses) {
    it(`store-35: status ${status} is ${description} to the description, ${login} to the sign-in`, () => {
      const refusal = (step: Answer.Step) => Answer.refusal(where, step, answer(status))
      assert.strictEqual(tag(refusal("description")), description)
      assert.strictEqual(tag(refusal("login")), login)
      const error = refusal("login")
      if (error?._tag === "ServerError") assert.strictEqual(error.status, status)
      if (error?._tag === "InvalidResponse") assert.strictEqual(error.code, status)
    })
  }

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
  })
})
