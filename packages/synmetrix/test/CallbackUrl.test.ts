import { assert, describe, it } from "@effect/vitest"
import { Redacted, Schema } from "effect"
import * as CallbackUrl from "../src/internal/callbackUrl.ts"

const read = (text: string) => CallbackUrl.read(Redacted.make(text))

describe("CallbackUrl", () => {
  it("synmetrix-37: has one token, none, or is unsound", () => {
    for (const [text, expected] of [
      ["https://h/callback?refresh_token=abc", "Token"],
      ["https://h/callback?a=1&refresh_token=abc&b=2#refresh_token=x", "Token"],
      ["/callback?refresh_token=abc", "Token"],
      ["my-app://callback?refresh_token=abc", "Token"],
      ["https://h/callback", "Failed"],
      ["https://h/callback?", "Failed"],
      ["https://h/callback?refresh_token", "Failed"],
      ["https://h/callback?refresh_token=", "Failed"],
      ["https://h/callback?Refresh_Token=abc", "Failed"],
      ["https://h/callback#refresh_token=abc", "Failed"],
      ["https://h/?refresh_token=a&refresh_token=b", "Unsound"],
      ["https://h/?refresh_token=&refresh_token=b", "Unsound"],
      ["https://h/auth/magic-link?token=abc&action=log-in", "Unsound"],
      ["https://h/auth/activate?ticket=abc", "Unsound"],
      ["https://h/auth/magic-link?refresh_token=abc", "Token"],
      ["callback?refresh_token=abc", "Unsound"],
      ["?refresh_token=abc", "Unsound"],
      ["refresh_token=abc", "Unsound"],
      ["", "Unsound"]
    ] as const) {
      assert.strictEqual(read(text)._tag, expected, text)
    }
  })

  it.prop("gives back what was put in, whatever it is", [Schema.NonEmptyString], ([text]) => {
    const url = new URL("https://h/callback")
    url.searchParams.set("refresh_token", text)
    const found = read(url.href)
    assert.strictEqual(found._tag === "Token" ? Redacted.value(found.token) : "", text.toWellFormed())
  })

  it.prop("never throws, and shows nothing", [Schema.String], ([text]) => {
    for (const one of [text, `/${text}`, `https://h/?${text}`, `https://h/?refresh_token=${text}`]) {
      assert.include(["Token", "Failed", "Unsound"], read(one)._tag)
    }
    assert.notInclude(JSON.stringify(read("/?refresh_token=canary")), "canary")
  })
})
