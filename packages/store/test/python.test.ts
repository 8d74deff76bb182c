/**
 * The Python side of the session file, with the library that the Python tools use (`fixtures/instance_auth.py`). Skipped
 * where there is no Python with pydantic: the samples in `fixtures/cryosparc` stand in for it.
 */
import { assert, describe, it } from "@effect/vitest"
import { InstanceAuthSessions } from "@latchkey/store"
import { Arbitrary, Effect, Redacted, Schema } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parse } from "../src/internal/whenItExpires.ts"
import { temporaryDirectory } from "./support.ts"

const script = fileURLToPath(new URL("./fixtures/instance_auth.py", import.meta.url))

const python = (args: ReadonlyArray<string>, input: unknown = null) =>
  JSON.parse(
    execFileSync("python3", [script, ...args], {
      encoding: "utf8",
      maxBuffer: 2 ** 26,
      input: JSON.stringify(input)
    }) || "null"
  )

const isThere = spawnSync("python3", ["-c", "import pydantic"]).status === 0

const inserts: ReadonlyArray<readonly [url: string, email: string, token: string, expires: string]> = [
  ["http://localhost:39000", "ali@example.com", "t1", "2099-01-31T12:00:00Z"],
  [
    "https://exämple.com/ü",
    "zoë☃@example.com",
    't"\\\b\t\n\f\r\u0001\u007f\u2028/<>&😀',
    "2099-01-31T12:00:00.000001Z"
  ],
  ["http://localhost:39000", "", "", "2099-01-31T12:00:00.120000+05:30"],
  ["10", "2", "t", "2099-01-31T12:00:00-23:59"],
  ["10", "1", "t", "9999-12-31T23:59:59.999999Z"],
  ["9", "__proto__", "t", "0001-01-01T00:00:00Z"],
  ["__proto__", "constructor", "t", "1969-12-31T23:59:59.999999Z"]
]

const urls = [...new Set(inserts.map(([url]) => url))]

const below = (limit: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: limit }))

/** Just beyond what there is, at each end. */
const Time = Schema.Struct({
  year: below(9_999),
  month: below(13),
  day: below(32),
  hour: below(24),
  minute: below(60),
  second: below(60),
  form: Schema.Literals(["date", "minutes", "seconds", "fraction", "epoch"]),
  between: Schema.Literals(["T", "t", " ", "_", "-"]),
  fraction: Schema.Literals([".1", ",12", ".123456", ".000001", ".1234567899", ".000000", "."]),
  zone: Schema.Literals(["Z", "z", "+02:00", "-0530", "+00:00", "-00:00", "+23:59", "+24:00", "", "+1"])
})

const two = (number: number) => String(number).padStart(2, "0")

const textOf = ({
  between,
  day,
  form,
  fraction,
  hour,
  minute,
  month,
  second,
  year,
  zone
}: typeof Time.Type) => {
  const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`
  const minutes = `${date}${between}${two(hour)}:${two(minute)}`
  switch (form) {
    case "date":
      return date
    case "minutes":
      return `${minutes}${zone}`
    case "seconds":
      return `${minutes}:${two(second)}${zone}`
    case "fraction":
      return `${minutes}:${two(second)}${fraction}${zone}`
    case "epoch":
      // Beyond the year 9999 in milliseconds, the library takes what has a fraction for something else.
      return `${minute % 2 === 0 ? "-" : ""}${year * 10_007}${month < 5 ? `${"0".repeat(month)}.${day}` : "0".repeat(month - 5)}`
  }
}

describe.skipIf(!isThere)("with the library of the Python tools", () => {
  it.effect("store-32: what each side writes the other one reads, and both write the same bytes", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const [ours, theirs] = [join(directory, "ours.json"), join(directory, "theirs.json")]
      const sessions = yield* InstanceAuthSessions.load(ours)
      for (const [url, email, token, expires] of inserts) {
        yield* sessions.insert(url, email, Redacted.make(token), expires)
      }
      yield* sessions.save()
      python(["save", theirs], inserts)
      assert.deepStrictEqual(readFileSync(ours), readFileSync(theirs))

      const read = yield* InstanceAuthSessions.load(theirs)
      assert.deepStrictEqual(read.damaged, [])
      assert.deepStrictEqual(
        Array.from(yield* read.sessions).flatMap(([url, emails]) =>
          Array.from(emails, ([email, { expiresText, token }]) => [
            url,
            email,
            Redacted.value(token),
            expiresText
          ])
        ),
        // The year 1 is over, and so is 1969, under the test clock too.
        inserts
          .filter(([, , , expires]) => expires > "1970")
          .toSorted(([a], [b]) => urls.indexOf(a) - urls.indexOf(b))
          .map((one) => [...one])
      )
      const loaded = python(["load", ours])
      assert.strictEqual(
        loaded["https://exämple.com/ü"]["zoë☃@example.com"].token.access_token,
        inserts[1]?.[2]
      )
    })
  )

  it.live("store-12: it takes the same points in time, and writes them alike", () =>
    Effect.gen(function* () {
      const times = yield* Arbitrary.sampleEffect(Arbitrary.schema(Time), { count: 3_000, size: 10_000 })
      const texts = times.map(textOf)
      const written: ReadonlyArray<string | null> = python(
        ["expires"],
        texts.map((text) => JSON.stringify(text))
      )
      const differing = texts.flatMap((text, n) => {
        const [ours, theirs] = [parse(text)?.text ?? null, written[n]]
        return ours === theirs ? [] : [{ text, ours, theirs }]
      })
      assert.deepStrictEqual(differing, [])
      assert.isAbove(written.filter((text) => text !== null).length, 500)
    })
  )
})
