import { assert, describe, it } from "@effect/vitest"
import { InvalidRequest, SessionExpired } from "@latchkey/core/AuthError"
import { InstanceAuthSessions } from "@latchkey/store"
import { Canary } from "@latchkey/testing"
import { DateTime, Effect, Exit, Logger, Option, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  lstatSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { defaultAuthFile } from "../src/internal/defaultAuthFile.ts"
import { readSessions } from "../src/internal/readSessions.ts"
import { parse } from "../src/internal/whenItExpires.ts"
import { environment, modeOf, reasonOf, temporaryDirectory, treeOf, withUmask } from "./support.ts"

const { load } = InstanceAuthSessions

const sample = (name: string) => fileURLToPath(new URL(`./fixtures/cryosparc/${name}`, import.meta.url))

const textOf = (path: string) => readFileSync(path, "utf8")

/** A private place for a file, and the file if `content` is given. */
const place = (content?: string | Uint8Array) =>
  Effect.map(temporaryDirectory, (directory) => {
    const path = join(directory, "auth.json")
    if (content !== undefined) writeFileSync(path, content, { mode: 0o600 })
    return path
  })

const today = TestClock.setTime(Date.parse("2026-11-22T12:00:00Z"))

const local = "http://localhost:39000"
const remote = "https://cryosparc.example.com"

const token = (text: string) => Redacted.make(text)

const shown = (found: Option.Option<InstanceAuthSessions.Found>) =>
  Option.match(found, {
    onNone: () => "none",
    onSome: ({ email, session, url }) =>
      `${url} ${email} ${Redacted.value(session.token)} ${session.expiresText}`
  })

/** An entry as the file has it, without spaces. */
const entry = (access = "t", expires = "2099-01-31T12:00:00Z") =>
  `{"token":{"access_token":${JSON.stringify(access)},"token_type":"bearer"},"expires":${JSON.stringify(expires)}}`

describe("where the file lies", () => {
  const where = { provider: "cryosparc", instance: "" }
  const found = (env: Record<string, string>, platform: NodeJS.Platform = "linux") =>
    defaultAuthFile(where, platform).pipe(environment(env))

  for (const platform of ["linux", "darwin", "freebsd"] as const) {
    it.effect(`store-01: on ${platform} it is in XDG_CONFIG_HOME, or in .config of the home folder`, () =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* found({ XDG_CONFIG_HOME: "/x", HOME: "/h" }, platform),
          "/x/cryosparc-tools/auth.json"
        )
        for (const env of [{}, { XDG_CONFIG_HOME: "" }, { XDG_CONFIG_HOME: " \t" }]) {
          assert.strictEqual(
            yield* found({ HOME: "/h", ...env }, platform),
            "/h/.config/cryosparc-tools/auth.json"
          )
        }
      })
    )
  }

  it.effect("store-01: without HOME it is in the home folder of the account", () =>
    Effect.gen(function* () {
      assert.match(yield* found({}), /^\/.*\/\.config\/cryosparc-tools\/auth\.json$/)
      assert.strictEqual(yield* reasonOf(found({ HOME: "relative" })), "Unavailable")
    })
  )

  it.effect("store-02: a relative XDG_CONFIG_HOME is taken as it is, with a warning", () =>
    Effect.gen(function* () {
      const log: Array<unknown> = []
      const path = yield* found({ XDG_CONFIG_HOME: "rel", HOME: "/h" }).pipe(
        Effect.provide(Logger.layer([Logger.make(({ logLevel }) => log.push(logLevel))]))
      )
      assert.strictEqual(path, "rel/cryosparc-tools/auth.json")
      assert.deepStrictEqual(log, ["Warn"])
      assert.strictEqual(yield* found({ XDG_CONFIG_HOME: " ~/x " }), " ~/x /cryosparc-tools/auth.json")
    })
  )

  it.effect("store-03: on Windows it is in APPDATA, and without that there is an error", () =>
    Effect.gen(function* () {
      const env = { XDG_CONFIG_HOME: "/x", HOME: "/h" }
      assert.strictEqual(
        yield* found({ ...env, APPDATA: "C:\\R" }, "win32"),
        "C:\\R\\cryosparc-tools\\auth.json"
      )
      assert.strictEqual(yield* reasonOf(found(env, "win32")), "Unavailable")
    })
  )

  it.effect("store-01: load and save use it when no path is given", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const sessions = yield* load().pipe(environment({ XDG_CONFIG_HOME: directory }))
      assert.strictEqual(sessions.path, join(directory, "cryosparc-tools/auth.json"))
      yield* sessions.save()
      assert.strictEqual(textOf(sessions.path), "{}")
    })
  )
})

describe("load", () => {
  it.effect("store-04: a missing file is empty, the caller can tell, and nothing is made", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const sessions = yield* load(path)
      assert.strictEqual(shown(yield* sessions.find()), "none")
      assert.isFalse(sessions.existed)
      assert.deepStrictEqual(treeOf(dirname(path)), {})
      assert.isTrue((yield* load(sample("empty.json"))).existed)
    })
  )

  it.effect("store-13: expired sessions are dropped, and their instance stays", () =>
    Effect.gen(function* () {
      yield* today
      const path = yield* place(textOf(sample("expired-in-file.json")))
      const sessions = yield* load(path)
      assert.strictEqual(shown(yield* sessions.find()), `${local} new@example.com t-new 2099-01-31T12:00:00Z`)
      assert.strictEqual(shown(yield* sessions.find(local, "old@example.com")), "none")
      assert.strictEqual(shown(yield* sessions.find(remote)), "none")
      yield* sessions.save()
      assert.strictEqual(textOf(path), textOf(sample("expired-in-file.rewritten.json")))
    })
  )

  it.effect("store-14: a session that expires exactly now has expired, a microsecond later it has not", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2030-01-01T00:00:00.123Z"))
      for (const [expires, isOver] of [
        ["2030-01-01T00:00:00.122999Z", true],
        ["2030-01-01T00:00:00.123Z", true],
        ["2030-01-01T05:30:00.123+05:30", true],
        ["2030-01-01T00:00:00.123001Z", false],
        ["2030-01-01T00:00:00.124Z", false],
        ["2029-12-31T19:00:00.123001-05:00", false]
      ] as const) {
        const sessions = yield* load(yield* place(`{"u":{"e":${entry("t", expires)}}}`))
        assert.deepStrictEqual([expires, Option.isNone(yield* sessions.find())], [expires, isOver])
      }
    })
  )

  it.effect("store-20: unknown members are ignored, and gone with the next save", () =>
    Effect.gen(function* () {
      const path = yield* place(textOf(sample("unknown-fields.input.json")))
      const sessions = yield* load(path)
      assert.deepStrictEqual(sessions.damaged, [])
      yield* sessions.save()
      assert.strictEqual(textOf(path), textOf(sample("unknown-fields.rewritten.json")))
    })
  )

  it.effect("store-22: of a key that is there twice the last one wins, in the place of the first", () =>
    Effect.gen(function* () {
      const twice = `{"u":{"a":${entry("1")},"b":${entry("2")},"a":${entry("3")}},"v":{},"u":{"c":${entry("4")},"d":${entry("5")},"c":${entry("6")}}}`
      const path = yield* place(twice)
      const sessions = yield* load(path)
      const all = yield* sessions.sessions
      assert.deepStrictEqual(Array.from(all.keys()), ["u", "v"])
      assert.deepStrictEqual(
        Array.from(all.get("u") ?? [], ([email, session]) => [email, Redacted.value(session.token)]),
        [
          ["c", "6"],
          ["d", "5"]
        ]
      )
    })
  )

  for (const text of [
    `{"a":"{","a:[":{"b":1},"a":{}}`,
    `{"a":"{","a:nSECRET,":{"1":{}},"a":{}}`,
    `{"a":["{"],"1":{"b":null},"a":{}}`
  ]) {
    it.effect(
      `store-22: an instance that is no object where it first comes is none of the file's: ${text}`,
      () =>
        Effect.gen(function* () {
          const sessions = yield* load(yield* place(text))
          const all = yield* sessions.sessions
          assert.deepStrictEqual(new Set(all.keys()), new Set(Object.keys(JSON.parse(text))))
          assert.strictEqual(sessions.damaged.length, 1)
        })
    )
  }

  it.effect.prop(
    "store-23: what is no session is told and kept as JSON.parse reads it, wherever it stands",
    { instances: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Json)) },
    ({ instances }) =>
      Effect.sync(() => {
        const sessions = readSessions(JSON.stringify(instances, null, 2))
        assert.isDefined(sessions)
        for (const [url, emails] of Object.entries(instances)) {
          for (const [email, value] of Object.entries(emails)) {
            const entry = sessions?.get(url)?.get(email)
            if (entry?._tag !== "Bad") assert.fail("taken for a session")
            else assert.deepStrictEqual(JSON.parse(entry.source), JSON.parse(JSON.stringify(value)))
          }
        }
      })
  )

  it.effect(
    "store-23: one bad entry is told, hides no other, and is still there when another one was saved",
    () =>
      Effect.gen(function* () {
        const path = yield* place(textOf(sample("one-bad-entry.input.json")))
        const sessions = yield* load(path)
        assert.strictEqual(
          shown(yield* sessions.find(remote)),
          `${remote} good@example.com abc 2099-01-31T12:00:00Z`
        )
        assert.deepStrictEqual(
          sessions.damaged.map(({ reason }) => reason._tag),
          ["CorruptEntry"]
        )
        yield* sessions.insert(remote, "new@example.com", token("n"), "2099-01-31T12:00:00Z")
        yield* sessions.save()
        const file = JSON.parse(textOf(path))
        assert.deepStrictEqual(file[remote]["bad@example.com"], {
          token: { access_token: "abc", token_type: "Bearer" },
          expires: "2099-01-31T12:00:00Z"
        })
        assert.deepStrictEqual(Object.keys(file[remote]), [
          "good@example.com",
          "bad@example.com",
          "new@example.com"
        ])
        yield* sessions.insert(remote, "bad@example.com", token("b"), "2099-01-31T12:00:00Z")
        yield* sessions.save()
        assert.deepStrictEqual((yield* load(path)).damaged, [])
      })
  )

  const secret = Canary.make("token")
  const wrong = [
    [
      "token.token_type",
      `{"token":{"access_token":"${secret.secret}","token_type":"Bearer"},"expires":"2099-01-31T12:00:00Z"}`
    ],
    ["token.token_type", `{"token":{"access_token":"${secret.secret}"},"expires":"2099-01-31T12:00:00Z"}`],
    ["token", `{"expires":"2099-01-31T12:00:00Z","access_token":"${secret.secret}"}`],
    ["token", `{"token":"${secret.secret}","expires":"2099-01-31T12:00:00Z"}`],
    [
      "token.access_token",
      `{"token":{"access_token":["${secret.secret}"],"token_type":"bearer"},"expires":"2099-01-31T12:00:00Z"}`
    ],
    [
      "token.access_token",
      `{"token":{"access_token":null,"token_type":"bearer"},"expires":"2099-01-31T12:00:00Z"}`
    ],
    [
      "token.access_token",
      `{"token":{"access_token":7,"token_type":"bearer"},"expires":"2099-01-31T12:00:00Z"}`
    ],
    [
      "expires",
      `{"token":{"access_token":"${secret.secret}","token_type":"bearer"},"expires":"${secret.secret}"}`
    ],
    ["expires", `{"token":{"access_token":"${secret.secret}","token_type":"bearer"},"expires":true}`],
    ["expires", `{"token":{"access_token":"${secret.secret}","token_type":"bearer"}}`],
    ["", `"${secret.secret}"`],
    ["", `null`],
    ["", `["${secret.secret}"]`]
  ] as const
  for (const [n, [member, text]] of wrong.entries()) {
    it.effect(
      `store-24: an entry that is wrong in "${member}" is a CorruptEntry that shows no value (${n})`,
      () =>
        Effect.gen(function* () {
          const path = yield* place(`{"${remote}":{"a@x":${text},"b@x":${entry()}}}`)
          const log: Array<unknown> = []
          const sessions = yield* load(path).pipe(
            Effect.provide(Logger.layer([Logger.make(({ message }) => log.push(message))]))
          )
          const [error, ...others] = sessions.damaged
          assert.deepStrictEqual(others, [])
          assert.strictEqual(error?.reason._tag, "CorruptEntry")
          for (const part of [remote, "a@x", `(${member})`]) assert.include(error?.message, part)
          assert.strictEqual(log.length, 1)
          Canary.assertAbsent([secret], [error, log, sessions])
          assert.strictEqual(shown(yield* sessions.find()), `${remote} b@x t 2099-01-31T12:00:00Z`)
        })
    )
  }

  for (const [name, content] of [
    ["an empty file", ""],
    ["null", "null"],
    ["a list", "[]"],
    ["a string", `"${secret.secret}"`],
    ["an instance that is no object", `{"u":{"e":${entry(secret.secret)}},"v":[]}`],
    ["an instance that is null", `{"u":null}`],
    ["half a file", `{"u":{"e":${entry(secret.secret).slice(0, -9)}`],
    ["a byte order mark", `\ufeff{"u":{"e":${entry(secret.secret)}}}`],
    ["Latin-1", Buffer.from(`{"u":{"zo\u00eb":${entry(secret.secret)}}}`, "latin1")],
    ["a comma too many", `{"u":{"e":${entry(secret.secret)},}}`],
    ["text after the end", `{"u":{"e":${entry(secret.secret)}}}}`],
    ["UTF-16", Buffer.from(`{"u":{"e":${entry(secret.secret)}}}`, "utf16le")]
  ] as const) {
    it.live(`store-25: ${name} is Corrupt, and stays as it is`, () =>
      Effect.gen(function* () {
        const path = yield* place(content)
        const before = readFileSync(path)
        const exit = yield* Effect.exit(load(path))
        assert.strictEqual(yield* reasonOf(load(path)), "Corrupt")
        Canary.assertAbsent([secret], exit)
        const other = yield* load(join(dirname(path), "none.json"))
        yield* other.insert("u", "e", token("t"), "2099-01-31T12:00:00Z")
        assert.strictEqual(yield* reasonOf(other.save(path)), "Corrupt")
        assert.deepStrictEqual(readFileSync(path), before)
      })
    )
  }

  it.live("store-37: a folder in its place, a pipe, and a file that cannot be read are Unavailable", () =>
    Effect.gen(function* () {
      const path = yield* place()
      mkdirSync(path)
      assert.strictEqual(yield* reasonOf(load(path)), "Unavailable")
      const error = yield* Effect.flip(load(path))
      assert.strictEqual(error.instance, path)
      assert.strictEqual(yield* reasonOf(load(join(path, "a\u0000b"))), "Unavailable")
      assert.strictEqual(yield* reasonOf(load(join(yield* place("{}"), "below"))), "Unavailable")
      const circle = join(dirname(path), "circle")
      symlinkSync(circle, circle)
      assert.strictEqual(yield* reasonOf(load(circle)), "Unavailable")
    })
  )
})

describe("save", () => {
  for (const name of ["empty", "single", "multi", "microseconds", "offsets", "unicode", "expired-in-file"]) {
    it.effect(`store-05: ${name}.json, loaded and saved, has the same bytes`, () =>
      Effect.gen(function* () {
        // The test clock is in 1970: nothing has expired.
        const path = yield* place()
        copyFileSync(sample(`${name}.json`), path)
        chmodSync(path, 0o600)
        yield* Effect.flatMap(load(path), ({ save }) => save())
        assert.deepStrictEqual(readFileSync(path), readFileSync(sample(`${name}.json`)))
      })
    )
  }

  const multi = Effect.fnUntraced(function* (path: string) {
    const sessions = yield* load(path)
    yield* sessions.insert(local, "ali@example.com", token("tok-local-ali"), "2099-01-31T12:00:00Z")
    yield* sessions.insert(
      remote,
      "suhail@example.com",
      token("tok-remote-suhail"),
      DateTime.makeUnsafe("2099-01-31T12:00:00Z")
    )
    yield* sessions.insert(
      local,
      "saara@example.com",
      token("tok-local-saara"),
      "2099-02-01T12:00:00.000000Z"
    )
    yield* sessions.insert(remote, "ali@example.com", token("tok-remote-ali"), "2099-01-31 12:00Z")
    return sessions
  })

  it.effect("store-06: the same inserts make the same bytes", () =>
    Effect.gen(function* () {
      const path = yield* place()
      yield* Effect.flatMap(multi(path), ({ save }) => save())
      assert.deepStrictEqual(readFileSync(path), readFileSync(sample("multi.json")))
    })
  )

  it.effect("store-07: an empty store is the two bytes {}", () =>
    Effect.gen(function* () {
      const path = yield* place()
      yield* Effect.flatMap(load(path), ({ save }) => save())
      assert.deepStrictEqual(readFileSync(path), Buffer.from("{}"))
    })
  )

  it.effect("store-08: a session that is replaced keeps its place", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const sessions = yield* multi(path)
      yield* sessions.save()
      yield* sessions.insert(local, "ali@example.com", token("again"), "2100-01-01T00:00:00Z")
      yield* sessions.save()
      assert.strictEqual(
        textOf(path),
        textOf(sample("multi.json"))
          .replace("tok-local-ali", "again")
          .replace("2099-01-31T12:00:00Z", "2100-01-01T00:00:00Z")
      )
    })
  )

  it.effect("store-09: fractions survive, and a whole second has none", () =>
    Effect.gen(function* () {
      const sessions = yield* load(sample("microseconds.json"))
      const all = (yield* sessions.sessions).get(local) ?? new Map()
      assert.deepStrictEqual(
        Array.from(all.values(), ({ expiresText }) => expiresText.slice(19)),
        [".123456Z", ".120000Z", ".000001Z", "Z"]
      )
    })
  )

  it.effect("store-10: offsets survive, and are judged as instants", () =>
    Effect.gen(function* () {
      const noon = Date.parse("2099-01-31T12:00:00Z")
      for (const [now, count] of [
        [noon - 1, 2],
        [noon, 0]
      ] as const) {
        yield* TestClock.setTime(now)
        const sessions = yield* load(sample("offsets.json"))
        assert.strictEqual((yield* sessions.sessions).get(local)?.size, count)
      }
    })
  )

  it.effect("store-11: five milliseconds are written as .005000Z, an offset as it was given", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const sessions = yield* load(path)
      yield* sessions.insert("u", "a", token("t"), DateTime.makeUnsafe("2099-01-31T12:00:00.005Z"))
      const zoned = DateTime.makeZonedUnsafe("2099-01-31T12:00:00.250Z", { timeZone: "Asia/Kolkata" })
      yield* sessions.insert("u", "b", token("t"), zoned)
      yield* sessions.insert("u", "c", token("t"), "2099-01-31T07:00:00.000250-05:00")
      yield* sessions.save()
      const again = yield* load(path)
      assert.deepStrictEqual(
        Array.from((yield* again.sessions).get("u")?.values() ?? [], ({ expires, expiresText }) => [
          expiresText,
          DateTime.toEpochMillis(expires)
        ]),
        [
          ["2099-01-31T12:00:00.005000Z", Date.parse("2099-01-31T12:00:00.005Z")],
          ["2099-01-31T17:30:00.250000+05:30", Date.parse("2099-01-31T12:00:00.250Z")],
          ["2099-01-31T07:00:00.000250-05:00", Date.parse("2099-01-31T12:00:00.000Z")]
        ]
      )
    })
  )

  it("store-12: what the real library takes for a point in time is read as it reads it, and nothing else", () => {
    const rows: ReadonlyArray<readonly [string, string | null]> = JSON.parse(
      textOf(fileURLToPath(new URL("./fixtures/expires.json", import.meta.url)))
    )
    assert.isAbove(rows.length, 100)
    for (const [json, expected] of rows) {
      const value = JSON.parse(json.replace("1e400", "1e308"))
      const read = typeof value === "string" || typeof value === "number" ? parse(value)?.text : undefined
      assert.deepStrictEqual([json, read ?? null], [json, expected])
      if (expected !== null) assert.strictEqual(parse(expected)?.text, expected)
    }
  })

  it.effect("store-12: a time without a zone, and what is no time, cannot be inserted, and nothing is", () =>
    Effect.gen(function* () {
      const sessions = yield* load(yield* place())
      for (const expires of [
        "2099-01-31T12:00:00",
        "2099-01-31",
        "",
        "4102444800",
        "tomorrow",
        "2099-02-30T00:00:00Z"
      ]) {
        const error = yield* Effect.flip(sessions.insert("u", "e", token("t"), expires))
        assert.instanceOf(error, InvalidRequest)
        assert.strictEqual(error.field, "expires")
      }
      for (const [url, email, text, field] of [
        ["\ud800", "e", "t", "url"],
        ["u", "\udc00e", "t", "email"],
        ["u", "e", "t\ud800t", "token"],
        ["u", "e", "t".repeat(65_537), "token"]
      ] as const) {
        const error = yield* Effect.flip(sessions.insert(url, email, token(text), "2099-01-31T12:00:00Z"))
        assert.strictEqual(error.field, field)
      }
      assert.strictEqual((yield* sessions.sessions).size, 0)
    })
  )

  it.effect("store-17: keys that look like numbers keep their place", () =>
    Effect.gen(function* () {
      const hard = [
        ["10", "2"],
        ["10", "1"],
        ["10", "__proto__"],
        ["9", "constructor"],
        ['a"b\\\n\u0001', "é☃😀\u007f\u2028</"],
        ["__proto__", "10"],
        ["", ""]
      ] as const
      const path = yield* place()
      const sessions = yield* load(path)
      for (const [url, email] of hard)
        yield* sessions.insert(url, email, token(`${url} ${email}`), "2099-01-31T12:00:00Z")
      yield* sessions.save()
      const bytes = readFileSync(path)
      const again = yield* load(path)
      assert.deepStrictEqual(
        Array.from(yield* again.sessions).flatMap(([url, emails]) =>
          Array.from(emails, ([email, session]) => [url, email, Redacted.value(session.token)])
        ),
        hard.map(([url, email]) => [url, email, `${url} ${email}`])
      )
      assert.strictEqual(shown(yield* again.find()), "10 2 10 2 2099-01-31T12:00:00Z")
      yield* again.save()
      assert.deepStrictEqual(readFileSync(path), bytes)
    })
  )

  it.effect("store-21: numbers are seconds, or milliseconds above 2e10, and written as dates", () =>
    Effect.gen(function* () {
      const path = yield* place(
        `{"u":{"a":${entry().replace(/"2099.*Z"/, "1893456000")},"b":${entry().replace(/"2099.*Z"/, "1893456000123.5")},"c":${entry("t", "1893456000")}}}`
      )
      yield* Effect.flatMap(load(path), ({ save }) => save())
      assert.deepStrictEqual(
        Array.from(textOf(path).matchAll(/"expires": "(.*)"/g), ([, text]) => text),
        ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.123500Z", "2030-01-01T00:00:00Z"]
      )
    })
  )

  for (const mask of [0o000, 0o022]) {
    it.effect(`store-26: under umask ${mask} the folder is made with 0700 and the file with 0600`, () =>
      Effect.gen(function* () {
        const home = yield* temporaryDirectory
        yield* withUmask(mask)
        yield* Effect.flatMap(load(join(home, "a/cryosparc-tools/auth.json")), ({ save }) => save())
        const modes = Object.entries(treeOf(home)).map(([path, text]) => [path, text.slice(0, 3)])
        for (const [path, mode] of modes) assert.include([`${path} 700`, `${path} 600`], `${path} ${mode}`)
        assert.deepStrictEqual(
          modes.filter(([path]) => !path?.includes(".latchkey")),
          [
            ["a", "700"],
            ["a/cryosparc-tools", "700"],
            ["a/cryosparc-tools/auth.json", "600"]
          ]
        )
      })
    )
  }

  it.effect("store-27: a file that others can read is warned of, or refused, and private once saved", () =>
    Effect.gen(function* () {
      const path = yield* place("{}")
      chmodSync(path, 0o644)
      assert.strictEqual(yield* reasonOf(load(path, { onLooseMode: "refuse" })), "Unavailable")
      const log: Array<unknown> = []
      const sessions = yield* load(path).pipe(
        Effect.provide(Logger.layer([Logger.make(({ logLevel }) => log.push(logLevel))]))
      )
      assert.deepStrictEqual(log, ["Warn"])
      yield* sessions.save()
      assert.strictEqual(modeOf(path), "600")
    })
  )

  it.effect("store-31: a link stays a link, and its target is changed", () =>
    Effect.gen(function* () {
      const path = yield* place("{}")
      const [other, link] = [join(dirname(path), "elsewhere"), join(dirname(path), "link.json")]
      mkdirSync(other, { mode: 0o700 })
      symlinkSync("elsewhere/real.json", link)
      const sessions = yield* load(link)
      yield* sessions.insert("u", "e", token("t"), "2099-01-31T12:00:00Z")
      yield* sessions.save()
      assert.isTrue(lstatSync(link).isSymbolicLink())
      assert.strictEqual(
        shown(yield* (yield* load(join(other, "real.json"))).find()),
        "u e t 2099-01-31T12:00:00Z"
      )
      assert.isFalse(existsSync(join(dirname(path), ".latchkey")))
    })
  )

  it.effect("store-39: text is UTF-8 and not escaped", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const sessions = yield* load(path)
      yield* sessions.insert(
        "https://exämple.com/ü",
        "zoë☃@example.com",
        token('t"\\\t\u0001\u007f\u2028/<>&😀'),
        "2099-01-31T12:00:00Z"
      )
      yield* sessions.save()
      assert.deepStrictEqual(readFileSync(path), readFileSync(sample("unicode.json")))
    })
  )

  it.effect("store-29: what others saved since the load stays, what they removed stays away", () =>
    Effect.gen(function* () {
      const path = yield* place()
      yield* Effect.flatMap(multi(path), ({ save }) => save())
      const [mine, other] = [yield* load(path), yield* load(path)]
      yield* other.insert(local, "zoe@example.com", token("z"), "2099-01-31T12:00:00Z")
      yield* other.insert(local, "ali@example.com", token("newer"), "2099-01-31T12:00:00Z")
      yield* other.save()
      yield* mine.insert(remote, "ali@example.com", token("mine"), "2099-01-31T12:00:00Z")
      yield* mine.save()
      for (const sessions of [mine, yield* load(path)]) {
        const all = yield* sessions.sessions
        assert.deepStrictEqual(
          Array.from(all).flatMap(([, emails]) =>
            Array.from(emails.values(), (one) => Redacted.value(one.token))
          ),
          ["newer", "tok-local-saara", "z", "tok-remote-suhail", "mine"]
        )
      }
      const file = JSON.parse(textOf(path))
      delete file[local]["zoe@example.com"]
      writeFileSync(path, JSON.stringify(file))
      yield* mine.save()
      assert.strictEqual(shown(yield* mine.find(local, "zoe@example.com")), "none")
    })
  )

  it.effect("what is inserted while a save waits for the lock is saved by the next one", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const sessions = yield* load(path)
      const insert = (email: string) => sessions.insert("u", email, token(email), "2099-01-31T12:00:00Z")
      yield* insert("a")
      yield* Effect.all([sessions.save(), insert("b"), sessions.save(), insert("c")], {
        concurrency: "unbounded"
      })
      yield* sessions.save()
      assert.deepStrictEqual(Object.keys(JSON.parse(textOf(path))["u"]), ["a", "b", "c"])
    })
  )

  it.effect("as upstream does it, what expired after the load, or was inserted expired, is saved", () =>
    Effect.gen(function* () {
      yield* today
      const path = yield* place(
        `{"u":{"old":${entry("o", "2020-01-01T00:00:00Z")},"soon":${entry("s", "2026-11-22T12:00:01Z")}}}`
      )
      const sessions = yield* load(path)
      yield* TestClock.adjust("1 minute")
      yield* sessions.insert("u", "past", token("p"), "2001-01-01T00:00:00Z")
      yield* sessions.save()
      yield* sessions.save()
      assert.deepStrictEqual(Object.keys(JSON.parse(textOf(path))["u"]), ["soon", "past"])
    })
  )

  it.effect("a file that was set back by others is not what was loaded, though its bytes are the same", () =>
    Effect.gen(function* () {
      const path = yield* place(textOf(sample("multi.json")))
      const sessions = yield* load(path)
      yield* sessions.insert(local, "zoe@example.com", token("z"), "2099-01-31T12:00:00Z")
      yield* sessions.save()
      writeFileSync(path, textOf(sample("multi.json")))
      yield* sessions.save()
      assert.strictEqual(textOf(path), textOf(sample("multi.json")))
    })
  )

  it.effect("an expired session that others have put in the place of one of ours goes", () =>
    Effect.gen(function* () {
      yield* today
      const path = yield* place(`{"u":{"e":${entry("ours", "2026-11-22T12:00:10Z")}}}`)
      const sessions = yield* load(path)
      writeFileSync(path, `{"u":{"e":${entry("theirs", "2026-11-22T12:00:10Z")}}}`)
      yield* TestClock.adjust("1 minute")
      yield* sessions.save()
      assert.deepStrictEqual(JSON.parse(textOf(path)), { u: {} })
    })
  )

  it.effect("a save that failed has changed nothing, and the next one saves what was inserted", () =>
    Effect.gen(function* () {
      const path = yield* place(textOf(sample("multi.json")))
      const sessions = yield* load(path)
      yield* sessions.insert(local, "zoe@example.com", token("z"), "2099-01-31T12:00:00Z")
      const inTheWay = join(dirname(path), ".latchkey/auth.json/lock.db")
      mkdirSync(inTheWay, { recursive: true, mode: 0o700 })
      assert.strictEqual(yield* reasonOf(sessions.save()), "Unavailable")
      assert.strictEqual(textOf(path), textOf(sample("multi.json")))
      assert.notStrictEqual(shown(yield* sessions.find(local, "zoe@example.com")), "none")
      rmdirSync(inTheWay)
      yield* sessions.save()
      const again = yield* load(path)
      assert.notStrictEqual(shown(yield* again.find(local, "zoe@example.com")), "none")
      assert.strictEqual((yield* again.sessions).get(local)?.size, 3)
    })
  )

  it.effect("a relative path is that of the moment of the load", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const before = process.cwd()
      yield* Effect.addFinalizer(() => Effect.sync(() => process.chdir(before)))
      process.chdir(dirname(path))
      const sessions = yield* load("auth.json")
      process.chdir(before)
      yield* sessions.save()
      assert.strictEqual(textOf(path), "{}")
    })
  )

  it.effect("another path gets all the sessions, beside those it has", () =>
    Effect.gen(function* () {
      const sessions = yield* multi(yield* place())
      const other = yield* place(`{"w":{"e":${entry()}}}`)
      yield* sessions.save(other)
      assert.deepStrictEqual(Object.keys(JSON.parse(textOf(other))), ["w", local, remote])
      assert.isFalse(existsSync(sessions.path))
      yield* sessions.save()
      assert.deepStrictEqual(readFileSync(sessions.path), readFileSync(sample("multi.json")))
    })
  )
})

describe("find", () => {
  const url = "https://cryosparc.example.com"
  for (const [given, expected] of [
    [[], `${local} ali@example.com`],
    [[""], `${local} ali@example.com`],
    [["", ""], `${local} ali@example.com`],
    [[undefined, "saara@example.com"], `${local} saara@example.com`],
    [["", "suhail@example.com"], `${url} suhail@example.com`],
    [[local], `${local} ali@example.com`],
    [[url], `${url} suhail@example.com`],
    [[url, ""], `${url} suhail@example.com`],
    [[url, "ali@example.com"], `${url} ali@example.com`],
    [[local, "suhail@example.com"], "none"],
    [["", "nobody@example.com"], "none"],
    [["http://elsewhere"], "none"],
    [[`${url}/`], "none"],
    [["HTTPS://cryosparc.example.com"], "none"],
    [["http://localhost:61000"], "none"]
  ] as const) {
    it.effect(
      `store-16: find(${given.map((one) => JSON.stringify(one)).join(", ")}) in multi.json gives ${expected}`,
      () =>
        Effect.gen(function* () {
          const sessions = yield* load(sample("multi.json"))
          const found = yield* sessions.find(...given)
          assert.strictEqual(
            Option.match(found, { onNone: () => "none", onSome: ({ email, url }) => `${url} ${email}` }),
            expected
          )
        })
    )
  }

  it.effect("store-16: an instance without sessions is not the first", () =>
    Effect.gen(function* () {
      const sessions = yield* load(yield* place(`{"empty":{},"u":{"e":${entry()}}}`))
      assert.strictEqual(shown(yield* sessions.find()), "u e t 2099-01-31T12:00:00Z")
    })
  )

  it.effect("store-15: a session that has expired since the load is told, and not returned", () =>
    Effect.gen(function* () {
      yield* today
      const sessions = yield* load(
        yield* place(`{"u":{"a":${entry("a", "2026-11-22T12:00:10Z")},"b":${entry("b")}}}`)
      )
      assert.strictEqual(shown(yield* sessions.find("u")), "u a a 2026-11-22T12:00:10Z")
      yield* TestClock.adjust("10 seconds")
      const error = yield* Effect.flip(sessions.find("u", "a"))
      assert.instanceOf(error, SessionExpired)
      assert.include(error.message, "2026-11-22T12:00:10Z")
      assert.strictEqual(shown(yield* sessions.find("u")), "u b b 2099-01-31T12:00:00Z")
      yield* sessions.insert("v", "c", token("c"), "2001-01-01T00:00:00Z")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(sessions.find("v"))))
    })
  )

  it.effect("store-18: a slash at the end makes another URL, unless the look-up is lenient", () =>
    Effect.gen(function* () {
      const both = yield* load(
        yield* place(`{"http://h/":{"e":${entry("slash")}},"http://h":{"e":${entry("plain")}}}`)
      )
      for (const lenient of [false, true]) {
        assert.include(shown(yield* both.find("http://h/", "e", { lenient })), "slash")
        assert.include(shown(yield* both.find("http://h", "e", { lenient })), "plain")
      }
      const one = yield* load(yield* place(`{"https://H.example:443/p/":{"e":${entry()}}}`))
      for (const alike of ["https://h.example/p", "HTTPS://h.example/p/", "https://h.example:443/p"]) {
        assert.strictEqual(shown(yield* one.find(alike)), "none")
        assert.notStrictEqual(shown(yield* one.find(alike, "", { lenient: true })), "none")
      }
      for (const other of [
        "http://h.example/p",
        "https://h.example/P",
        "https://h.example",
        "https://h.example:8443/p",
        "https://bob:pw@h.example/p",
        "https://h.example/p?q",
        "https://h.example/p#x",
        "no url"
      ]) {
        assert.strictEqual(shown(yield* one.find(other, "", { lenient: true })), "none")
      }
    })
  )

  it.effect("store-18: what is no web address is like no other", () =>
    Effect.gen(function* () {
      const sessions = yield* load(
        yield* place(`{"other.example:39000":{"e":${entry()}},"x y":{"e":${entry()}}}`)
      )
      for (const url of ["localhost:39000", "mailto:x", "Other.example:39000", "x  y", "data:,"]) {
        assert.strictEqual(shown(yield* sessions.find(url, "", { lenient: true })), "none")
      }
    })
  )

  it.effect("store-19: an e-mail in another case is another one", () =>
    Effect.gen(function* () {
      const sessions = yield* load(sample("single.json"))
      assert.strictEqual(shown(yield* sessions.find(remote, "Ali@example.com")), "none")
      assert.strictEqual(shown(yield* sessions.find(remote, "Ali@example.com", { lenient: true })), "none")
    })
  )
})
