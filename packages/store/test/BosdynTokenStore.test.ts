import { assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import { BosdynTokenStore } from "@latchkey/store"
import { Canary, SessionStoreContract } from "@latchkey/testing"
import { DateTime, Effect, Option, Redacted } from "effect"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import {
  environment,
  key,
  modeOf,
  open,
  reasonOf,
  session,
  temporaryDirectory,
  tokenOf,
  treeOf,
  withUmask
} from "./support.ts"

const { layer } = BosdynTokenStore

/** A directory that is there, as the Python tools leave it. */
const cache = Effect.map(temporaryDirectory, (directory) => {
  mkdirSync(join(directory, "user_tokens"), { mode: 0o700 })
  return join(directory, "user_tokens")
})

SessionStoreContract.suite(
  "BosdynTokenStore",
  Effect.map(temporaryDirectory, (directory) => layer({ directory: join(directory, ".bosdyn/user_tokens") })),
  {
    lacks: [
      "order",
      "anyProvider",
      "nul",
      "refreshToken",
      "expiry",
      "end",
      "account",
      "tokenType",
      "noAccessToken"
    ],
    key: (n) => key(`user${n}`, `spot-BD-0000000${n % 2}`)
  }
)

/** What the Python tools list for a robot: every name in the directory that contains the serial number. */
const listedUpstream = (directory: string, serial: string) =>
  readdirSync(directory).filter((name) => name.includes(serial))

describe("files", () => {
  for (const mask of [0o000, 0o022]) {
    it.effect(
      `robot-42: a token is stored under serial and user, 0600 in directories of 0700, under umask ${mask}`,
      () =>
        Effect.gen(function* () {
          const home = yield* temporaryDirectory
          chmodSync(home, 0o755)
          yield* withUmask(mask)
          const directory = join(home, ".bosdyn/user_tokens")
          const store = yield* open(layer({ directory }))
          yield* store.put(session("ops", "raw.token-1"))
          assert.strictEqual(readFileSync(join(directory, "spot-1.ops.jwt"), "latin1"), "raw.token-1")
          const modes = Object.entries(treeOf(home)).map(([path, text]) => [path, text.slice(0, 3)])
          assert.deepStrictEqual(
            new Map(modes.map(([path = "", mode = ""]) => [path, mode])),
            new Map([
              [".bosdyn", "700"],
              [".bosdyn/user_tokens", "700"],
              [".bosdyn/user_tokens/.latchkey", "700"],
              [".bosdyn/user_tokens/.latchkey/leases.db", "600"],
              [".bosdyn/user_tokens/.latchkey/leases.db-shm", "600"],
              [".bosdyn/user_tokens/.latchkey/leases.db-wal", "600"],
              [".bosdyn/user_tokens/spot-1.ops.jwt", "600"]
            ])
          )
          assert.strictEqual(modeOf(home), "755")
        })
    )
  }

  it.effect("robot-42: reading makes nothing: a missing directory is an empty store", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      const store = yield* open(layer({ directory: join(home, ".bosdyn/user_tokens") }))
      assert.deepStrictEqual(yield* store.list, [])
      assert.isTrue(Option.isNone(yield* store.get(key("ops"))))
      assert.isTrue(Option.isNone(yield* store.find({})))
      assert.isFalse(yield* store.remove(key("ops")))
      assert.deepStrictEqual(readdirSync(home), [])
    })
  )

  it.effect("robot-42: the cache lies in the home directory unless said otherwise", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      const store = yield* open(layer()).pipe(environment({ HOME: home }))
      yield* store.put(session("ops", "t"))
      assert.isTrue(existsSync(join(home, ".bosdyn/user_tokens/spot-1.ops.jwt")))
      const cwd = readdirSync(".")
      for (const env of [{}, { HOME: "" }, { HOME: "relative" }]) {
        assert.strictEqual(yield* reasonOf(open(layer()).pipe(environment(env))), "Unavailable")
      }
      assert.deepStrictEqual(readdirSync("."), cwd)
    })
  )

  it.effect("robot-42: the Python tools' listing sees tokens and nothing else", () =>
    Effect.gen(function* () {
      const directory = yield* cache
      const store = yield* open(layer({ directory }))
      for (const user of ["zoe", "ali"]) yield* store.put(session(user, "t"))
      yield* store.put(session("other", "t", "spot-2"))
      yield* store.lease(key("ali"), "1 minute")
      assert.deepStrictEqual(listedUpstream(directory, "spot-1").toSorted(), [
        "spot-1.ali.jwt",
        "spot-1.zoe.jwt"
      ])
      assert.deepStrictEqual(readdirSync(directory).toSorted()[0], ".latchkey")
      assert.deepStrictEqual(
        (yield* store.list).map((one) => one.key.account),
        ["ali", "zoe", "other"]
      )
    })
  )

  it.effect("robot-42: what a crashed writer left aside is cleared when the store is opened", () =>
    Effect.gen(function* () {
      const directory = yield* cache
      yield* Effect.scoped(
        Effect.flatMap(open(layer({ directory })), (store) => store.put(session("ops", "t")))
      )
      writeFileSync(join(directory, ".latchkey", "9f.tmp"), "half a tok")
      yield* open(layer({ directory }))
      assert.isFalse(readdirSync(join(directory, ".latchkey")).includes("9f.tmp"))
    })
  )

  it.effect(
    "robot-42: a looser file is read with a warning or refused, and becomes 0600 when it is written",
    () =>
      Effect.gen(function* () {
        const directory = yield* cache
        const path = join(directory, "spot-1.ops.jwt")
        writeFileSync(path, "theirs")
        chmodSync(path, 0o644)
        const strict = yield* open(layer({ directory, onLooseMode: "refuse" }))
        assert.strictEqual(yield* reasonOf(strict.get(key("ops"))), "Unavailable")
        const canary = Canary.make("theirs")
        writeFileSync(path, canary.secret)
        yield* Effect.gen(function* () {
          const store = yield* open(layer({ directory }))
          assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
          const logged = yield* (yield* Canary.Captured).everything
          assert.isTrue(logged.some(({ where, text }) => where === "log" && text.includes(path)))
          yield* Canary.assertNoneCaptured([canary])
          yield* store.put(session("ops", "ours"))
        }).pipe(Effect.provide(Canary.capture))
        assert.strictEqual(modeOf(path), "600")
        assert.isTrue(Option.isSome(yield* strict.get(key("ops"))))
      })
  )

  it.effect("robot-42: a loose file is warned of once, not at every read", () =>
    Effect.gen(function* () {
      const directory = yield* cache
      const path = join(directory, "spot-1.ops.jwt")
      writeFileSync(path, "theirs")
      chmodSync(path, 0o644)
      const warnings = yield* Effect.gen(function* () {
        const warned = Effect.flatMap(Canary.Captured, (captured) =>
          Effect.map(captured.everything, (all) => all.filter(({ where }) => where === "log").length)
        )
        const store = yield* open(layer({ directory }))
        yield* store.get(key("ops"))
        const once = yield* warned
        for (const _ of [1, 2, 3]) yield* store.get(key("ops"))
        return [once > 0, (yield* warned) - once]
      }).pipe(Effect.provide(Canary.capture))
      assert.deepStrictEqual(warnings, [true, 0])
    })
  )

  it.effect("robot-42: in a place that others may write to, whoever refuses that does nothing at all", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      const loose = join(home, "open")
      mkdirSync(loose)
      chmodSync(loose, 0o777)
      for (const directory of [loose, join(loose, "user_tokens")]) {
        const store = yield* open(layer({ directory, onLooseMode: "refuse" }))
        assert.strictEqual(yield* reasonOf(store.put(session("ops", "t"))), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.lease(key("ops"), "1 minute")), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.list), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.find({})), "Unavailable")
        assert.deepStrictEqual(readdirSync(loose), [])
      }
    })
  )

  it.effect(
    "robot-42: a loose file is not replaced, and loose leases are not used, where that is refused",
    () =>
      Effect.gen(function* () {
        const directory = yield* cache
        const store = yield* open(layer({ directory, onLooseMode: "refuse" }))
        yield* store.put(session("ops", "t"))
        chmodSync(join(directory, "spot-1.ops.jwt"), 0o666)
        assert.strictEqual(yield* reasonOf(store.put(session("ops", "u"))), "Unavailable")
        chmodSync(join(directory, "spot-1.ops.jwt"), 0o600)
        chmodSync(join(directory, ".latchkey/leases.db"), 0o666)
        assert.strictEqual(yield* reasonOf(store.put(session("ops", "u"))), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.lease(key("ops"), "1 minute")), "Unavailable")
        chmodSync(join(directory, ".latchkey/leases.db"), 0o600)
        yield* store.put(session("ops", "u"))
      })
  )

  it.effect("robot-42: what a crashed writer left where a link leads is cleared as well", () =>
    Effect.gen(function* () {
      const directory = yield* cache
      const vault = yield* temporaryDirectory
      symlinkSync(join(vault, "token"), join(directory, "spot-1.ops.jwt"))
      symlinkSync(join(vault, "token", "below a file"), join(directory, "spot-1.other.jwt"))
      yield* Effect.scoped(
        Effect.flatMap(open(layer({ directory })), (store) => store.put(session("ops", "t")))
      )
      writeFileSync(join(vault, ".latchkey", "9f.tmp"), "half a tok")
      yield* open(layer({ directory }))
      assert.deepStrictEqual(readdirSync(join(vault, ".latchkey")), [])
    })
  )

  it.effect("robot-42: a link is followed on reading, writing and removing, and stays a link", () =>
    Effect.gen(function* () {
      const directory = yield* cache
      const vault = yield* temporaryDirectory
      const link = join(directory, "spot-1.ops.jwt")
      symlinkSync(join(vault, "token"), link)
      const store = yield* open(layer({ directory }))
      assert.isTrue(Option.isNone(yield* store.get(key("ops"))))
      assert.deepStrictEqual(yield* store.list, [])
      yield* store.put(session("ops", "t1"))
      assert.strictEqual(readFileSync(join(vault, "token"), "latin1"), "t1")
      assert.strictEqual(modeOf(join(vault, "token")), "600")
      assert.isTrue(lstatSync(link).isSymbolicLink())
      assert.strictEqual(
        Option.map(yield* store.get(key("ops")), (it) => tokenOf(it.session)).pipe(Option.getOrNull),
        "t1"
      )
      assert.isTrue(yield* store.remove(key("ops")))
      assert.isTrue(lstatSync(link).isSymbolicLink())
      assert.isFalse(existsSync(join(vault, "token")))
      assert.deepStrictEqual(readdirSync(join(vault, ".latchkey")), [])
    })
  )
})

describe("other tools", () => {
  for (const [name, ending] of [
    ["without", ""],
    ["with", "\n"],
    ["with a Windows", "\r\n"]
  ] as const) {
    it.effect(
      `robot-43: a raw token file ${name} final newline is usable, and issued when it was written`,
      () =>
        Effect.gen(function* () {
          const directory = yield* cache
          const path = join(directory, "spot-1.ops.jwt")
          writeFileSync(path, `eyJ.a-b_c.d${ending}`, { mode: 0o600 })
          utimesSync(path, 1_700_000_000.5, 1_700_000_000.5)
          const store = yield* open(layer({ directory }))
          const expected = new Session({
            key: key("ops"),
            accessToken: Redacted.make("eyJ.a-b_c.d"),
            issuedAt: DateTime.makeUnsafe(1_700_000_000_500)
          })
          for (const found of [yield* store.get(key("ops")), yield* store.find({ account: "ops" })]) {
            const { session } = Option.getOrThrow(found)
            assert.strictEqual(tokenOf(session), tokenOf(expected))
            assert.deepStrictEqual({ ...session, accessToken: 0 }, { ...expected, accessToken: 0 })
          }
          assert.deepStrictEqual(
            (yield* store.list).map((one) => DateTime.toEpochMillis(one.issuedAt)),
            [1_700_000_000_500]
          )
        })
    )
  }

  it.effect(
    "robot-43: a file that another tool rewrote, even with the same token, is a Conflict for who expects ours",
    () =>
      Effect.gen(function* () {
        const directory = yield* cache
        const path = join(directory, "spot-1.ops.jwt")
        const store = yield* open(layer({ directory }))
        for (const content of ["theirs", "ours"]) {
          const { version } = yield* store.put(session("ops", "ours"))
          writeFileSync(path, content)
          assert.strictEqual(
            yield* reasonOf(store.put(session("ops", "next"), { expected: Option.some(version) })),
            "Conflict"
          )
          assert.strictEqual(yield* reasonOf(store.remove(key("ops"), { expected: version })), "Conflict")
          assert.strictEqual(readFileSync(path, "latin1"), content)
          const seen = Option.getOrThrow(yield* store.get(key("ops")))
          yield* store.put(session("ops", "next"), { expected: Option.some(seen.version) })
        }
      })
  )

  it.effect("robot-43: what is not a token file is passed over", () =>
    Effect.gen(function* () {
      const directory = yield* cache
      const foreign = [
        "README",
        "spot-1.jwt",
        ".ops.jwt",
        "spot-1..jwt",
        "spot-1.ops.jwt~",
        "spot-1.ops.JWT",
        "a\nb.c.jwt",
        ".jwt"
      ]
      for (const name of foreign) writeFileSync(join(directory, name), "t", { mode: 0o600 })
      writeFileSync(
        Buffer.concat([Buffer.from(`${directory}/spot-1.`), Buffer.from([0xff]), Buffer.from(".jwt")]),
        "t"
      )
      mkdirSync(join(directory, "spot-1.folder.jwt"))
      symlinkSync("nowhere", join(directory, "spot-1.dangling.jwt"))
      writeFileSync(join(directory, "spot-1.ops.jwt"), "t", { mode: 0o600 })
      const store = yield* open(layer({ directory }))
      assert.deepStrictEqual(
        (yield* store.list).map((one) => one.key.account),
        ["ops"]
      )
      assert.isTrue(Option.isSome(yield* store.find({})))
    })
  )

  const damaged: Record<string, string | Buffer> = {
    empty: "",
    "a newline alone": "\n",
    "two lines": "a\nb\n",
    "too large": "t".repeat(64 * 1024 + 1),
    "not ASCII": "tök",
    "with a blank": "a b",
    bytes: Buffer.from([0, 1, 2])
  }
  for (const [name, content] of Object.entries(damaged)) {
    it.effect(
      `robot-43: a file that is ${name} is a CorruptEntry, listed, left as it is, and hides no other`,
      () =>
        Effect.gen(function* () {
          const directory = yield* cache
          writeFileSync(join(directory, "spot-1.bad.jwt"), content, { mode: 0o600 })
          writeFileSync(join(directory, "spot-1.good.jwt"), "t", { mode: 0o600 })
          const before = treeOf(directory)
          const store = yield* open(layer({ directory }))
          assert.strictEqual(yield* reasonOf(store.get(key("bad"))), "CorruptEntry")
          assert.strictEqual(yield* reasonOf(store.find({})), "CorruptEntry")
          assert.isTrue(Option.isSome(yield* store.get(key("good"))))
          assert.deepStrictEqual(
            (yield* store.list).map((one) => one.key.account),
            ["bad", "good"]
          )
          assert.deepStrictEqual(treeOf(directory), before)
          assert.strictEqual(
            yield* reasonOf(store.put(session("bad", "n"), { expected: Option.none() })),
            "Conflict"
          )
          assert.strictEqual(treeOf(directory)["spot-1.bad.jwt"], before["spot-1.bad.jwt"])
          yield* store.put(session("bad", "n"))
          assert.isTrue(Option.isSome(yield* store.get(key("bad"))))
        })
    )
  }
})

describe("times", () => {
  for (const [name, millis] of [
    ["before 1970", -1],
    ["long before 1970", -8.64e15],
    ["beyond what the file system holds", 8.64e15]
  ] as const) {
    it.effect(`a session that was issued ${name} is NotRepresentable, and the old token stays`, () =>
      Effect.gen(function* () {
        const directory = yield* cache
        const store = yield* open(layer({ directory }))
        yield* store.put(session("ops", "old"))
        const before = readFileSync(join(directory, "spot-1.ops.jwt"), "latin1")
        const issuedAt = DateTime.makeUnsafe(millis)
        const one = new Session({ ...session("ops", "new"), issuedAt })
        assert.strictEqual(yield* reasonOf(store.put(one)), "NotRepresentable")
        assert.strictEqual(readFileSync(join(directory, "spot-1.ops.jwt"), "latin1"), before)
        assert.deepStrictEqual(
          readdirSync(join(directory, ".latchkey")).filter((file) => file.endsWith(".tmp")),
          []
        )
      })
    )
  }
})

describe("names", () => {
  const unnameable = [
    "a/b",
    "../up",
    "..",
    ".",
    "/etc/passwd",
    "a\\b",
    "nul\u0000",
    "new\nline",
    "\u0007",
    "dot.ted",
    ".hidden",
    "\ud800",
    "n".repeat(250)
  ]

  for (const part of ["account", "instance"] as const) {
    it.effect(
      `robot-44: names that could leave the directory or break listing are NotRepresentable as ${part}`,
      () =>
        Effect.gen(function* () {
          const home = yield* temporaryDirectory
          const directory = join(home, "user_tokens")
          const store = yield* open(layer({ directory }))
          for (const name of unnameable) {
            const one = new SessionKey({ ...key("ops"), [part]: name })
            assert.strictEqual(
              yield* reasonOf(store.put(new Session({ ...session("ops", "t"), key: one }))),
              "NotRepresentable"
            )
            assert.isTrue(Option.isNone(yield* store.get(one)))
            assert.isFalse(yield* store.remove(one))
          }
          assert.deepStrictEqual(readdirSync(home), [])
        })
    )
  }

  it.effect("robot-44: a key outside the directory is none, though there is such a file", () =>
    Effect.gen(function* () {
      const directory = yield* cache
      writeFileSync(join(directory, "../spot-1.ops.jwt"), "t", { mode: 0o600 })
      mkdirSync(join(directory, "x"))
      const store = yield* open(layer({ directory }))
      for (const one of [key("ops", "../spot-1"), key("ops", "x/../../spot-1"), key("../ops")]) {
        assert.isTrue(Option.isNone(yield* store.get(one)))
        assert.isFalse(yield* store.remove(one))
      }
    })
  )

  it.effect(
    "robot-44: a dot in a user name made by another tool is split at the first dot, and readable",
    () =>
      Effect.gen(function* () {
        const directory = yield* cache
        writeFileSync(join(directory, "spot-1.ops@example.com.jwt"), "t", { mode: 0o600 })
        const store = yield* open(layer({ directory }))
        assert.deepStrictEqual(
          (yield* store.list).map((one) => one.key.id),
          [key("ops@example.com").id]
        )
        assert.isTrue(Option.isSome(yield* store.get(key("ops@example.com"))))
        assert.isTrue(Option.isNone(yield* store.get(key("com", "spot-1.ops@example"))))
        assert.isTrue(yield* store.remove(key("ops@example.com")))
      })
  )
})

describe("failures", () => {
  it.effect("a place that cannot be had is Unavailable, never an empty store", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      writeFileSync(join(home, "file"), "")
      for (const directory of [join(home, "file"), join(home, "file", "below"), join(home, "n\0l")]) {
        const store = yield* open(layer({ directory }))
        assert.strictEqual(yield* reasonOf(store.list), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.find({})), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.put(session("ops", "t"))), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.remove(key("ops"))), "Unavailable")
        assert.strictEqual(yield* reasonOf(store.lease(key("ops"), "1 second")), "Unavailable")
      }
      assert.deepStrictEqual(readdirSync(home), ["file"])
    })
  )

  it.effect(
    "a directory in the place of a token is a CorruptEntry, and Unavailable to who writes there",
    () =>
      Effect.gen(function* () {
        const directory = yield* cache
        mkdirSync(join(directory, "spot-1.ops.jwt"))
        const store = yield* open(layer({ directory, onLooseMode: "warn" }))
        assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "CorruptEntry")
        assert.strictEqual(yield* reasonOf(store.put(session("ops", "t"))), "Unavailable")
        assert.deepStrictEqual(
          readdirSync(join(directory, ".latchkey")).filter((name) => name.endsWith(".tmp")),
          []
        )
        assert.isTrue(statSync(join(directory, "spot-1.ops.jwt")).isDirectory())
      })
  )

  it.effect("P06: no failure, log line, span or summary shows a token", () =>
    Effect.gen(function* () {
      const canary = Canary.make("token")
      const directory = yield* cache
      const failures: Array<SessionStoreError> = []
      const failing = <A>(effect: Effect.Effect<A, SessionStoreError>) =>
        Effect.map(Effect.flip(effect), (error) => failures.push(error))
      yield* Effect.gen(function* () {
        const store = yield* open(layer({ directory }))
        yield* store.put(session("ops", canary.secret))
        yield* failing(store.put(session("ops", canary.secret), { expected: Option.none() }))
        yield* failing(store.put(session("ops", `${canary.secret} `)))
        yield* failing(store.put(new Session({ ...session("ops", "t"), refreshToken: canary.redacted })))
        yield* failing(store.put(session("d.ot", canary.secret)))
        writeFileSync(join(directory, "spot-1.ops.jwt"), `${canary.secret} \n`)
        yield* failing(store.get(key("ops")))
        Canary.assertAbsent([canary], [failures, yield* store.list])
        yield* Canary.assertNoneCaptured([canary])
      }).pipe(Effect.provide(Canary.capture))
      assert.strictEqual(failures.length, 5)
    })
  )
})
