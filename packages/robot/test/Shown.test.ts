import { assert, describe, it } from "@effect/vitest"
import { Canary } from "@latchkey/testing"
import { Redacted, Schema } from "effect"
import { MAX_SHOWN, shown, WITHHELD } from "../src/internal/shown.ts"

const octal = (secret: string): string =>
  Array.from(Buffer.from(secret), (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")

const quoted = (secret: string): string => secret.replaceAll(/["'\\]/g, (sign) => `\\${sign}`)

const nonAscii = (secret: string, escape: (unit: number) => string): string =>
  secret.replaceAll(/[^ -~]/g, (unit) => escape(unit.charCodeAt(0)))

const four = (unit: number): string => `\\u${unit.toString(16).padStart(4, "0")}`

const MANGLED = "mangled to question marks"

const isMangledAway = (secret: string): boolean =>
  /[^ -~]/.test(secret) && secret.length >= 4 && secret.replaceAll(/[^a-z0-9]/gi, "").length < 4

/** How programs write a secret into a text. */
const forms: Readonly<Record<string, (secret: string) => string>> = {
  "as it is": (secret) => secret,
  quoted,
  "quoted twice": (secret) => quoted(quoted(secret)),
  "protobuf text": (secret) => quoted(secret).replaceAll(/[^ -~]+/g, (run) => octal(run)),
  "octal throughout": octal,
  "Python bytes": (secret) =>
    quoted(secret).replaceAll(/[^ -~]+/g, (run) =>
      Buffer.from(run).toString("hex").replaceAll(/../g, "\\x$&")
    ),
  "Python text": (secret) =>
    nonAscii(quoted(secret), (unit) =>
      unit < 256 ? `\\x${unit.toString(16).padStart(2, "0")}` : four(unit)
    ),
  JSON: (secret) => JSON.stringify(secret),
  "ASCII JSON": (secret) => nonAscii(JSON.stringify(secret), four),
  "JSON in JSON": (secret) => JSON.stringify(nonAscii(JSON.stringify(secret), four)),
  percent: (secret) => encodeURIComponent(secret),
  "percent throughout, lower case": (secret) => Buffer.from(secret).toString("hex").replaceAll(/../g, "%$&"),
  "percent twice": (secret) => encodeURIComponent(encodeURIComponent(secret)),
  form: (secret) => new URLSearchParams({ secret }).toString(),
  HTML: (secret) =>
    nonAscii(
      secret.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
      (unit) => `&#${unit};`
    ),
  hex: (secret) => Buffer.from(secret).toString("hex"),
  "hex, as debuggers write it": (secret) =>
    Array.from(Buffer.from(secret), (byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(", "),
  base64: (secret) => Buffer.from(secret).toString("base64"),
  base64url: (secret) => Buffer.from(secret).toString("base64url"),
  "basic authentication": (secret) => Buffer.from(`user:${secret}`).toString("base64"),
  "a list of bytes": (secret) => JSON.stringify([...Buffer.from(secret)]),
  "upper case": (secret) => secret.toUpperCase(),
  decomposed: (secret) => secret.normalize("NFD"),
  "with control characters": (secret) => Array.from(secret).join("\u0007"),
  reversed: (secret) => Array.from(secret).toReversed().join(""),
  [MANGLED]: (secret) => secret.replaceAll(/[^ -~]/g, "?"),
  "cut in half": (secret) => secret.slice(0, Math.ceil((secret.length * 2) / 3))
}

const secrets = [
  "correct-horse",
  "pässwörd",
  `it's "p\\w"`,
  "a+b c%41",
  "пароль-1",
  "а б в г д е",
  "密码密码密码",
  "🐎🐎🐎",
  "\\\\\\\\\\\\",
  "e",
  "ab",
  "    "
]

describe("the robot's text", () => {
  for (const [name, write] of Object.entries(forms)) {
    it(`is withheld when it repeats a secret: ${name}`, () => {
      for (const secret of secrets) {
        if (name === MANGLED && isMangledAway(secret)) continue
        for (const text of [
          write(secret),
          `cannot handle username: "user" password: "${write(secret)}" at 10.0.0.1`,
          `${"x".repeat(MAX_SHOWN - 4)} ${write(secret)}`
        ]) {
          assert.strictEqual(shown(text, [secret]), WITHHELD, `${secret} as ${text}`)
          assert.strictEqual(shown(text, ["another-one", secret]), WITHHELD)
        }
      }
    })
  }

  it("is shown when it does not, without what terminals obey, and cut", () => {
    const text =
      "out of\u0007 juice\r\n\u001b[31m, code 1234567890 in /var/log/spot.log, see https://example.invalid/a%20b"
    assert.strictEqual(
      shown(text, ["correct-horse", "пароль-1"]),
      "out of juice[31m, code 1234567890 in /var/log/spot.log, see https://example.invalid/a%20b"
    )
    assert.strictEqual(shown("x".repeat(1_000_000), ["correct-horse"]), "x".repeat(MAX_SHOWN))
    assert.strictEqual(shown("", ["e"]), "")
    assert.strictEqual(shown("boom", []), "boom")
  })

  it("costs no more when it is long", () => {
    const huge = "a".repeat(100 * 1024 * 1024)
    const start = performance.now()
    assert.strictEqual(shown(huge, ["a"]), WITHHELD)
    assert.strictEqual(shown(huge, ["aaaa"]), WITHHELD)
    assert.strictEqual(shown(huge, ["correct-horse"]).length, MAX_SHOWN)
    for (const noise of ["\\1", "%25", "&#1", "\\u00", "a1", "1,", "=4"]) {
      shown(noise.repeat(1_000_000), ["correct-horse", "x".repeat(16_384)])
    }
    shown("boom", ["b".repeat(10_000_000)])
    assert.isBelow(performance.now() - start, 5000)
  })

  const names = Object.keys(forms)

  const noSecretShows = (options: {
    readonly before: string
    readonly secret: string
    readonly after: string
    readonly form: number
  }): void => {
    const secret = options.secret.toWellFormed()
    const write = forms[names[options.form] ?? ""] ?? String
    const result = shown(`${options.before} ${write(secret)} ${options.after}`, [secret])
    assert.notMatch(result, /[\p{Cc}\p{Zl}\p{Zp}]/u)
    assert.isAtMost(Array.from(result).length, MAX_SHOWN)
    if (result === WITHHELD) return
    Canary.assertAbsent([{ label: "secret", secret, redacted: Redacted.make(secret) }], result)
    for (const [name, every] of Object.entries(forms)) {
      // Three characters of a secret may show.
      const isPiece = name === "cut in half" || (name === MANGLED && isMangledAway(secret))
      if (!isPiece) assert.notInclude(result, every(secret))
    }
  }

  const form = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: names.length - 1 }))

  it.prop(
    "never shows a secret in any form at any place",
    {
      secret: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(40)),
      before: Schema.String.check(Schema.isMaxLength(300)),
      after: Schema.String,
      form
    },
    noSecretShows,
    { arbitrary: { runs: 1000 } }
  )

  it.prop(
    "nor one that looks like an escape",
    {
      secret: Schema.Array(Schema.Literals([..."abcdefnrtuUx0123489%=&#;,\\\"'+/ äЖ🐎"])).check(
        Schema.isMinLength(1),
        Schema.isMaxLength(24)
      ),
      form
    },
    ({ form, secret }) =>
      noSecretShows({ before: "password:", secret: secret.join(""), after: "(refused)", form }),
    { arbitrary: { runs: 3000 } }
  )
})
