import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "@latchkey/core/SessionStore"
import { SqliteSessionStore } from "@latchkey/store"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as KeyringKey from "@latchkey/store/KeyringKey"
import type { SealingKey } from "@latchkey/store/SealingKey"
import { Canary } from "@latchkey/testing"
import { type Duration, Effect, Layer, Option, Redacted } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { keyringKey } from "../src/internal/keyringKey.ts"
import { keyringProcess } from "../src/internal/keyringProcess.ts"
import { whyNoKeyring } from "../src/internal/whyNoKeyring.ts"
import { hasBus, hasKeyring, startBus, startKeyring, withVariable } from "./sessionBus.ts"
import { key, open, reasonOf, session, temporaryDirectory } from "./support.ts"

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/keyring/${name}.cjs`, import.meta.url))

const through = (library: string, service = "a service", timeout: Duration.Input = "20 seconds") =>
  keyringKey({ service, account: "sealing key", timeout }, () =>
    createRequire(import.meta.url).resolve(library)
  )

const idOf = (made: Effect.Effect<SealingKey, unknown, Effect.Services<ReturnType<typeof through>>>) =>
  Effect.gen(function* () {
    const { head } = yield* (yield* made).toSeal(Effect.succeedNone)
    return head.id
  })

const place = Effect.map(temporaryDirectory, (directory) => join(directory, "kept"))

/** How long it took, in milliseconds, beside what came of it. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = performance.now()
    const result = yield* effect
    return [result, performance.now() - began] as const
  })

/** Of a process of Node that does nothing: some 40 ms, and seconds where others keep the machine busy. */
const startAndEnd = Effect.callback<void>((resume) => {
  spawn(process.execPath, ["--eval", ""], { stdio: "ignore" }).on("close", () => resume(Effect.void))
})

/** Fails for this reason, of which the keyring's library has said so, and in time, as far as this machine has any. */
const fails = (made: ReturnType<typeof through>, said?: string) =>
  Effect.gen(function* () {
    const [[error, millis], [, during]] = yield* Effect.all([timed(Effect.flip(made)), timed(startAndEnd)], {
      concurrency: "unbounded"
    })
    const [, afterwards] = yield* timed(startAndEnd)
    assert.strictEqual(error.reason._tag, "Unavailable")
    if (said !== undefined) assert.strictEqual(error.reason.message, whyNoKeyring(said))
    assert.isBelow(millis, 3_400 + during + afterwards)
    return error
  })

/** In a program of its own, which ends at once where something is thrown that nobody catches. */
const inAProgram = (before: string, options: ReadonlyArray<string>, shell = "") => {
  const program = `
    import { keyringKey } from ${JSON.stringify(import.meta.resolve("../src/internal/keyringKey.ts"))}
    import * as Effect from "effect/Effect"
    import { closeSync, openSync } from "node:fs"
    const place = { service: "a service", account: "a key", timeout: "20 seconds" }
    const asked = keyringKey(place, () => ${JSON.stringify(fixture("locked"))})
    const opened = []
    ${before}
    const { reason } = await Effect.runPromise(Effect.scoped(Effect.flip(asked)))
    opened.forEach((one) => closeSync(one))
    console.log(reason._tag, reason.message.includes("no process can be started"))`
  const node = ["--conditions=@latchkey/source", ...options, "--input-type=module", "--eval", program]
  const ran = spawnSync("sh", ["-c", `${shell} exec "$0" "$@"`, process.execPath, ...node], {
    cwd: import.meta.dirname,
    encoding: "utf8"
  })
  assert.strictEqual(ran.stdout, "Unavailable true\n", ran.stderr)
}

describe("what the library says", () => {
  const said = {
    "no bus": [
      "Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled at compile time, set your DBUS_SESSION_BUS_ADDRESS instead",
      "Platform failure: DBus error: Failed to connect to socket /nowhere: No such file or directory",
      "No DBus session or Secret Service provider found"
    ],
    "no service": [
      "Platform failure: DBus error: The name org.freedesktop.secrets was not provided by any .service files"
    ],
    locked: [
      "Couldn't access platform storage: Secret Service: unlock prompt was dismissed",
      "Couldn't access platform storage: Secret Service: object locked"
    ],
    "no collection": ["Couldn't access platform storage: Secret Service: no result found"],
    "something else": ["", "Platform failure: something else"]
  }

  it("P05: each cause has a meaning of its own, and no sentence is passed on", () => {
    const meanings = Object.values(said).map((sentences) => new Set(sentences.map(whyNoKeyring)))
    for (const [n, meaning] of meanings.entries()) assert.strictEqual(meaning.size, 1, Object.keys(said)[n])
    assert.strictEqual(new Set(meanings.flatMap((meaning) => [...meaning])).size, meanings.length)
    assert.notInclude(whyNoKeyring("Platform failure: something else"), "something else")
  })
})

/** They mostly wait. */
describe.concurrent("KeyringKey, which waits", () => {
  it.live("P05: one that does not answer is Unavailable in time, and its process is gone", () =>
    Effect.gen(function* () {
      const kept = yield* place
      const error = yield* fails(through(fixture("hangs"), kept, "3 seconds"))
      assert.isTrue(error.isRetryable)
      const pid = Number(readFileSync(kept, "utf8"))
      assert.isAbove(pid, 0)
      assert.throws(() => process.kill(pid, 0))
    })
  )

  it.live("P25: makes a key at first, finds it again, and fits where 1,280 units are all there is", () =>
    Effect.gen(function* () {
      const kept = yield* place
      const made = idOf(through(fixture("small"), kept))
      const elsewhere = idOf(through(fixture("small"), yield* place))
      const [first, other] = yield* Effect.all([made, elsewhere], { concurrency: "unbounded" })
      assert.notStrictEqual(other, first)
      assert.strictEqual(yield* made, first)
      assert.match(readFileSync(kept, "utf8"), /^[\w+/]{43}= [0-9]{13}$/)
    })
  )

  for (const [name, roles] of [
    ["of several who find nothing at once, all have the same key", ["plain", "plain", "plain", "plain"]],
    ["who was held up between looking and writing does not write over the key of another", ["late", "plain"]],
    ["who sees a key that somebody is about to write over waits for that", ["waits", "slow", "plain"]]
  ] as const) {
    it.live(name, () =>
      Effect.gen(function* () {
        const kept = yield* place
        writeFileSync(`${kept}.roles`, JSON.stringify(roles))
        const made = roles.map(() => idOf(through(fixture("small"), kept)))
        const ids = yield* Effect.all(made, { concurrency: "unbounded" })
        assert.strictEqual(new Set(ids).size, 1)
        rmSync(`${kept}.roles`)
        assert.strictEqual(yield* idOf(through(fixture("small"), kept)), ids[0])
      })
    )
  }
})

describe("KeyringKey", () => {
  it.live("P25: a session of 16 kB is sealed under it", () =>
    Effect.gen(function* () {
      const kept = yield* place
      writeFileSync(kept, Buffer.alloc(32, 7).toString("base64"))
      const store = yield* open(
        EncryptedSessionStore.layer({ key: through(fixture("small"), kept) }).pipe(
          Layer.provide(SqliteSessionStore.layer({ path: `${kept}.db` }))
        )
      )
      yield* store.put(session("ops", "a".repeat(16_384)))
      const found = Option.getOrThrow(yield* store.get(key("ops"))).session
      assert.strictEqual(found.accessToken && Redacted.value(found.accessToken).length, 16_384)
    })
  )

  it.live("a key that was written when the clock was ahead is as good", () =>
    Effect.gen(function* () {
      const kept = yield* place
      const bytes = Buffer.alloc(32, 7).toString("base64")
      const ids: Array<string> = []
      for (const text of [bytes, `${bytes} 99999999999999`, `${bytes} x`, `${bytes} 1`]) {
        writeFileSync(kept, text)
        ids.push(yield* idOf(through(fixture("small"), kept)))
      }
      assert.strictEqual(new Set(ids).size, 1)
    })
  )

  it.live("something else under that name is Corrupt, and stays", () =>
    Effect.gen(function* () {
      const kept = yield* place
      writeFileSync(kept, "a password")
      assert.strictEqual(yield* reasonOf(through(fixture("small"), kept)), "Corrupt")
      assert.strictEqual(readFileSync(kept, "utf8"), "a password")
    })
  )

  it.live("P05: a caller who is interrupted leaves no process behind", () =>
    Effect.gen(function* () {
      const kept = yield* place
      yield* Effect.raceFirst(
        Effect.ignore(through(fixture("hangs"), kept)),
        Effect.repeat(Effect.sleep("10 millis"), {
          until: () => existsSync(kept)
        })
      )
      const pid = Number(readFileSync(kept, "utf8"))
      assert.isAbove(pid, 0)
      assert.throws(() => process.kill(pid, 0))
    })
  )

  it.live("P05: a locked one is Unavailable", () =>
    fails(
      through(fixture("locked")),
      "Couldn't access platform storage: Secret Service: unlock prompt was dismissed"
    )
  )

  it.live("P05: a missing library is Unavailable, and so is one that cannot be loaded", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const broken = join(directory, "broken.cjs")
      writeFileSync(broken, 'throw new Error("Cannot find native binding")')
      const empty = join(directory, "empty.cjs")
      writeFileSync(empty, "")
      const missing = yield* fails(through("not-installed-anywhere"))
      for (const library of [broken, empty]) {
        assert.strictEqual((yield* fails(through(library))).message, missing.message)
      }
    })
  )

  it.live("P05: a library that takes its process with it is Unavailable", () =>
    fails(through(fixture("dies")))
  )

  it.live("P06: a failure that repeats the key does not show it", () =>
    Effect.gen(function* () {
      const kept = yield* place
      const error = yield* fails(through(fixture("refuses"), kept), "anything else")
      const [proposal = ""] = readFileSync(kept, "utf8").split(" ")
      assert.strictEqual(Buffer.from(proposal, "base64").length, 32)
      const canary = { label: "key", secret: proposal, redacted: Redacted.make(proposal) }
      Canary.assertAbsent([canary], { error, text: String(error), stack: error.stack })
    })
  )

  it.skipIf(process.platform === "win32")("P05: where no process can be started, that is Unavailable", () => {
    inAProgram("", ["--permission", "--allow-fs-read=*"])
    inAProgram("try { for (;;) opened.push(openSync('/dev/null')) } catch {}", [], "ulimit -n 60;")
  })

  it.live("P05: who is run instead of Node, with that text to run, starts nobody in turn", () =>
    Effect.gen(function* () {
      const kept = yield* place
      yield* Effect.acquireRelease(
        Effect.sync(() => process.argv.push(keyringProcess)),
        () => Effect.sync(() => process.argv.pop())
      )
      yield* fails(through(fixture("small"), kept))
      assert.isFalse(existsSync(kept))
    })
  )

  it.live("asks from a directory that is gone, too", () =>
    Effect.gen(function* () {
      const kept = yield* place
      const gone = join(yield* temporaryDirectory, "gone")
      mkdirSync(gone)
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const before = process.cwd()
          process.chdir(gone)
          return before
        }),
        (before) => Effect.sync(() => process.chdir(before))
      )
      rmSync(gone, { recursive: true })
      writeFileSync(kept, Buffer.alloc(32, 7).toString("base64"))
      yield* idOf(through(fixture("small"), kept))
    })
  )

  it.live("P05: where there is no key, no session is written", () =>
    Effect.gen(function* () {
      const path = `${yield* place}.db`
      const sealed = EncryptedSessionStore.layer({ key: through(fixture("locked")) }).pipe(
        Layer.provide(SqliteSessionStore.layer({ path }))
      )
      const program = Effect.flatMap(SessionStore, (store) => store.put(session("ops", "t")))
      assert.strictEqual(yield* reasonOf(Effect.provide(program, sealed)), "Unavailable")
      assert.deepStrictEqual(yield* (yield* open(SqliteSessionStore.layer({ path }))).list, [])
    })
  )
})

it("who imports @latchkey/store loads no optional peer, and nothing that asks a keyring", () => {
  const program = `
    import { registerHooks } from "node:module"
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    await import("@latchkey/store")
    console.log(loaded.join("\\n"))`
  const ran = spawnSync(
    process.execPath,
    ["--conditions=@latchkey/source", "--input-type=module", "--eval", program],
    { cwd: import.meta.dirname, encoding: "utf8" }
  )
  assert.include(ran.stdout, "EncryptedSessionStore.ts", ran.stderr)
  assert.notMatch(ran.stdout, /redis|sql-pg|platform-node|keyring|child_process/i)
})

/** Where it is not about time. */
const patient = { timeout: "20 seconds" } as const

describe.skipIf(process.platform !== "linux")("@napi-rs/keyring on Linux", () => {
  it.live("P05: without a session bus", () =>
    Effect.gen(function* () {
      yield* withVariable("DBUS_SESSION_BUS_ADDRESS", undefined)
      yield* fails(
        KeyringKey.make(patient),
        "Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled at compile time"
      )
    })
  )

  it.live("P05: with a session bus that is gone", () =>
    Effect.gen(function* () {
      yield* withVariable("DBUS_SESSION_BUS_ADDRESS", `unix:path=${yield* place}`)
      yield* fails(KeyringKey.make(patient), "Platform failure: DBus error: Failed to connect to socket")
    })
  )

  it.live("P05: with a session bus that never answers", () =>
    Effect.gen(function* () {
      const path = yield* place
      let calls = 0
      yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer((socket) => {
            calls++
            socket.on("error", () => undefined).resume()
          })
          server.listen(path, () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
      )
      yield* withVariable("DBUS_SESSION_BUS_ADDRESS", `unix:path=${path}`)
      yield* fails(KeyringKey.make())
      assert.strictEqual(calls, 1)
    })
  )

  it.live.skipIf(!hasBus)("P05: with a session bus where nobody keeps secrets", () =>
    Effect.gen(function* () {
      yield* startBus(yield* temporaryDirectory)
      yield* fails(
        KeyringKey.make(patient),
        "Platform failure: DBus error: The name org.freedesktop.secrets was not provided by any .service files"
      )
    })
  )

  it.live.skipIf(!hasKeyring)(
    "P05: gnome-keyring keeps the key, for all who ask at once, and when it is locked nobody has it",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const address = yield* startBus(directory)
        const ids = yield* Effect.scoped(
          Effect.gen(function* () {
            yield* startKeyring(directory, address, "unlocked")
            const made = Array.from({ length: 4 }, () => idOf(KeyringKey.make(patient)))
            const made4 = yield* Effect.all(made, { concurrency: "unbounded" })
            const other = yield* idOf(KeyringKey.make({ service: "another", ...patient }))
            assert.notStrictEqual(other, made4[0])
            return [...made4, yield* idOf(KeyringKey.make(patient))]
          })
        )
        assert.strictEqual(new Set(ids).size, 1)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* startKeyring(directory, address, "locked")
            yield* fails(
              KeyringKey.make(patient),
              "Couldn't access platform storage: Secret Service: unlock prompt was dismissed"
            )
          })
        )
        yield* startKeyring(directory, address, "unlocked")
        assert.strictEqual(yield* idOf(KeyringKey.make(patient)), ids[0])
      })
  )
})
