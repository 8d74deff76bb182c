import { assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import { SqliteSessionStore } from "@latchkey/store"
import { Canary, SessionStoreContract } from "@latchkey/testing"
import { Config, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
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

const { layer } = SqliteSessionStore

const place = Effect.map(temporaryDirectory, (directory) => join(directory, "sessions.db"))

SessionStoreContract.suite(
  "SqliteSessionStore",
  Effect.map(temporaryDirectory, (directory) =>
    layer({ path: join(directory, "some/where", "sessions.db") })
  ),
  { lacks: ["nul"] }
)

/** Opens the store, uses it, and closes it again. */
const using = <A, E>(
  path: string,
  use: (store: Effect.Success<ReturnType<typeof open>>) => Effect.Effect<A, E>
) => Effect.scoped(Effect.flatMap(open(layer({ path })), use))

describe("the file", () => {
  for (const mask of [0o000, 0o022, 0o077]) {
    it.effect(
      `S27: is private from the start under umask ${mask.toString(8)}, and so is every directory made for it`,
      () =>
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          chmodSync(directory, 0o755)
          yield* withUmask(mask)
          const store = yield* open(layer({ path: join(directory, "a/b", "sessions.db") }))
          yield* store.put(session("ops", "token"))
          const files = readdirSync(join(directory, "a/b"))
          assert.deepStrictEqual(files.toSorted(), ["sessions.db", "sessions.db-shm", "sessions.db-wal"])
          for (const path of ["a", "a/b", ...files.map((file) => `a/b/${file}`)]) {
            assert.strictEqual(modeOf(join(directory, path)), path.includes(".db") ? "600" : "700")
          }
          assert.strictEqual(modeOf(directory), "755")
        })
    )
  }

  it.effect("P22: a file that others may read is opened with a warning, or refused", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) => store.put(session("ops", "token")))
      chmodSync(path, 0o644)
      assert.strictEqual(yield* reasonOf(open(layer({ path, onLooseMode: "refuse" }))), "Unavailable")
      const logged = yield* Effect.gen(function* () {
        const store = yield* open(layer({ path }))
        assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
        return yield* (yield* Canary.Captured).everything
      }).pipe(Effect.provide(Canary.capture))
      assert.isTrue(logged.some(({ where, text }) => where === "log" && text.includes(path)))
      chmodSync(path, 0o600)
      yield* open(layer({ path, onLooseMode: "refuse" }))
    })
  )

  // Only root can give a file away.
  if (process.getuid?.() === 0) {
    it.effect("P22: a file of another user is refused by the same setting", () =>
      Effect.gen(function* () {
        const path = yield* place
        yield* using(path, (store) => store.put(session("ops", "token")))
        chownSync(path, 12_345, 0)
        assert.strictEqual(yield* reasonOf(open(layer({ path, onLooseMode: "refuse" }))), "Unavailable")
        yield* open(layer({ path }))
      })
    )
  }

  it.effect("P22: a file in a directory that others may write to is refused by the same setting", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "open", "sessions.db")
      yield* using(path, (store) => store.put(session("ops", "token")))
      chmodSync(join(path, ".."), 0o777)
      assert.strictEqual(yield* reasonOf(open(layer({ path, onLooseMode: "refuse" }))), "Unavailable")
      chmodSync(join(path, ".."), 0o1777)
      yield* open(layer({ path, onLooseMode: "refuse" }))
    })
  )

  it.effect("P22: a file is not made where others could replace it, by the same setting", () =>
    Effect.gen(function* () {
      const loose = join(yield* temporaryDirectory, "open")
      mkdirSync(loose)
      chmodSync(loose, 0o777)
      for (const path of [join(loose, "sessions.db"), join(loose, "a/b/sessions.db")]) {
        assert.strictEqual(yield* reasonOf(open(layer({ path, onLooseMode: "refuse" }))), "Unavailable")
        assert.deepStrictEqual(readdirSync(loose), [])
        const logged = yield* Effect.gen(function* () {
          yield* open(layer({ path }))
          return yield* (yield* Canary.Captured).everything
        }).pipe(Effect.provide(Canary.capture), Effect.scoped)
        assert.isTrue(logged.some(({ where, text }) => where === "log" && text.includes(loose)))
        rmSync(join(loose, "sessions.db"), { force: true })
        rmSync(join(loose, "a"), { recursive: true, force: true })
      }
    })
  )

  it.effect("P22: a link that others could replace is refused by the same setting", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const loose = join(directory, "open")
      mkdirSync(loose)
      chmodSync(loose, 0o777)
      symlinkSync(join(directory, "sessions.db"), join(loose, "link.db"))
      const path = join(loose, "link.db")
      assert.strictEqual(yield* reasonOf(open(layer({ path, onLooseMode: "refuse" }))), "Unavailable")
    })
  )

  it.effect("P22: nobody is told to change the mode of what is not a file", () =>
    Effect.gen(function* () {
      const path = yield* place
      mkdirSync(path)
      chmodSync(path, 0o755)
      const logged = yield* Effect.gen(function* () {
        assert.strictEqual(yield* reasonOf(open(layer({ path }))), "Unavailable")
        return yield* (yield* Canary.Captured).everything
      }).pipe(Effect.provide(Canary.capture))
      assert.isFalse(logged.some(({ where }) => where === "log"))
    })
  )

  it.effect("a link is followed, also one that leads nowhere yet, and stays a link", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const link = join(directory, "link.db")
      symlinkSync("far/sessions.db", link)
      yield* withUmask(0o022)
      yield* using(link, (store) => store.put(session("ops", "token")))
      assert.isTrue(lstatSync(link).isSymbolicLink())
      assert.strictEqual(modeOf(join(directory, "far/sessions.db")), "600")
      assert.strictEqual(modeOf(join(directory, "far")), "700")
      assert.strictEqual((yield* using(join(directory, "far/sessions.db"), (store) => store.list)).length, 1)
    })
  )

  it.effect("closing leaves one file with everything in it", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) => store.put(session("ops", "token")))
      assert.deepStrictEqual(readdirSync(join(path, "..")), ["sessions.db"])
      assert.strictEqual((yield* using(path, (store) => store.list)).length, 1)
    })
  )

  it.effect("a removed token is nowhere in the files", () =>
    Effect.gen(function* () {
      const path = yield* place
      const store = yield* open(layer({ path }))
      yield* store.put(session("ops", "to-be-forgotten"))
      const holding = () =>
        readdirSync(join(path, "..")).filter((file) =>
          readFileSync(join(path, "..", file)).includes("to-be-forgotten")
        )
      assert.isNotEmpty(holding())
      yield* store.remove(key("ops"))
      assert.deepStrictEqual(holding(), [])
    })
  )

  it.effect(
    "lies in the platform's state directory unless said otherwise, or where the configuration says",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryDirectory
        yield* Effect.scoped(open(layer())).pipe(environment({ XDG_STATE_HOME: join(home, "state") }))
        assert.deepStrictEqual(Object.keys(treeOf(join(home, "state"))), ["latchkey", "latchkey/sessions.db"])
        const cwd = readdirSync(".")
        for (const env of [{}, { HOME: "" }, { HOME: "relative" }, { HOME: "a", XDG_STATE_HOME: "b" }]) {
          assert.strictEqual(yield* reasonOf(open(layer()).pipe(environment(env))), "Unavailable")
        }
        assert.deepStrictEqual(readdirSync("."), cwd)
        const configured = SqliteSessionStore.layerConfig({ path: Config.String("SESSIONS") })
        yield* Effect.scoped(open(configured)).pipe(environment({ SESSIONS: join(home, "configured.db") }))
        assert.isTrue(readdirSync(home).includes("configured.db"))
      })
  )
})

const foreign = (path: string, sql: string) => {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

/** A copy of what a process that was killed would leave. */
const killed = (path: string, use: (database: DatabaseSync) => void) => {
  const database = new DatabaseSync(`${path}.live`)
  use(database)
  for (const end of ["", "-wal", "-journal"]) {
    if (existsSync(`${path}.live${end}`)) copyFileSync(`${path}.live${end}`, `${path}${end}`)
  }
  database.close()
  rmSync(`${path}.live`)
}
const inTheLog = (path: string, sql: string) =>
  killed(path, (database) => database.exec(`pragma journal_mode = wal; ${sql}`))
const leaveHotJournal = (path: string) =>
  killed(path, (database) =>
    database.exec(`create table t (a); insert into t values (randomblob(9000)); pragma cache_size = 1;
      begin; update t set a = randomblob(9000); insert into t select randomblob(200000) from t`)
  )

describe("a file that is no store", () => {
  const refusals: Record<string, (path: string) => void> = {
    garbage: (path) => writeFileSync(path, "no database ".repeat(1_000)),
    "a few bytes": (path) => writeFileSync(path, "{}"),
    "a page of zeros": (path) => writeFileSync(path, Buffer.alloc(4_096)),
    "another program's database": (path) => foreign(path, "create table t (a)"),
    "another program's database with an id": (path) =>
      foreign(path, "pragma application_id = 7; create table t (a)"),
    "another program's database in WAL mode": (path) =>
      foreign(path, "pragma journal_mode = wal; create table t (a)"),
    "a store of a newer release": (path) =>
      foreign(path, "pragma user_version = 3; pragma application_id = 0x4c4b5353; create table t (a)")
  }

  for (const [name, write] of Object.entries(refusals)) {
    it.effect(`${name} is Corrupt, and is left as it was with nothing beside it`, () =>
      Effect.gen(function* () {
        const path = yield* place
        write(path)
        const before = treeOf(join(path, ".."))
        assert.strictEqual(yield* reasonOf(open(layer({ path }))), "Corrupt")
        assert.deepStrictEqual(treeOf(join(path, "..")), before)
      })
    )
  }

  const beside: Record<string, (path: string) => void> = {
    "garbage beside a log and a journal": (path) => {
      inTheLog(path, "create table t (a)")
      writeFileSync(path, "no database ".repeat(1_000))
      writeFileSync(`${path}-journal`, "no journal")
    },
    "a page of zeros beside a log": (path) => {
      inTheLog(path, "create table t (a)")
      writeFileSync(path, Buffer.alloc(4_096))
    },
    "garbage beside another file's hot journal": (path) => {
      leaveHotJournal(path)
      writeFileSync(path, "no database ".repeat(1_000))
    },
    "another program's database that is all in its log": (path) => inTheLog(path, "create table t (a)"),
    "another program's database whose id is in its log": (path) =>
      inTheLog(path, "pragma application_id = 7; create table t (a)"),
    "another program's database cut short beside its log": (path) => {
      inTheLog(path, "create table t (a); insert into t values (randomblob(90000)); pragma wal_checkpoint")
      truncateSync(path, 8_192)
    },
    "another program's database beside a stale journal": (path) => {
      foreign(path, "create table t (a)")
      writeFileSync(`${path}-journal`, "no journal")
    },
    "another program's database with a hot journal": leaveHotJournal,
    "a store of a newer release that is all in its log": (path) =>
      inTheLog(path, "pragma user_version = 3; pragma application_id = 0x4c4b5353; create table t (a)"),
    "a log whose file is gone": (path) => {
      inTheLog(path, "pragma user_version = 1; pragma application_id = 0x4c4b5353; create table t (a)")
      rmSync(path)
    },
    "a log whose file is empty": (path) => {
      inTheLog(path, "pragma user_version = 1; pragma application_id = 0x4c4b5353; create table t (a)")
      truncateSync(path, 0)
    },
    "a hot journal whose file is gone": (path) => {
      leaveHotJournal(path)
      rmSync(path)
    }
  }
  for (const [name, write] of Object.entries(beside)) {
    it.effect(`${name} is Corrupt, and every file is left as it was`, () =>
      Effect.gen(function* () {
        const path = yield* place
        write(path)
        const before = treeOf(join(path, ".."))
        assert.isNotEmpty(Object.keys(before).filter((file) => file !== "sessions.db"))
        assert.strictEqual(yield* reasonOf(open(layer({ path }))), "Corrupt")
        assert.deepStrictEqual(treeOf(join(path, "..")), before)
      })
    )
  }

  it.effect("a store whose process was killed is read from its log, also in the middle of a checkpoint", () =>
    Effect.gen(function* () {
      const path = yield* place
      const live = `${path}.live`
      const store = yield* open(layer({ path: live }))
      for (let n = 0; n < 20; n++) yield* store.put(session(`a${n}`, "t".repeat(900)))
      copyFileSync(live, path)
      const before = readFileSync(path)
      copyFileSync(`${live}-wal`, `${path}-wal`)
      assert.strictEqual((yield* using(path, (it) => it.list)).length, 20)
      // A checkpoint writes the first page first, and that tells of pages that are not there yet.
      const whole = readFileSync(path)
      copyFileSync(`${live}-wal`, `${path}-wal`)
      assert.isAbove(whole.length, before.length)
      writeFileSync(path, Buffer.concat([whole.subarray(0, 4_096), before.subarray(4_096)]))
      assert.strictEqual((yield* using(path, (it) => it.list)).length, 20)
    })
  )

  it.effect("a store of version 1, which had no marks, is brought up to date with all that is in it", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) =>
        Effect.andThen(store.put(session("ops", "t")), store.lease(key("ops"), "1 minute"))
      )
      const database = new DatabaseSync(path)
      database.exec("alter table leases drop column mark; pragma user_version = 1")
      database.close()
      yield* using(path, (store) =>
        Effect.gen(function* () {
          assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(key("ops"))).session), "t")
          assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "1 minute")))
          const lease = Option.getOrThrow(yield* store.lease(key("other"), "1 minute"))
          yield* lease.mark(Option.some("v"))
        })
      )
    })
  )

  it.effect("a store that was being made when its process was killed is made anew", () =>
    Effect.gen(function* () {
      const path = yield* place
      for (const length of [0, 512, 4_096, 12_288, undefined]) {
        killed(path, (database) =>
          database.exec(`pragma cache_size = 1; begin; create table t (a); insert into t values (randomblob(200000));
            pragma application_id = 0x4c4b5353; pragma user_version = 1`)
        )
        assert.isAbove(statSync(`${path}-journal`).size, 0)
        truncateSync(path, length ?? statSync(path).size)
        assert.deepStrictEqual(yield* using(path, (store) => store.list), [], `cut at ${length}`)
        yield* using(path, (store) => store.put(session("ops", "t")))
        rmSync(path)
      }
    })
  )

  it.effect("a store whose index was damaged is Corrupt: what is there is never read as missing", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) =>
        Effect.forEach([0, 1, 2, 3, 4], (n) => store.put(session(`acct${n}`, "t")))
      )
      const database = new DatabaseSync(path)
      const root = database
        .prepare("select rootpage from sqlite_schema where name = 'sqlite_autoindex_entries_1'")
        .get()
      database.close()
      const bytes = readFileSync(path)
      const at = bytes.indexOf("robotspot-1acct2", (Number(root?.["rootpage"]) - 1) * 4_096)
      bytes.write("9", at + 15)
      writeFileSync(path, bytes)
      const before = treeOf(join(path, ".."))
      assert.strictEqual(yield* reasonOf(open(layer({ path }))), "Corrupt")
      assert.deepStrictEqual(treeOf(join(path, "..")), before)
    })
  )

  it.effect("another program's database is Corrupt also while the program has it open", () =>
    Effect.gen(function* () {
      const path = yield* place
      const database = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseSync(path)),
        (it) => Effect.sync(() => it.close())
      )
      database.exec("pragma journal_mode = wal; create table t (a); insert into t values (1)")
      assert.strictEqual(yield* reasonOf(open(layer({ path }))), "Corrupt")
      assert.deepStrictEqual(database.prepare("select name from sqlite_schema").all().length, 1)
    })
  )

  it.effect("a store cut short anywhere is Corrupt, and is left as it was", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) =>
        Effect.forEach(
          Array.from({ length: 20 }, (_, n) => n),
          (n) => store.put(session(`a${n}`, "t".repeat(900)))
        )
      )
      const whole = readFileSync(path)
      for (const length of [
        1,
        15,
        99,
        100,
        511,
        4_095,
        4_096,
        8_192,
        whole.length - 4_096,
        whole.length - 1
      ]) {
        writeFileSync(path, whole.subarray(0, length))
        const before = treeOf(join(path, ".."))
        assert.strictEqual(yield* reasonOf(open(layer({ path }))), "Corrupt", `cut at ${length}`)
        assert.deepStrictEqual(treeOf(join(path, "..")), before)
      }
      writeFileSync(path, whole)
      assert.strictEqual((yield* using(path, (store) => store.list)).length, 20)
    })
  )

  it.effect("a damaged page is Corrupt", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) => store.put(session("ops", "t")))
      const bytes = readFileSync(path)
      bytes.fill(0xff, 4_096)
      writeFileSync(path, bytes)
      assert.strictEqual(yield* reasonOf(using(path, (store) => store.list)), "Corrupt")
      assert.strictEqual(yield* reasonOf(using(path, (store) => store.put(session("ops", "t")))), "Corrupt")
    })
  )

  it.effect("an empty file is a new store", () =>
    Effect.gen(function* () {
      const path = yield* place
      writeFileSync(path, "", { mode: 0o600 })
      yield* using(path, (store) => store.put(session("ops", "t")))
      assert.strictEqual((yield* using(path, (store) => store.list)).length, 1)
    })
  )
})

describe("an entry that cannot be read", () => {
  const damages: Record<string, string> = {
    "no line of ours": "update entries set line = '{}' where account = 'bad'",
    "half a line": "update entries set line = substr(line, 1, 40) where account = 'bad'",
    "a line of a later format":
      "update entries set line = replace(line, '\"v\":1', '\"v\":2') where account = 'bad'",
    "somebody else's line":
      "update entries set line = (select line from entries where account = 'good') where account = 'bad'"
  }
  for (const [name, sql] of Object.entries(damages)) {
    it.effect(`${name} is a CorruptEntry, is listed, hides no other, and can be replaced or removed`, () =>
      Effect.gen(function* () {
        const path = yield* place
        const versions = yield* using(path, (store) =>
          Effect.all([store.put(session("bad", "b")), store.put(session("good", "g"))])
        )
        const database = new DatabaseSync(path)
        database.exec(sql)
        database.close()
        const store = yield* open(layer({ path }))
        assert.strictEqual(yield* reasonOf(store.get(key("bad"))), "CorruptEntry")
        assert.strictEqual(yield* reasonOf(store.find({})), "CorruptEntry")
        assert.isTrue(Option.isSome(yield* store.get(key("good"))))
        assert.isTrue(Option.isSome(yield* store.find({ account: "good" })))
        assert.deepStrictEqual(
          (yield* store.list).map((one) => one.key.account),
          ["bad", "good"]
        )
        assert.strictEqual(
          yield* reasonOf(store.put(session("bad", "n"), { expected: Option.none() })),
          "Conflict"
        )
        assert.strictEqual(
          yield* reasonOf(store.put(session("bad", "n"), { expected: Option.some("x") })),
          "Conflict"
        )
        assert.strictEqual(yield* reasonOf(store.get(key("bad"))), "CorruptEntry")
        yield* store.put(session("bad", "n"), { expected: Option.some(versions[0].version) })
        assert.isTrue(Option.isSome(yield* store.get(key("bad"))))
        database.open()
        database.exec(sql)
        database.close()
        yield* store.put(session("bad", "m"))
        assert.isTrue(yield* store.remove(key("bad")))
      })
    )
  }

  const unshowable: Record<string, string> = {
    "a time of issue beyond any": "update entries set issuedAt = 9223372036854775807 where account = 'bad'",
    "an expiry beyond any": "update entries set expiresAt = 8640000000000001 where account = 'bad'",
    "no account": "update entries set account = '' where account = 'bad'"
  }
  for (const [name, sql] of Object.entries(unshowable)) {
    it.effect(`one with ${name} is left out of the list with a warning, and hides no other`, () =>
      Effect.gen(function* () {
        const path = yield* place
        yield* using(path, (store) =>
          Effect.all([store.put(session("bad", "b")), store.put(session("good", "g"))])
        )
        foreign(path, sql)
        yield* Effect.gen(function* () {
          const store = yield* open(layer({ path }))
          assert.deepStrictEqual(
            (yield* store.list).map((one) => one.key.account),
            ["good"]
          )
          const logged = yield* (yield* Canary.Captured).everything
          assert.isTrue(logged.some(({ where, text }) => where === "log" && text.includes(path)))
          assert.isTrue(Option.isSome(yield* store.get(key("good"))))
          yield* store.put(session("bad", "n"))
          assert.isTrue(Option.isSome(yield* store.get(key("bad"))))
        }).pipe(Effect.provide(Canary.capture))
      })
    )
  }

  it.effect("one with no account is a CorruptEntry to who finds it", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) => store.put(session("bad", "b")))
      foreign(path, "update entries set account = ''")
      assert.strictEqual(yield* reasonOf(using(path, (store) => store.find({}))), "CorruptEntry")
    })
  )

  it.effect("a fence beyond any number is Corrupt", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) => store.lease(key("ops"), "1 minute"))
      foreign(path, "update leases set fence = 9007199254740993, heldUntil = null")
      const store = yield* open(layer({ path }))
      assert.strictEqual(yield* reasonOf(store.lease(key("ops"), "1 minute")), "Corrupt")
      assert.strictEqual(yield* reasonOf(store.put(session("ops", "t"), { fence: 1 })), "Corrupt")
      assert.isTrue(Option.isSome(yield* store.lease(key("other"), "1 minute")))
    })
  )

  it.effect("a table that is gone is Corrupt", () =>
    Effect.gen(function* () {
      const path = yield* place
      yield* using(path, (store) => store.put(session("ops", "t")))
      const database = new DatabaseSync(path)
      database.exec("drop table entries")
      database.close()
      assert.strictEqual(yield* reasonOf(using(path, (store) => store.list)), "Corrupt")
    })
  )

  it.effect("a key that is not valid Unicode is NotRepresentable", () =>
    Effect.gen(function* () {
      const store = yield* open(layer({ path: yield* place }))
      const odd = new SessionKey({ provider: "p", instance: "i", account: "\ud800" })
      const one = new Session({ ...session("x", "t"), key: odd })
      assert.strictEqual(yield* reasonOf(store.put(one)), "NotRepresentable")
      assert.isTrue(Option.isNone(yield* store.get(odd)))
      assert.deepStrictEqual(yield* store.list, [])
      // What SQLite would change it to is somebody else.
      yield* store.put(session("\ufffd", "t"))
      const neighbour = new SessionKey({ ...key("x"), account: "\ud800" })
      assert.isTrue(Option.isNone(yield* store.get(neighbour)))
      assert.isTrue(Option.isNone(yield* store.find({ account: "\ud800" })))
      assert.isFalse(yield* store.remove(neighbour))
    })
  )
})

describe("a place that cannot be had is Unavailable", () => {
  const places: Record<string, (directory: string) => string> = {
    "below a file": (directory) => {
      writeFileSync(join(directory, "file"), "")
      return join(directory, "file", "sessions.db")
    },
    "a directory": (directory) => {
      mkdirSync(join(directory, "sessions.db"))
      return join(directory, "sessions.db")
    },
    "a device": () => "/dev/null",
    "links in a circle": (directory) => {
      symlinkSync("b", join(directory, "a"))
      symlinkSync("a", join(directory, "b"))
      return join(directory, "a")
    },
    "a directory that is a link to nowhere": (directory) => {
      symlinkSync("nowhere", join(directory, "a"))
      return join(directory, "a", "sessions.db")
    },
    "too long a name": (directory) => join(directory, "n".repeat(300)),
    "a path with a NUL": (directory) => join(directory, "a\0b"),
    "a file system of the kernel": () => "/proc/sessions.db"
  }
  for (const [name, make] of Object.entries(places)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const path = make(yield* temporaryDirectory)
        assert.strictEqual(yield* reasonOf(open(layer({ path }))), "Unavailable")
      })
    )
  }
})

describe("while another process holds the lock", () => {
  const blocked = Effect.gen(function* () {
    const path = yield* place
    const store = yield* open(layer({ path }))
    const rival = yield* Effect.acquireRelease(
      Effect.sync(() => new DatabaseSync(path)),
      (it) => Effect.sync(() => it.close())
    )
    rival.exec("begin immediate")
    return { path, rival, store }
  })

  it.effect("P30: a put waits, and goes through when the lock is free", () =>
    Effect.gen(function* () {
      const { rival, store } = yield* blocked
      const put = yield* Effect.forkChild(store.put(session("ops", "t")))
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(Option.isNone(yield* store.get(key("ops"))))
      rival.exec("rollback")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(put)
      assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
    })
  )

  it.effect("P30: a put gives up after a while as LeaseTimeout, and nothing is written", () =>
    Effect.gen(function* () {
      const { rival, store } = yield* blocked
      const put = yield* Effect.forkChild(reasonOf(store.put(session("ops", "t"))))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(put), "LeaseTimeout")
      rival.exec("rollback")
      assert.isTrue(Option.isNone(yield* store.get(key("ops"))))
      yield* store.put(session("ops", "t"))
    })
  )

  it.effect("a waiting put that is interrupted writes nothing", () =>
    Effect.gen(function* () {
      const { rival, store } = yield* blocked
      const put = yield* Effect.forkChild(store.put(session("ops", "t")))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(put)
      rival.exec("rollback")
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(Option.isNone(yield* store.get(key("ops"))))
    })
  )

  it.effect("a new store is opened by one after the other", () =>
    Effect.gen(function* () {
      const path = yield* place
      const rival = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseSync(path)),
        (it) => Effect.sync(() => it.close())
      )
      rival.exec("begin exclusive")
      const opened = yield* Effect.forkChild(open(layer({ path })))
      yield* TestClock.adjust("1 second")
      rival.exec("rollback")
      yield* TestClock.adjust("1 second")
      yield* (yield* Fiber.join(opened)).put(session("ops", "t"))
    })
  )
})

describe("secrets", () => {
  it.effect("P06: no failure, log line, span or summary shows a token", () =>
    Effect.gen(function* () {
      const access = Canary.make("access")
      const path = yield* place
      const failures: Array<SessionStoreError> = []
      const failing = <A>(effect: Effect.Effect<A, SessionStoreError>) =>
        Effect.map(Effect.flip(effect), (error) => failures.push(error))
      yield* Effect.gen(function* () {
        const store = yield* open(layer({ path }))
        yield* store.put(session("ops", access.secret))
        yield* failing(store.put(session("ops", access.secret), { expected: Option.none() }))
        yield* failing(store.put(session("ops", access.secret), { fence: 9 }))
        const database = new DatabaseSync(path)
        database.exec("update entries set line = substr(line, 2)")
        yield* failing(store.get(key("ops")))
        database.exec("drop table leases; drop table entries")
        database.close()
        yield* failing(store.put(session("ops", access.secret)))
        truncateSync(path, 0)
        Canary.assertAbsent([access], failures)
        yield* Canary.assertNoneCaptured([access])
      }).pipe(Effect.provide(Canary.capture))
      assert.strictEqual(failures.length, 4)
    })
  )
})
