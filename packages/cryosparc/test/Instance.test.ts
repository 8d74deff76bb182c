/** What a client of ours never sends, and an instance refuses all the same. */
import { assert, describe, it } from "@effect/vitest"
import type { HttpRequest } from "@latchkey/testing/HttpHandler"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as Instance from "../src/testing/Instance.ts"

const good = {
  grant_type: "password",
  username: "ada@example.com",
  password: createHash("sha256").update("correct-horse").digest("hex"),
  expires_in: "60"
}

const request = (method: string, path: string, form: Record<string, string> = good): HttpRequest => ({
  method,
  path: `/api/cmd${path}`,
  query: "",
  headers: new Map([["content-type", "application/x-www-form-urlencoded"]]),
  body: Buffer.from(String(new URLSearchParams(form)))
})

const status = (sent: HttpRequest) =>
  Effect.gen(function* () {
    const { handler } = yield* Instance.make()
    return (yield* handler(sent)).status
  })

describe("an instance", () => {
  for (const [name, form, expected] of [
    ["what a client sends", {}, 200],
    ["a life of 365 days", { expires_in: "31536000" }, 200],
    ["a longer life", { expires_in: "31536001" }, 422],
    ["a life by a hair longer", { expires_in: "31536000.1" }, 422],
    ["a life below zero", { expires_in: "-1" }, 422],
    ["no life", { expires_in: "" }, 422],
    ["another grant", { grant_type: "client_credentials" }, 422],
    ["no grant", { grant_type: "" }, 422],
    ["a password in clear text", { password: "correct-horse" }, 401]
  ] as const) {
    it.effect(`says ${expected} to ${name}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* status(request("POST", "/auth/token", { ...good, ...form })), expected)
      })
    )
  }

  it.effect("says 422 to what is no form", () =>
    Effect.gen(function* () {
      const sent = { ...request("POST", "/auth/token"), headers: new Map([["content-type", "text/plain"]]) }
      assert.strictEqual(yield* status(sent), 422)
    })
  )

  for (const [method, path, expected] of [
    ["GET", "/openapi.json", 200],
    ["POST", "/openapi.json", 405],
    ["GET", "/auth/token", 405],
    ["POST", "/users/me", 405],
    ["GET", "/nothing", 404]
  ] as const) {
    it.effect(`says ${expected} to ${method} ${path}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* status(request(method, path)), expected)
      })
    )
  }
})
