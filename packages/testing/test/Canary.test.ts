import { assert, describe, it } from "@effect/vitest"
import { Canary } from "@latchkey/testing"
import { Cause, Effect, Exit, Metric, Option, Redacted } from "effect"

const canary = Canary.make("pass word")
const other = Canary.make("other")

const wheres = (value: unknown) => new Set(Canary.find([canary, other], value).map(({ where }) => where))
const forms = (value: unknown) => new Set(Canary.find([canary, other], value).map(({ form }) => form))

describe("Canary.make", () => {
  it("gives visible ASCII that is its own for every label, and the same for the same", () => {
    assert.match(canary.secret, /^[\x21-\x7e]+$/)
    assert.strictEqual(Canary.make("pass word").secret, canary.secret)
    assert.strictEqual(Redacted.value(canary.redacted), canary.secret)
    assert.isFalse(other.secret.includes(canary.secret) || canary.secret.includes(other.secret))
  })
})

describe("Canary.find finds a secret", () => {
  const leaks: Record<string, readonly [where: string, value: unknown]> = {
    "that is the text itself": ["text", `Bearer ${canary.secret}!`],
    "in a message": ["message", new Error(`refused: ${canary.secret}`)],
    "in a stack alone": [
      "stack",
      Object.assign(new Error("refused"), { stack: `at login(${canary.secret})` })
    ],
    "in the message of a cause": [
      "cause.message",
      new Error("refused", { cause: new TypeError(canary.secret) })
    ],
    "in a cause of a cause": [
      "cause.cause.text",
      new Error("", { cause: new Error("", { cause: canary.secret }) })
    ],
    "in one of many errors": ["inspect", new AggregateError([new Error(canary.secret)])],
    "that String() shows": ["String()", { toString: () => canary.secret }],
    "that JSON shows": ["JSON", { toJSON: () => ({ token: canary.secret }) }],
    "in a member": ["token.text", { token: canary.secret }],
    "in a member beside a bigint": ["JSON", { id: 1n, token: canary.secret }],
    "in a member that is not enumerable": [
      "inspect",
      Object.defineProperty({}, "token", { value: canary.secret })
    ],
    "in a member behind a symbol": ["inspect", { [Symbol("token")]: canary.secret }],
    "in the name of a member": ["key", { [canary.secret]: 1 }],
    "in a getter": [
      "inspect",
      {
        get token() {
          return canary.secret
        }
      }
    ],
    "far down": ["inspect", { a: [{ b: new Map([[{ c: new Set([canary.secret]) }, 1]]) }] }],
    "at the end of a long list": ["inspect", [...Array.from({ length: 500 }, () => 0), canary.secret]],
    "at the end of a long text": ["inspect", { text: "x".repeat(50_000) + canary.secret }],
    "in bytes": ["body.bytes", { body: Buffer.from(`x-token: ${canary.secret}`) }],
    "in a circle": ["inspect", circle(canary.secret)],
    "in a failure": ["Cause.pretty", Cause.fail(new Error(canary.secret))],
    "in a defect of an exit": ["Cause.pretty", Exit.die(new Error(canary.secret))]
  }
  for (const [name, [where, value]] of Object.entries(leaks)) {
    it(`somewhere ${name}`, () => {
      assert.isTrue(wheres(value).has(where), JSON.stringify([...wheres(value)]))
      assert.throws(() => Canary.assertAbsent([other, canary], value))
      assert.deepStrictEqual(Canary.find([other], value), [])
      Canary.assertAbsent([other], value)
    })
  }

  const disguises: Record<string, string> = {
    plain: canary.secret,
    percent: `https://h/?password=${encodeURIComponent(canary.secret)}&x`,
    reversed: [...canary.secret].toReversed().join(""),
    hex: Buffer.from(`--${canary.secret}`).toString("hex").toUpperCase()
  }
  for (const [form, text] of Object.entries(disguises)) {
    it(`disguised as ${form}`, () => assert.deepStrictEqual(forms(text), new Set([form])))
  }

  it("disguised as percent in lower case, or by a form", () => {
    const lower = encodeURIComponent(canary.secret).replaceAll(/%../g, (escape) => escape.toLowerCase())
    assert.deepStrictEqual(forms(lower), new Set(["percent"]))
    assert.deepStrictEqual(
      forms(new URLSearchParams({ password: canary.secret }).toString()),
      new Set(["percent"])
    )
  })

  for (const before of ["", "u", "us", "user:"]) {
    it(`disguised as base64 and base64url behind ${before.length} bytes`, () => {
      const bytes = Buffer.from(`${before}${canary.secret}~tail`)
      assert.isTrue(forms(`Basic ${bytes.toString("base64")}`).has("base64"))
      assert.isTrue(forms(`eyJ.${bytes.toString("base64url")}.sig`).has("base64url"))
    })
  }
})

describe("Canary.find finds nothing", () => {
  for (const [name, value] of Object.entries({
    "in a redacted secret": { token: canary.redacted, tokens: [Option.some(canary.redacted)] },
    "in half of one": canary.secret.slice(1),
    "in nothing": [undefined, null, "", 0, {}, Object.create(null)]
  })) {
    it(`somewhere ${name}`, () => Canary.assertAbsent([canary, other], value))
  }
})

describe("Canary.capture", () => {
  const leaks: Record<string, readonly [where: string, effect: Effect.Effect<unknown, unknown>]> = {
    "a log line of the lowest level": ["log", Effect.logTrace("refused", canary.secret)],
    "a log line's object": ["log", Effect.logDebug({ request: { password: canary.secret } })],
    "a log line's cause": ["log", Effect.logError("refused", Cause.fail(new Error(canary.secret)))],
    "a log annotation": ["log", Effect.annotateLogs(Effect.logInfo("refused"), "token", canary.secret)],
    "a log span": ["log", Effect.withLogSpan(Effect.logInfo("refused"), canary.secret)],
    "the name of a span": ["span", Effect.withSpan(Effect.void, canary.secret)],
    "an attribute of a span": [
      "span",
      Effect.withSpan(Effect.void, "login", { attributes: { url: canary.secret } })
    ],
    "an attribute added to a span": [
      "span",
      Effect.withSpan(Effect.annotateCurrentSpan("a", { b: canary.secret }), "login")
    ],
    "an event of a span": [
      "span",
      Effect.withSpan(
        Effect.flatMap(Effect.orDie(Effect.currentSpan), (span) =>
          Effect.sync(() => span.event("e", 0n, { a: canary.secret }))
        ),
        "login"
      )
    ],
    "the failure that ended a span": ["span", Effect.withSpan(Effect.die(new Error(canary.secret)), "login")],
    "a label of a metric": [
      "metric",
      Metric.update(Metric.counter("logins").pipe(Metric.withAttributes({ account: canary.secret })), 1)
    ],
    "the state of a metric": ["metric", Metric.update(Metric.frequency("accounts"), canary.secret)]
  }
  for (const [name, [where, effect]] of Object.entries(leaks)) {
    it.effect(`shows ${name}`, () =>
      Effect.gen(function* () {
        yield* Effect.exit(effect)
        const found = yield* Canary.findCaptured([canary, other])
        assert.deepStrictEqual(
          new Set(found.map((leak) => `${leak.label} ${leak.where}`)),
          new Set([`pass word ${where}`])
        )
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Canary.assertNoneCaptured([canary]))))
        yield* Canary.assertNoneCaptured([other])
      }).pipe(Effect.provide(Canary.capture))
    )
  }

  it.effect("starts empty each time, and shows nothing of what is redacted", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* Canary.Captured).everything, [])
      yield* Effect.logInfo("login", canary.redacted)
      yield* Effect.withSpan(Effect.void, "login", { attributes: { token: canary.redacted } })
      assert.isNotEmpty(yield* (yield* Canary.Captured).everything)
      yield* Canary.assertNoneCaptured([canary])
    }).pipe(Effect.provide(Canary.capture))
  )
})

function circle(secret: string) {
  const one: { self?: unknown; deep: unknown } = { deep: { token: secret } }
  one.self = one
  return one
}
