import { assert, describe, it } from "@effect/vitest"
import type { AuthError } from "@latchkey/core"
import { GrpcStatus } from "@latchkey/grpc"
import { failure, loginFailure } from "../src/internal/answer.ts"
import { where } from "../src/internal/where.ts"

const here = where(undefined)

const REQUIRED = "Two-factor authentication code is required."
const REJECTED = "Two-factor authentication code was rejected."
const NOT_READY = "Cloud session manager is not ready."
const NO_BRIDGE = "Auth bridge is not configured."

/** A failure in one word or two. */
const short = (error: AuthError): string => {
  switch (error._tag) {
    case "InvalidLogin":
      return `InvalidLogin ${error.factor}`
    case "FailedPrecondition":
      return error.precondition
    case "ServerError":
      return `ServerError ${error.status}`
    case "InvalidResponse":
      return `InvalidResponse ${error.code}`
    case "TransportError":
      return error.reason._tag
  }
  return error._tag
}

type Row = readonly [code: number, text: string, meaning: string, isRetryable: boolean]

/** Without a code in the call. */
const logins: ReadonlyArray<Row> = [
  [16, "Login failed (HTTP 400).", "InvalidLogin password", false],
  [16, "Login failed (HTTP 401).", "InvalidLogin password", false],
  [16, "Login failed (HTTP 403).", "InvalidLogin password", false],
  [16, "Login failed (HTTP 404).", "InvalidLogin password", false],
  [16, "Login failed (HTTP 499).", "InvalidLogin password", false],
  ...[0, 100, 200, 302, 399, 600, 5030, 123456].map((http): Row => [
    16,
    `Login failed (HTTP ${http}).`,
    "ServerError 16",
    true
  ]),
  [16, "Login failed (HTTP 408).", "ServerError 408", true],
  [16, "Login failed (HTTP 429).", "RateLimited", true],
  [16, "Login failed (HTTP 500).", "ServerError 500", true],
  [16, "Login failed (HTTP 503).", "ServerError 503", true],
  [16, "Login failed (HTTP 599).", "ServerError 599", true],
  [16, "Anmeldung fehlgeschlagen (HTTP 503).", "ServerError 503", true],
  [16, "Login failed.", "ServerError 16", true],
  [16, "Login failed", "ServerError 16", true],
  [16, "Login failed. Why? Unknown.", "InvalidLogin password", false],
  [16, "Anmeldung fehlgeschlagen.", "InvalidLogin password", false],
  [16, "", "InvalidLogin password", false],
  [16, REJECTED, "InvalidLogin password", false],
  [9, REQUIRED, "TotpRequired", false],
  [9, "a TOTP is needed", "TotpRequired", false],
  [9, "Your Two Factor code, please", "TotpRequired", false],
  [9, NOT_READY, "NotReady", true],
  [9, "", "NotReady", true],
  [14, NO_BRIDGE, "BridgeNotConfigured", false],
  [14, "the AUTH BRIDGE IS NOT CONFIGURED", "BridgeNotConfigured", false],
  [14, "", "ServiceUnavailable", true],
  [12, "", "NotImplemented", false],
  [13, "Auth bridge faulted: boom", "ServerError 13", true],
  [2, "Exception was thrown by handler.", "ServerError 2", true],
  [4, "", "TimedOut", true],
  [7, "", "InvalidResponse 7", false],
  [99, "", "InvalidResponse 99", false]
]

/** With a code, where that makes a difference. */
const withCode: ReadonlyArray<Row> = [
  [16, REJECTED, "InvalidLogin totp", false],
  [16, "the totp is stale", "InvalidLogin totp", false],
  [9, REQUIRED, "NotReady", true]
]

/** What says nothing of a password or a code is not asked about one. */
const others: ReadonlyArray<Row> = [
  [16, "Login failed.", "InvalidResponse 16", false],
  [16, REJECTED, "InvalidResponse 16", false],
  [9, REQUIRED, "NotReady", true],
  [9, NOT_READY, "NotReady", true],
  [14, NO_BRIDGE, "BridgeNotConfigured", false],
  [14, "", "ServiceUnavailable", true],
  [12, "", "NotImplemented", false],
  [13, "", "ServerError 13", true],
  [4, "", "TimedOut", true]
]

const rows = (table: ReadonlyArray<Row>, meaning: (status: GrpcStatus.GrpcStatus) => AuthError): void => {
  for (const [code, details, expected, isRetryable] of table) {
    it(`${code} ${JSON.stringify(details)} is ${expected}`, () => {
      const error = meaning(new GrpcStatus.GrpcStatus({ code, details }))
      assert.strictEqual(short(error), expected)
      assert.strictEqual(error.isRetryable, isRetryable)
      assert.deepInclude(error, here)
    })
  }
}

describe("what an answer means", () => {
  describe("to a login without a code", () => {
    rows(logins, (status) => loginFailure(here, status, false))
  })

  describe("to a login with a code", () => {
    const alike = logins.filter(([, text]) => !/two.factor|totp/i.test(text))
    rows([...withCode, ...alike], (status) => loginFailure(here, status, true))
  })

  it("a code that was sent and is asked for all the same is no fault of the engine", () => {
    const asked = new GrpcStatus.GrpcStatus({ code: 9, details: REQUIRED })
    const early = new GrpcStatus.GrpcStatus({ code: 9, details: NOT_READY })
    const message = loginFailure(here, asked, true).message
    assert.notStrictEqual(message, loginFailure(here, early, true).message)
    assert.notStrictEqual(message, loginFailure(here, asked, false).message)
  })

  it("a number that is no refusal is not shown: it may be the code", () => {
    const status = new GrpcStatus.GrpcStatus({ code: 16, details: "Login failed (HTTP 123456)." })
    assert.notInclude(loginFailure(here, status, true).message, "123456")
  })

  describe("to a logout or a status", () => {
    rows(others, (status) => failure(here, status))
  })
})
