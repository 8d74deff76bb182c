import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "@latchkey/core/SessionStore"
import { SqliteSessionStore } from "@latchkey/store"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as KeyringKey from "@latchkey/store/KeyringKey"
import type { SealingKey } from "@latchkey/store/SealingKey"
import { Canary } from "@latchkey/testing"
import { type Duration, Effect, Layer, Option, Redacted } from "effect"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { keyringKey } from "../src/internal/keyringKey.ts"
import { whyNoKeyring } from "../src/internal/whyNoKeyring.ts"
import { hasBus, hasKeyring, startBus, startKeyring, withVariable } from "./sessionBus.ts"
import { key, open, reasonOf, session, temporaryDirectory } from "./support.ts"

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/keyring/${name}.cjs`, import.meta.url))

const through = (library: string, service = "a service", timeout: Duration.Input = "3 seconds") =>
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

/** Fails for this reason, of which the keyring's library has said so, and in time. */
const fails = (made: ReturnType<typeof through>, said?: string) =>
  Effect.gen(function* () {
    const [error, millis] = yield* timed(Effect.flip(made))
    assert.strictEqual(error.reason._tag, "Unavailable")
    if (said !== undefined) assert.strictEqual(error.reason.message, whyNoKeyring(said))
    assert.isBelow(millis, 3_500)
    return error
  })

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

describe("KeyringKey", () => {
  it.live("P25: makes a key at first, finds it again, and fits where 1,280 units are all there is", () =>
    Effect.gen(function* () {
      const kept = yield* place
      const first = yield* idOf(through(fixture("small"), kept))
      assert.strictEqual(yield* idOf(through(fixture("small"), kept)), first)
      assert.match(readFileSync(kept, "utf8"), /^[\w+/]{43}= [0-9]{13}$/)
      assert.notStrictEqual(yield* idOf(through(fixture("small"), yield* place)), first)
    })
  )

  it.live("P25: a session of 16 kB is sealed under it", () =>
    Effect.gen(function* () {
      const kept = yield* place
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

  for (const [name, roles] of [
    ["of several who find nothing at once, all have the same key", ["plain", "plain", "plain", "plain"]],
    ["who was held up between looking and writing does not write over the key of another", ["late", "plain"]],
    ["who sees a key that somebody is about to write over waits for that", ["waits", "slow", "plain"]]
  ] as const) {
    it.live(name, () =>
      Effect.gen(function* () {
        const kept = yield* place
        writeFileSync(`${kept}.roles`, JSON.stringify(roles))
        const made = roles.map(() => idOf(through(fixture("small"), kept, "20 seconds")))
        const ids = yield* Effect.all(made, { concurrency: "unbounded" })
        assert.strictEqual(new Set(ids).size, 1)
        rmSync(`${kept}.roles`)
        assert.strictEqual(yield* idOf(through(fixture("small"), kept)), ids[0])
      })
    )
  }

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

  it.live("P05: one that does not answer is Unavailable in time, and its process is gone", () =>
    Effect.gen(function* () {
      const kept = yield* place
      const error = yield* fails(through(fixture("hangs"), kept))
      assert.isTrue(error.isRetryable)
      const pid = Number(readFileSync(kept, "utf8"))
      assert.isAbove(pid, 0)
      assert.throws(() => process.kill(pid, 0))
    })
  )

  it.live("P05: a caller who is interrupted leaves no process behind", () =>
    Effect.gen(function* () {
      const kept = yield* place
      yield* Effect.raceFirst(
        Effect.ignore(through(fixture("hangs"), kept)),
        Effect.repeat(Effect.sleep("10 millis"), {
          until: () => existsSync(kept) && readFileSync(kept).length > 0
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
      const error = yield* fails(through(fixture("refuses")), "anything else")
      assert.notMatch(JSON.stringify(Canary.find([], error)) + String(error) + error.stack, /no: /)
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

describe.skipIf(process.platform !== "linux")("@napi-rs/keyring on Linux", () => {
  it.live("P05: without a session bus", () =>
    Effect.gen(function* () {
      yield* withVariable("DBUS_SESSION_BUS_ADDRESS", undefined)
      yield* fails(
        KeyringKey.make(),
        "Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled at compile time"
      )
    })
  )

  it.live("P05: with a session bus that is gone", () =>
    Effect.gen(function* () {
      yield* withVariable("DBUS_SESSION_BUS_ADDRESS", `unix:path=${yield* place}`)
      yield* fails(KeyringKey.make(), "Platform failure: DBus error: Failed to connect to socket")
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
        KeyringKey.make(),
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
            const made = Array.from({ length: 4 }, () => idOf(KeyringKey.make({ timeout: "20 seconds" })))
            const made4 = yield* Effect.all(made, { concurrency: "unbounded" })
            const other = yield* idOf(KeyringKey.make({ service: "another", timeout: "20 seconds" }))
            assert.notStrictEqual(other, made4[0])
            return [...made4, yield* idOf(KeyringKey.make())]
          })
        )
        assert.strictEqual(new Set(ids).size, 1)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* startKeyring(directory, address, "locked")
            yield* fails(
              KeyringKey.make(),
              "Couldn't access platform storage: Secret Service: unlock prompt was dismissed"
            )
          })
        )
        yield* startKeyring(directory, address, "unlocked")
        assert.strictEqual(yield* idOf(KeyringKey.make()), ids[0])
      })
  )
})
