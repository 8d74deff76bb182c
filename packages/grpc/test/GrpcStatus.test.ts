/** Robot contract, checklist items 24 and 25. */
import { assert, describe, it } from "@effect/vitest"
import { GrpcStatus } from "@latchkey/grpc"
import { Effect, Schema } from "effect"

const where = { provider: "robot", instance: "one" }

const translated = (code: number, details = "") =>
  GrpcStatus.toAuthError(where, new GrpcStatus.GrpcStatus({ code, details }))

const verdict = (code: number, details?: string) => {
  const error = translated(code, details)
  return error._tag === "TransportError" ? error.reason._tag : error._tag
}

describe("GrpcStatus", () => {
  const rows: ReadonlyArray<readonly [code: number, verdict: string, isRetryable: boolean]> = [
    [4, "TimedOut", true],
    [7, "PermissionDenied", false],
    [12, "NotImplemented", false],
    [14, "ServiceUnavailable", true],
    [16, "InvalidToken", false]
  ]
  for (const [code, expected, isRetryable] of rows) {
    it(`${code} is ${expected}`, () => {
      assert.strictEqual(verdict(code, "401 429 502"), expected)
      assert.strictEqual(translated(code).isRetryable, isRetryable)
    })
  }

  for (const code of [1, 2, 3, 5, 6, 8, 9, 10, 11, 13, 15, 17, 99]) {
    it(`${code} is InvalidResponse with the number and the text`, () => {
      const error = translated(code, "429: no")
      if (error._tag !== "InvalidResponse") return assert.fail(error._tag)
      assert.strictEqual(error.code, code)
      assert.include(error.message, "429: no")
      assert.isFalse(error.isRetryable)
    })
  }

  it("a Python handler that raised is ServerError, with that code and at the beginning only", () => {
    assert.strictEqual(verdict(2, "Exception calling application: boom"), "ServerError")
    assert.isTrue(translated(2, "Exception calling application: boom").isRetryable)
    assert.strictEqual(verdict(2, "no Exception calling application"), "InvalidResponse")
    assert.strictEqual(verdict(13, "Exception calling application: boom"), "InvalidResponse")
  })

  it.effect.prop(
    "no text breaks a line, moves a cursor, or is long",
    { details: Schema.String },
    ({ details }) =>
      Effect.sync(() => {
        const nasty = `\u001b[2J\r\n\u202e\u2028${details}${"x".repeat(1000)}`
        const { message } = translated(13, nasty)
        assert.notMatch(message, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        assert.isBelow(message.length, 2 * 200 + 100)
      })
  )

  it.effect.prop(
    "a text is shown from its beginning, without what cannot be seen, and never longer than asked",
    { text: Schema.String, max: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 })) },
    ({ max, text }) =>
      Effect.sync(() => {
        const shown = Array.from(GrpcStatus.cleaned(`a\n\u200bb${text}`, max))
        assert.isAtMost(shown.length, max)
        assert.strictEqual(shown.slice(0, 2).join(""), "ab".slice(0, max))
      })
  )

  it("no more of a text is looked at than its beginning, however long it is", () => {
    assert.strictEqual(GrpcStatus.cleaned(`${"\u200b".repeat(799)}xy`), "x")
    assert.strictEqual(GrpcStatus.cleaned(`${"\u200b".repeat(39)}xy`, 10), "x")
    assert.strictEqual(GrpcStatus.cleaned("x".repeat(1000)).length, 200)
  })

  it("its own message does not carry the server's text", () => {
    const status = new GrpcStatus.GrpcStatus({ code: 13, details: "canary" })
    assert.notInclude(status.message, "canary")
    assert.include(status.message, "13")
    assert.strictEqual(status.details, "canary")
  })
})
