import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as BaseUrl from "../src/BaseUrl.ts"
import { fails } from "../../../test/support/fails.ts"

describe("BaseUrl", () => {
  for (const [text, href, origin] of [
    ["https://a.example.com", "https://a.example.com", "https://a.example.com"],
    ["https://a.example.com///", "https://a.example.com", "https://a.example.com"],
    ["https://A.Example.com:443/Lab/1/", "https://a.example.com/Lab/1", "https://a.example.com"],
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8080"],
    ["http://[::1]:8080/x", "http://[::1]:8080/x", "http://[::1]:8080"]
  ] as const) {
    it(`${text} is ${href} of ${origin}`, () => {
      assert.deepStrictEqual(BaseUrl.parse(text), { href, origin, isExposed: false })
    })
  }

  for (const text of [
    "",
    "a.example.com",
    "HTTPS://a.example.com",
    "ftp://a.example.com",
    "https://",
    "https://user@a.example.com",
    "https://user:canary@a.example.com",
    "https://a.example.com?x=1",
    "https://a.example.com/#x",
    "https://a.example.com//x",
    "https://a.example.com\\x",
    "https://a.example.com:0",
    "https://a.example.com:99999",
    "https://a b"
  ]) {
    it.effect(`${JSON.stringify(text)} is InvalidRequest, which does not show it`, () =>
      Effect.gen(function* () {
        const error = yield* fails("InvalidRequest", BaseUrl.make("acme", { url: text }))
        assert.strictEqual(error.field, "url")
        assert.notInclude(JSON.stringify(error), "canary")
      })
    )
  }

  it.effect("S07: plain http leads to this machine only, unless said otherwise", () =>
    Effect.gen(function* () {
      for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) {
        assert.isFalse((yield* BaseUrl.make("acme", { url: `http://${host}:1` })).isExposed)
      }
      for (const host of ["a.example.com", "x.localhost", "10.0.0.1", "127.0.0.1.example.com"]) {
        const url = `http://${host}`
        assert.strictEqual((yield* fails("InvalidRequest", BaseUrl.make("acme", { url }))).field, "url")
        assert.isTrue((yield* BaseUrl.make("acme", { url, plainHttp: "anywhere" })).isExposed)
      }
    })
  )

  it.prop("no text makes it throw, and what it takes has no slash at the end", [Schema.String], ([text]) => {
    assert.notMatch(BaseUrl.parse(`https://${text}`)?.href ?? "", /\/$/)
  })
})
