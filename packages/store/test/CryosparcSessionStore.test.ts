import { assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import { CryosparcSessionStore, InstanceAuthSessions } from "@latchkey/store"
import { Canary, SessionStoreContract } from "@latchkey/testing"
import { Config, DateTime, Effect, Logger, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import {
  environment,
  modeOf,
  open,
  reasonOf,
  temporaryDirectory,
  tokenOf,
  treeOf,
  withUmask
} from "./support.ts"

const { layer } = CryosparcSessionStore

const key = (n: number) =>
  new SessionKey({
    provider: "cryosparc",
    instance: `https://c${n % 2}.example.com`,
    account: `u${n}@example.com`
  })

SessionStoreContract.suite(
  "CryosparcSessionStore",
  Effect.map(temporaryDirectory, (directory) =>
    layer({ path: join(directory, "cryosparc-tools/auth.json") })
  ),
  {
    lacks: [
      "order",
      "anyProvider",
      "refreshToken",
      "end",
      "account",
      "tokenType",
      "noAccessToken",
      "noExpiry"
    ],
    key
  }
)

const { load } = InstanceAuthSessions

const place = (content?: string) =>
  Effect.map(temporaryDirectory, (directory) => {
    const path = join(directory, "auth.json")
    if (content !== undefined) writeFileSync(path, content, { mode: 0o600 })
    return path
  })

const url = "https://cryosparc.example.com"

const named = (account: string, instance = url) =>
  new SessionKey({ provider: "cryosparc", instance, account })

const session = (account: string, token = "t", expires = "2099-01-31T12:00:00Z", instance = url) =>
  new Session({
    key: named(account, instance),
    accessToken: Redacted.make(token),
    issuedAt: DateTime.makeUnsafe(1_700_000_000_123),
    expiresAt: DateTime.makeUnsafe(expires)
  })

const entry = (token = "t", expires = "2099-01-31T12:00:00Z") =>
  `{"token":{"access_token":"${token}","token_type":"bearer"},"expires":"${expires}"}`

const emailsIn = (path: string): ReadonlyArray<string> =>
  Object.keys(JSON.parse(readFileSync(path, "utf8"))[url])

describe("the file", () => {
  it.effect("store-06: a put writes what the Python code writes", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const store = yield* open(layer({ path }))
      yield* store.put(session("ali@example.com", "abc123"))
      assert.deepStrictEqual(
        readFileSync(path),
        readFileSync(new URL("./fixtures/cryosparc/single.json", import.meta.url))
      )
    })
  )

  it.effect("store-01: it lies where the Python tools look", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const store = yield* open(layer()).pipe(environment({ XDG_CONFIG_HOME: directory }))
      yield* store.put(session("a"))
      assert.deepStrictEqual(emailsIn(join(directory, "cryosparc-tools/auth.json")), ["a"])
    })
  )

  it.effect("store-04: reading makes nothing: a missing file is an empty store", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const store = yield* open(layer({ path: join(path, "below/auth.json") }))
      assert.deepStrictEqual(yield* store.list, [])
      assert.isTrue(Option.isNone(yield* store.get(named("a"))))
      assert.isTrue(Option.isNone(yield* store.find({})))
      assert.isFalse(yield* store.remove(named("a")))
      assert.deepStrictEqual(treeOf(dirname(path)), {})
    })
  )

  it.effect(
    "entries come in the order of the file: by instance, then by insertion; one that is replaced keeps its place",
    () =>
      Effect.gen(function* () {
        const store = yield* open(layer({ path: yield* place() }))
        for (const [account, instance] of [
          ["b", "10"],
          ["a", "9"],
          ["a", "10"],
          ["b", "9"]
        ] as const) {
          yield* store.put(session(account, "t", "2099-01-31T12:00:00Z", instance))
        }
        yield* store.put(session("b", "new", "2099-01-31T12:00:00Z", "10"))
        const places = Effect.map(store.list, (list) =>
          list.map(({ key }) => `${key.instance} ${key.account}`)
        )
        assert.deepStrictEqual(yield* places, ["10 b", "10 a", "9 a", "9 b"])
        assert.strictEqual(Option.getOrThrow(yield* store.find({})).session.key.account, "b")
        assert.strictEqual(Option.getOrThrow(yield* store.find({ instance: "9" })).session.key.account, "a")
        yield* store.remove(named("b", "10"))
        yield* store.put(session("b", "again", "2099-01-31T12:00:00Z", "10"))
        assert.deepStrictEqual(yield* places, ["10 a", "10 b", "9 a", "9 b"])
      })
  )

  it.effect(
    "what somebody else wrote is read, counts as issued when the file was written, and has a version",
    () =>
      Effect.gen(function* () {
        const path = yield* place(`{"${url}":{"a":${entry("theirs", "2099-01-31T17:30:00.123456+05:30")}}}`)
        utimesSync(path, 1_700_000_500, 1_700_000_500)
        const store = yield* open(layer({ path }))
        yield* TestClock.setTime(1_700_000_400_000)
        const early = Option.getOrThrow(yield* store.get(named("a")))
        assert.strictEqual(DateTime.toEpochMillis(early.session.issuedAt), 1_700_000_400_000)
        yield* TestClock.setTime(1_700_000_600_000)
        const found = Option.getOrThrow(yield* store.get(named("a")))
        assert.strictEqual(tokenOf(found.session), "theirs")
        assert.strictEqual(DateTime.toEpochMillis(found.session.issuedAt), 1_700_000_500_000)
        assert.strictEqual(
          found.session.expiresAt && DateTime.formatIso(found.session.expiresAt),
          "2099-01-31T12:00:00.123Z"
        )
        assert.strictEqual(yield* reasonOf(store.put(session("a"), { expected: Option.none() })), "Conflict")
        yield* store.put(session("b"))
        assert.include(readFileSync(path, "utf8"), `"2099-01-31T17:30:00.123456+05:30"`)
        assert.strictEqual(Option.getOrThrow(yield* store.get(named("a"))).version, found.version)
        yield* store.put(session("a", "ours"), { expected: Option.some(found.version) })
      })
  )

  it.effect("an entry that another program replaced is a Conflict for whoever has read the old one", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const store = yield* open(layer({ path }))
      const mine = yield* store.put(session("a", "mine"))
      const theirs = yield* load(path)
      yield* theirs.insert(url, "a", Redacted.make("theirs"), "2099-01-31T12:00:00Z")
      yield* theirs.save()
      const expected = Option.some(mine.version)
      assert.strictEqual(yield* reasonOf(store.put(session("a", "late"), { expected })), "Conflict")
      assert.strictEqual(yield* reasonOf(store.remove(named("a"), { expected: mine.version })), "Conflict")
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(named("a"))).session), "theirs")
    })
  )

  it.effect("store-13: a put leaves expired sessions of others as they are", () =>
    Effect.gen(function* () {
      const path = yield* place(`{"${url}":{"old":${entry("o", "2001-01-01T00:00:00Z")}},"v":{}}`)
      const store = yield* open(layer({ path }))
      yield* store.put(session("new"))
      assert.deepStrictEqual(emailsIn(path), ["old", "new"])
      assert.isTrue(Option.isSome(yield* store.get(named("old"))))
      assert.deepStrictEqual(Object.keys(JSON.parse(readFileSync(path, "utf8"))), [url, "v"])
    })
  )

  it.effect("store-40: where a session is removed its instance stays", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const store = yield* open(layer({ path }))
      yield* store.put(session("a"))
      assert.isTrue(yield* store.remove(named("a")))
      assert.strictEqual(readFileSync(path, "utf8"), `{\n    "${url}": {}\n}`)
    })
  )

  it.effect("names that are empty in the file, which no key can have, are passed over and kept", () =>
    Effect.gen(function* () {
      const path = yield* place(`{"":{"a":${entry()}},"${url}":{"":${entry()},"b":${entry("")}}}`)
      const store = yield* open(layer({ path }))
      assert.deepStrictEqual(
        (yield* store.list).map(({ key }) => key.account),
        ["b"]
      )
      assert.isUndefined(Option.getOrThrow(yield* store.find({})).session.accessToken)
      yield* store.put(session("b"))
      assert.deepStrictEqual(Object.keys(JSON.parse(readFileSync(path, "utf8"))), ["", url])
      assert.deepStrictEqual(emailsIn(path), ["", "b"])
    })
  )

  it.effect("what the file cannot hold is NotRepresentable, whatever is wrong with it", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const store = yield* open(layer({ path }))
      for (const one of [
        session("lone\ud800"),
        session("a", "t\udc00"),
        session("a", "t", "2099-01-31T12:00:00Z", "\ud800"),
        new Session({ ...session("a"), expiresAt: DateTime.makeUnsafe(Date.UTC(10_000, 0)) })
      ]) {
        assert.strictEqual(yield* reasonOf(store.put(one)), "NotRepresentable")
      }
      assert.deepStrictEqual(treeOf(dirname(path)), {})
    })
  )
})

describe("what is damaged", () => {
  const bad = `{"token":{"access_token":"t","token_type":"Bearer"},"expires":"2099-01-31T12:00:00Z"}`

  it.effect(
    "store-23: a bad entry is a CorruptEntry, hides no other, and stays when another one is put",
    () =>
      Effect.gen(function* () {
        const path = yield* place(`{"${url}":{"bad":${bad},"good":${entry()}}}`)
        const store = yield* open(layer({ path }))
        assert.strictEqual(yield* reasonOf(store.get(named("bad"))), "CorruptEntry")
        assert.strictEqual(yield* reasonOf(store.find({})), "CorruptEntry")
        assert.deepStrictEqual(
          (yield* store.list).map(({ key }) => key.account),
          ["good"]
        )
        yield* store.put(session("new"))
        assert.deepStrictEqual(emailsIn(path), ["bad", "good", "new"])
        assert.deepStrictEqual(JSON.parse(readFileSync(path, "utf8"))[url]["bad"], JSON.parse(bad))
        assert.strictEqual(
          yield* reasonOf(store.put(session("bad"), { expected: Option.none() })),
          "Conflict"
        )
        yield* store.put(session("bad", "mended"))
        assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(named("bad"))).session), "mended")
      })
  )

  it.effect("a bad entry can be removed", () =>
    Effect.gen(function* () {
      const path = yield* place(`{"${url}":{"bad":${bad},"good":${entry()}}}`)
      const store = yield* open(layer({ path }))
      assert.isTrue(yield* store.remove(named("bad")))
      assert.deepStrictEqual(emailsIn(path), ["good"])
    })
  )

  for (const content of ["", "null", "[]", "{", `{"u":[]}`, "\ufeff{}"]) {
    it.live(
      `store-25: a file with ${JSON.stringify(content)} in it is Corrupt for every verb, and stays as it is`,
      () =>
        Effect.gen(function* () {
          const path = yield* place(content)
          const store = yield* open(layer({ path }))
          const verbs: ReadonlyArray<Effect.Effect<unknown, SessionStoreError>> = [
            store.get(named("a")),
            store.find({}),
            store.list,
            store.put(session("a")),
            store.remove(named("a"))
          ]
          for (const verb of verbs) assert.strictEqual(yield* reasonOf(verb), "Corrupt")
          assert.strictEqual(readFileSync(path, "utf8"), content)
        })
    )
  }

  it.live(
    "a file that another program is writing in place is looked at again before it counts as damaged",
    () =>
      Effect.gen(function* () {
        const whole = `{"${url}":{"a":${entry("a")}}}`
        const path = yield* place(whole.slice(0, 30))
        const store = yield* open(layer({ path }))
        const mended = Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => writeFileSync(path, whole))
        )
        const [found] = yield* Effect.all([store.get(named("a")), mended], { concurrency: "unbounded" })
        assert.isTrue(Option.isSome(found))
        writeFileSync(path, whole.slice(0, 30))
        yield* Effect.all([store.put(session("b")), mended], { concurrency: "unbounded" })
        assert.deepStrictEqual(emailsIn(path), ["a", "b"])
      })
  )

  it.live(
    "store-37: a folder in its place, a pipe, or a circle of links is Unavailable, and names the path",
    () =>
      Effect.gen(function* () {
        const path = yield* place()
        mkdirSync(path)
        const store = yield* open(layer({ path }))
        const verbs: ReadonlyArray<Effect.Effect<unknown, SessionStoreError>> = [
          store.list,
          store.put(session("a")),
          store.remove(named("a"))
        ]
        for (const verb of verbs) {
          const error = yield* Effect.flip(verb)
          assert.deepStrictEqual([error.reason._tag, error.instance], ["Unavailable", path])
        }
        const circle = join(dirname(path), "circle")
        symlinkSync(circle, circle)
        assert.strictEqual(
          yield* reasonOf(Effect.flatMap(open(layer({ path: circle })), ({ list }) => list)),
          "Unavailable"
        )
        const pipe = join(dirname(path), "pipe")
        execFileSync("mkfifo", [pipe])
        const endless = join(dirname(path), "endless")
        symlinkSync("/dev/zero", endless)
        for (const odd of [pipe, endless]) {
          const listed = Effect.flatMap(open(layer({ path: odd })), ({ list }) => list)
          assert.strictEqual(yield* reasonOf(listed), "Unavailable")
        }
      })
  )

  it.effect("a link that leads elsewhere than when the store was opened is Unavailable", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const link = join(dirname(path), "link.json")
      symlinkSync("a.json", link)
      const store = yield* open(layer({ path: link }))
      yield* store.put(session("a"))
      rmSync(link)
      symlinkSync("b.json", link)
      assert.strictEqual(yield* reasonOf(store.get(named("a"))), "Unavailable")
      assert.strictEqual(yield* reasonOf(store.put(session("b"))), "Unavailable")
      assert.deepStrictEqual(emailsIn(join(dirname(path), "a.json")), ["a"])
    })
  )
})

describe("privacy", () => {
  it.effect(
    "store-27: a file that others can read is warned of once, or refused, and private after a put",
    () =>
      Effect.gen(function* () {
        const path = yield* place("{}")
        chmodSync(path, 0o644)
        const refusing = yield* open(layer({ path, onLooseMode: "refuse" }))
        assert.strictEqual(yield* reasonOf(refusing.list), "Unavailable")
        assert.strictEqual(yield* reasonOf(refusing.put(session("a"))), "Unavailable")
        const log: Array<unknown> = []
        const store = yield* open(layer({ path }))
        yield* Effect.andThen(store.list, store.put(session("a"))).pipe(
          Effect.provide(Logger.layer([Logger.make(({ logLevel }) => log.push(logLevel))]))
        )
        assert.deepStrictEqual(log, ["Warn"])
        assert.strictEqual(modeOf(path), "600")
      })
  )

  it.effect("store-26: what is made beside the file is private too, and holds no token", () =>
    Effect.gen(function* () {
      yield* withUmask(0o000)
      const path = yield* place()
      const canary = Canary.make("token")
      const store = yield* open(layer({ path }))
      yield* store.put(session("a", canary.secret))
      yield* store.lease(named("a"), "1 minute")
      const tree = Object.entries(treeOf(dirname(path)))
      for (const [name, text] of tree) assert.include(["600", "700"], text.slice(0, 3), name)
      for (const name of readdirSync(join(dirname(path), ".latchkey/auth.json"))) {
        const content = readFileSync(join(dirname(path), ".latchkey/auth.json", name), "latin1")
        Canary.assertAbsent([canary], content)
      }
    })
  )

  it.effect("store-38: no failure shows a token", () =>
    Effect.gen(function* () {
      const canary = Canary.make("token")
      const path = yield* place(
        `{"${url}":{"bad":{"token":"${canary.secret}"},"good":${entry(canary.secret)}}}`
      )
      const store = yield* open(layer({ path }))
      const mine = session("good", canary.secret)
      const exits = [
        yield* Effect.exit(store.get(named("bad"))),
        yield* Effect.exit(store.put(mine, { expected: Option.none() })),
        yield* Effect.exit(store.put(mine, { fence: 7 })),
        yield* Effect.exit(store.put(new Session({ ...mine, refreshToken: Redacted.make(canary.secret) }))),
        yield* Effect.exit(
          store.put(new Session({ ...mine, accessToken: Redacted.make(`${canary.secret}\ud800`) }))
        )
      ]
      assert.deepStrictEqual(
        exits.map((exit) => exit._tag),
        exits.map(() => "Failure")
      )
      Canary.assertAbsent([canary], [exits, yield* store.list, yield* store.get(named("good"))])
    })
  )
})

it.effect("store-28: what a crashed writer left aside is cleared when the store is opened", () =>
  Effect.gen(function* () {
    const path = yield* place()
    yield* Effect.scoped(Effect.flatMap(open(layer({ path })), (store) => store.put(session("a"))))
    const aside = join(dirname(path), ".latchkey/auth.json")
    writeFileSync(join(aside, "9f.tmp"), "half a fi")
    yield* open(layer({ path }))
    assert.isFalse(readdirSync(aside).includes("9f.tmp"))
  })
)

it.effect("two files in one folder do not get into each other's way", () =>
  Effect.gen(function* () {
    const path = yield* place()
    const [one, two] = [
      yield* open(layer({ path })),
      yield* open(layer({ path: join(dirname(path), "b.json") }))
    ]
    const put = yield* one.put(session("a"))
    yield* two.put(session("a"))
    assert.isTrue(Option.isSome(yield* one.lease(named("a"), "1 minute")))
    assert.isTrue(Option.isSome(yield* two.lease(named("a"), "1 minute")))
    assert.strictEqual(Option.getOrThrow(yield* one.get(named("a"))).version, put.version)
  })
)

it.effect("layerConfig takes the same options, each a Config", () =>
  Effect.gen(function* () {
    const path = yield* place()
    const store = yield* open(CryosparcSessionStore.layerConfig({ path: Config.String("AUTH_FILE") })).pipe(
      environment({ AUTH_FILE: path })
    )
    yield* store.put(session("a"))
    assert.deepStrictEqual(emailsIn(path), ["a"])
  })
)

describe("what other programs wrote", () => {
  it.effect("store-23: what is no session stays letter by letter, whatever is in it", () =>
    Effect.gen(function* () {
      const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`
      const odd = [
        `{"expires": 1e400, "n": 12345678901234567890, "10": 1, "9": 2, "9": 3}`,
        `{ "token" :\n { "access_token" : "\\"}]\\u0041" } }`,
        `"a \\"quoted\\" { [ text"`,
        "null",
        "-1.50e+3",
        "[ ]",
        deep
      ]
      const members = odd.map((source, n) => `"bad${n}" : ${source}`)
      const path = yield* place(`{ "${url}" : { ${members.join(" , ")} , "good":${entry()} } , "9":{} }`)
      const store = yield* open(layer({ path }))
      yield* store.put(session("new"))
      const text = readFileSync(path, "utf8")
      assert.isBelow(text.length, 12_000)
      for (const [n, source] of odd.entries()) assert.include(text, `"bad${n}": ${source}`)
      assert.deepStrictEqual(emailsIn(path), [...odd.map((_, n) => `bad${n}`), "good", "new"])
      assert.isTrue(Option.isSome(yield* store.get(named("good"))))
    })
  )

  it.effect("a name cannot write into the log", () =>
    Effect.gen(function* () {
      const path = yield* place(`{"u\\n\\u001b[2J\\u202e":{"e\\r\\n${"x".repeat(1_000)}":{}}}`)
      const store = yield* open(layer({ path }))
      const error = yield* Effect.flip(store.find({}))
      assert.strictEqual(error.reason._tag, "CorruptEntry")
      assert.notMatch(error.message, /[\p{C}\p{Zl}\p{Zp}]/u)
      assert.isBelow(error.message.length, 700)
    })
  )

  it.effect("what would make the file larger than it may be is NotRepresentable", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const store = yield* open(layer({ path }))
      const long = "x".repeat(64 * 1024 + 1)
      for (const one of [
        session(long),
        session("a", long),
        session("a", "t", "2099-01-31T12:00:00Z", long)
      ]) {
        assert.strictEqual(yield* reasonOf(store.put(one)), "NotRepresentable")
      }
      yield* store.put(session("a", long.slice(1)))
      truncateSync(path, 500 * 1024 * 1024)
      assert.strictEqual(yield* reasonOf(store.get(named("a"))), "Unavailable")
    })
  )
})

describe("links", () => {
  /** A folder that is a link, and a relative link in it that leads out of where it really is. */
  const linked = Effect.gen(function* () {
    const root = yield* temporaryDirectory
    for (const folder of ["config", "data", "data/real", "data/shared"])
      mkdirSync(join(root, folder), { mode: 0o700 })
    symlinkSync("../data/real", join(root, "config/cryosparc-tools"))
    symlinkSync("../shared/auth.json", join(root, "data/real/auth.json"))
    return { path: join(root, "config/cryosparc-tools/auth.json"), file: join(root, "data/shared/auth.json") }
  })

  it.effect("store-31: links of folders are followed as the system follows them", () =>
    Effect.gen(function* () {
      const { file, path } = yield* linked
      writeFileSync(file, "{}", { mode: 0o600 })
      const store = yield* open(layer({ path }))
      yield* store.put(session("a"))
      assert.isTrue(Option.isSome(yield* store.get(named("a"))))
      assert.deepStrictEqual(emailsIn(file), ["a"])
      assert.deepStrictEqual(readdirSync(dirname(file)).toSorted(), [".latchkey", "auth.json"])
    })
  )

  it.effect("a file has one lock, by whatever name it is opened", () =>
    Effect.gen(function* () {
      const { file, path } = yield* linked
      const [one, two] = [yield* open(layer({ path })), yield* open(layer({ path: file }))]
      assert.isTrue(Option.isSome(yield* one.lease(named("a"), "1 minute")))
      assert.isTrue(Option.isNone(yield* two.lease(named("a"), "1 minute")))
    })
  )

  it.effect("a save to the same file by another name is no save elsewhere", () =>
    Effect.gen(function* () {
      const { file, path } = yield* linked
      const mine = yield* load(file)
      yield* mine.insert(url, "a", Redacted.make("mine"), "2099-01-31T12:00:00Z")
      yield* mine.save(path)
      const other = yield* load(path)
      yield* other.insert(url, "a", Redacted.make("newer"), "2099-01-31T12:00:00Z")
      yield* other.save()
      yield* mine.save()
      assert.include(readFileSync(file, "utf8"), "newer")
    })
  )
})

it.effect("what was removed leaves no note beside the file", () =>
  Effect.gen(function* () {
    const path = yield* place()
    const store = yield* open(layer({ path }))
    yield* store.put(session("a", "1"))
    yield* store.put(session("a", "2"))
    yield* store.put(session("b"))
    const accounts = () => {
      const database = new DatabaseSync(join(dirname(path), ".latchkey/auth.json/lock.db"))
      try {
        return database
          .prepare("select key from writes order by key")
          .all()
          .map((row) => JSON.parse(String(row["key"]))[2])
      } finally {
        database.close()
      }
    }
    assert.deepStrictEqual(accounts(), ["a", "b"])
    yield* store.remove(named("a"))
    assert.deepStrictEqual(accounts(), ["b"])
  })
)

it.effect("a put of the same session leaves the file alone", () =>
  Effect.gen(function* () {
    const path = yield* place()
    const store = yield* open(layer({ path }))
    yield* store.put(session("a"))
    const { ino } = statSync(path)
    yield* store.put(session("a"))
    assert.strictEqual(statSync(path).ino, ino)
  })
)

describe.skipIf(process.getuid?.() !== 0)("as root, among the files of somebody else", () => {
  const USER = 12_345

  it.effect("what is made belongs to them", () =>
    Effect.gen(function* () {
      const path = yield* place(`{"${url}":{"a":${entry()}}}`)
      chownSync(dirname(path), USER, USER)
      chownSync(path, USER, USER)
      const store = yield* open(layer({ path }))
      yield* store.put(session("b"))
      yield* store.lease(named("b"), "1 minute")
      const made = readdirSync(dirname(path), { recursive: true }).map((name) =>
        join(dirname(path), String(name))
      )
      assert.isAbove(made.length, 3)
      for (const one of made) assert.deepStrictEqual([one, statSync(one).uid], [one, USER])
      const again = yield* open(layer({ path, onLooseMode: "refuse" }))
      yield* again.put(session("c"))
      chownSync(path, USER + 1, USER + 1)
      assert.strictEqual(yield* reasonOf(again.list), "Unavailable")
    })
  )

  it.effect("what may only be read is read without the notes", () =>
    Effect.gen(function* () {
      const path = yield* place()
      const put = yield* Effect.scoped(
        Effect.flatMap(open(layer({ path })), (store) => store.put(session("a")))
      )
      const aside = join(dirname(path), ".latchkey/auth.json")
      for (const one of [dirname(path), path, dirname(aside), aside]) chownSync(one, USER, USER)
      rmSync(join(aside, "lock.db"))
      mkdirSync(join(aside, "lock.db"))
      const store = yield* open(layer({ path }))
      const found = Option.getOrThrow(yield* store.get(named("a")))
      assert.strictEqual(tokenOf(found.session), "t")
      assert.notStrictEqual(found.version, put.version)
      assert.strictEqual((yield* store.list).length, 1)
      assert.strictEqual(yield* reasonOf(store.put(session("b"))), "Unavailable")
    })
  )
})
