import { assert, describe, it } from "@effect/vitest"
import { NodeCrypto } from "@effect/platform-node"
import { SessionStore } from "@latchkey/core/SessionStore"
import {
  CorruptEntry,
  SessionStoreError,
  type SessionStoreErrorReason,
  Unavailable
} from "@latchkey/core/SessionStoreError"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as PassphraseKey from "@latchkey/store/PassphraseKey"
import * as SealingKey from "@latchkey/store/SealingKey"
import { Canary } from "@latchkey/testing"
import { type Context, Effect, Exit, Fiber, Layer, Option, Redacted, Scheduler, Scope } from "effect"
import { Kdf } from "effect/crypto"
import { randomBytes } from "node:crypto"
import { bodyOf, hasArgon2id, textOf } from "./sealedByHand.ts"
import { key, open, reasonOf, session, tokenOf } from "./support.ts"

type Store = Context.Service.Shape<typeof SessionStore>

const cheap = { memory: 8, passes: 1, parallelism: 1 }

/** Argon2id of the platform, which counts how often it is run, and how many runs there are at once at most. */
const counting = () => {
  const seen = { runs: 0, now: 0, most: 0 }
  const layer = Layer.effect(
    Kdf.Kdf,
    Effect.map(Kdf.Kdf, (kdf) =>
      Kdf.Kdf.of({
        derive: (algorithm, secret, options) =>
          Effect.suspend(() => {
            seen.runs++
            seen.most = Math.max(seen.most, ++seen.now)
            return Effect.ensuring(
              kdf.derive(algorithm, secret, options),
              Effect.sync(() => seen.now--)
            )
          })
      })
    )
  ).pipe(Layer.provide(NodeCrypto.layerKdf))
  return { seen, layer }
}

/** Another process each time: a scope and a key of its own. */
const opened = (
  below: Store,
  passphrase: string,
  kdf: Layer.Layer<Kdf.Kdf> = NodeCrypto.layerKdf,
  cost: Omit<PassphraseKey.Options, "passphrase"> = cheap
) =>
  open(
    EncryptedSessionStore.layer({
      key: PassphraseKey.make({ passphrase: Redacted.make(passphrase), ...cost })
    }).pipe(Layer.provide([Layer.succeed(SessionStore, below), kdf]))
  )

const bodyIn = Effect.fnUntraced(function* (below: Store, account: string) {
  return bodyOf(tokenOf(Option.getOrThrow(yield* below.get(key(account))).session) ?? "")
})

const saltOf = (body: Buffer) => body.subarray(21, 37).toString("hex")

if (!hasArgon2id) process.stderr.write("SKIPPED: what needs a passphrase. This Node has no Argon2id\n")

describe.skipIf(!hasArgon2id)("PassphraseKey", () => {
  it.effect("S28: the next process finds salt and cost, and derives once", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const first = counting()
      const writer = yield* opened(below, "pass", first.layer)
      assert.strictEqual(first.seen.runs, 0)
      for (const account of ["a", "b", "c"]) yield* writer.put(session(account, `of ${account}`))
      for (let n = 0; n < 10; n++) yield* writer.get(key("a"))
      assert.strictEqual(first.seen.runs, 1)
      const second = counting()
      const reader = yield* opened(below, "pass", second.layer)
      yield* Effect.forEach(["a", "b", "c"], (account) => reader.get(key(account)), { concurrency: 3 })
      yield* reader.put(session("d", "of d"))
      assert.strictEqual(second.seen.runs, 1)
      assert.strictEqual(saltOf(yield* bodyIn(below, "d")), saltOf(yield* bodyIn(below, "a")))
    })
  )

  it.effect("a process that only writes goes on with the salt that is there", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      yield* (yield* opened(below, "pass")).put(session("a", "of a"))
      yield* (yield* opened(below, "pass")).put(session("b", "of b"))
      assert.strictEqual(saltOf(yield* bodyIn(below, "b")), saltOf(yield* bodyIn(below, "a")))
    })
  )

  for (const steps of [3, 2048]) {
    it.effect(`many who write first at once choose one salt, and derive once: ${steps} steps at a time`, () =>
      Effect.gen(function* () {
        const below = yield* open(SessionStore.layerMemory)
        const { layer, seen } = counting()
        const store = yield* opened(below, "pass", layer)
        const accounts = Array.from({ length: 20 }, (_, n) => `a${n}`)
        yield* Effect.forEach(accounts, (account) => store.put(session(account, "t")), {
          concurrency: "unbounded"
        }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, steps))
        assert.strictEqual(seen.runs, 1)
      })
    )
  }

  it.effect("who stops waiting for the first salt leaves the choice to the next", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const { layer, seen } = counting()
      const store = yield* opened(below, "pass", layer)
      const first = yield* Effect.forkChild(store.put(session("a", "t")), { startImmediately: true })
      const second = yield* Effect.forkChild(store.put(session("b", "t")), { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* Fiber.join(second)
      yield* store.put(session("c", "t"))
      assert.isAtMost(seen.runs, 2)
      assert.strictEqual(saltOf(yield* bodyIn(below, "b")), saltOf(yield* bodyIn(below, "c")))
    })
  )

  it.effect("an entry that the store below cannot read is in nobody's way", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const message = "damaged"
      const where = { provider: "test", instance: "test" }
      const failing = (reason: SessionStoreErrorReason) =>
        opened({ ...below, find: () => Effect.fail(SessionStoreError.because(where, reason)) }, "pass")
      yield* (yield* failing(new CorruptEntry({ message }))).put(session("a", "of a"))
      assert.isTrue(Option.isSome(yield* (yield* opened(below, "pass")).get(key("a"))))
      const away = yield* failing(new Unavailable({ message }))
      assert.strictEqual(yield* reasonOf(away.put(session("b", "t"))), "Unavailable")
    })
  )

  it.effect("stores have different salts, and so has another passphrase on the same store", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* open(SessionStore.layerMemory), yield* open(SessionStore.layerMemory)]
      for (const below of [one, two]) yield* (yield* opened(below, "pass")).put(session("a", "of a"))
      yield* (yield* opened(one, "other")).put(session("b", "of b"))
      const salts = [yield* bodyIn(one, "a"), yield* bodyIn(two, "a"), yield* bodyIn(one, "b")].map(saltOf)
      assert.strictEqual(new Set(salts).size, 3)
    })
  )

  it.effect("S28: another passphrase, or a key that is none, is WrongKey", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      yield* (yield* opened(below, "pass")).put(session("a", "of a"))
      assert.strictEqual(yield* reasonOf((yield* opened(below, "Pass")).get(key("a"))), "WrongKey")
      const given = SealingKey.make(Redacted.make(randomBytes(32)))
      const other = yield* open(
        Layer.provide(EncryptedSessionStore.layer({ key: given }), Layer.succeed(SessionStore, below))
      )
      assert.strictEqual(yield* reasonOf(other.get(key("a"))), "WrongKey")
      yield* other.put(session("b", "of b"))
      assert.strictEqual(yield* reasonOf((yield* opened(below, "pass")).get(key("b"))), "WrongKey")
    })
  )

  it.effect("the same passphrase typed on another keyboard opens", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      yield* (yield* opened(below, "caf\u00e9")).put(session("a", "of a"))
      assert.isTrue(Option.isSome(yield* (yield* opened(below, "cafe\u0301")).get(key("a"))))
    })
  )

  it.effect("an entry of another cost opens, and the next is sealed at the cost asked for", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      yield* (yield* opened(below, "pass")).put(session("a", "of a"))
      const dearer = yield* opened(below, "pass", NodeCrypto.layerKdf, { ...cheap, memory: 64, passes: 2 })
      assert.isTrue(Option.isSome(yield* dearer.get(key("a"))))
      yield* dearer.put(session("a", "of a"))
      const body = yield* bodyIn(below, "a")
      assert.deepStrictEqual(
        [9, 13, 17].map((at) => body.readUInt32BE(at)),
        [64, 2, 1]
      )
    })
  )

  it.effect("without saying, the cost is 64 MiB, 3 passes and 4 lanes", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      yield* (yield* opened(below, "pass", NodeCrypto.layerKdf, {})).put(session("a", "of a"))
      const body = yield* bodyIn(below, "a")
      assert.deepStrictEqual(
        [9, 13, 17].map((at) => body.readUInt32BE(at)),
        [65_536, 3, 4]
      )
    })
  )

  it.effect("an entry that asks for absurd work is a CorruptEntry, and the work is not done", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const { layer, seen } = counting()
      const store = yield* opened(below, "pass", layer)
      yield* store.put(session("a", "of a"))
      const body = yield* bodyIn(below, "a")
      for (const [at, value] of [
        [9, 256 * 1024 + 1],
        [9, 0xffff_ffff],
        [9, 7],
        [13, 0],
        [13, 17],
        [13, 0xffff_ffff],
        [17, 0],
        [17, 17],
        [17, 2]
      ] as const) {
        const absurd = Buffer.from(body)
        absurd.writeUInt32BE(value, at)
        yield* below.put(session("a", textOf(1, absurd)))
        assert.strictEqual(yield* reasonOf(store.get(key("a"))), "CorruptEntry", `${value} at ${at}`)
      }
      assert.strictEqual(seen.runs, 1)
    })
  )

  it.effect("many salts at once are derived one after the other", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const accounts = Array.from({ length: 40 }, (_, n) => `a${n}`)
      for (const account of accounts) {
        const alone = yield* open(SessionStore.layerMemory)
        yield* (yield* opened(alone, "pass")).put(session(account, "t"))
        yield* below.put(Option.getOrThrow(yield* alone.get(key(account))).session)
      }
      const { layer, seen } = counting()
      const store = yield* opened(below, "pass", layer)
      yield* Effect.forEach(accounts, (account) => store.get(key(account)), { concurrency: "unbounded" })
      assert.deepStrictEqual(seen, { runs: 40, now: 0, most: 1 })
      for (const account of accounts) assert.isTrue(Option.isSome(yield* store.get(key(account))))
    })
  )

  it.effect(
    "S33: what is kept does not grow with the salts, and the key in use is not dropped for them",
    () =>
      Effect.gen(function* () {
        const { layer, seen } = counting()
        const scope = yield* Effect.scope
        const made = yield* Effect.provide(
          PassphraseKey.make({ passphrase: Redacted.make("pass"), ...cheap }),
          yield* Layer.build(layer)
        )
        const chosen = yield* made.toSeal(Effect.succeedNone)
        const finalizers = () => (scope.state._tag === "Open" ? (scope.state.finalizers?.size ?? 1) : 0)
        const before = finalizers()
        const heads = Array.from({ length: 40 }, (_, n) => ({
          id: "",
          origin: { _tag: "Passphrase", cost: cheap, salt: new Uint8Array(16).fill(n) } as const
        }))
        for (const head of heads) yield* made.toOpen(head)
        assert.strictEqual(finalizers(), before)
        assert.strictEqual(seen.runs, 41)
        for (const head of heads.slice(-31)) yield* made.toOpen(head)
        assert.deepStrictEqual(yield* made.toOpen(chosen.head), Option.some(chosen))
        assert.strictEqual(seen.runs, 41)
        for (const head of heads.slice(0, 9)) yield* made.toOpen(head)
        assert.strictEqual(seen.runs, 50)
      })
  )

  it.effect(
    "S33: bytes are wiped when the key is made, and the key when the scope ends, or right after",
    () =>
      Effect.gen(function* () {
        const platform = yield* Effect.provide(Kdf.Kdf, NodeCrypto.layerKdf)
        const bytes: Array<Uint8Array> = []
        const kdf = Kdf.Kdf.of({
          derive: (algorithm, secret, options) =>
            Effect.tap(platform.derive(algorithm, secret, options), (derived) =>
              Effect.sync(() => bytes.push(secret, derived))
            )
        })
        const scope = yield* Scope.make()
        const make = (cost: Omit<PassphraseKey.Options, "passphrase">) =>
          PassphraseKey.make({ passphrase: Redacted.make("pass"), ...cost }).pipe(
            Effect.provideService(Kdf.Kdf, kdf),
            Scope.provide(scope)
          )
        const early = yield* (yield* make(cheap)).toSeal(Effect.succeedNone)
        assert.isDefined(Redacted.value(early.key))
        assert.deepStrictEqual(
          bytes.map((some) => some.every((one) => one === 0)),
          [true, true]
        )
        const slow = yield* make({})
        const late = yield* Effect.forkChild(slow.toSeal(Effect.succeedNone), { startImmediately: true })
        yield* Scope.close(scope, Exit.void)
        assert.isUndefined(late.pollUnsafe())
        assert.throws(() => Redacted.value(early.key))
        const { key: tooLate } = yield* Fiber.join(late)
        assert.throws(() => Redacted.value(tooLate))
      })
  )

  it.effect("who stops waiting for a derivation leaves it to the next", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      yield* (yield* opened(below, "pass")).put(session("a", "of a"))
      const { layer, seen } = counting()
      const store = yield* opened(below, "pass", layer)
      const first = yield* Effect.forkChild(store.get(key("a")), { startImmediately: true })
      yield* Fiber.interrupt(first)
      assert.isTrue(Option.isSome(yield* store.get(key("a"))))
      assert.strictEqual(seen.runs, 1)
    })
  )

  it.effect("P06: no failure, log line, span or printed key shows the passphrase", () =>
    Effect.gen(function* () {
      const canary = Canary.make("passphrase")
      yield* Effect.gen(function* () {
        const below = yield* open(SessionStore.layerMemory)
        const made = yield* PassphraseKey.make({ passphrase: canary.redacted, ...cheap })
        yield* made.toSeal(Effect.succeedNone)
        Canary.assertAbsent([canary], made)
        yield* (yield* opened(below, "other")).put(session("a", "t"))
        const store = yield* opened(below, canary.secret)
        Canary.assertAbsent([canary], store)
        const unsupported = yield* opened(below, canary.secret, Kdf.layerWebCrypto)
        const failures = [
          yield* Effect.flip(store.get(key("a"))),
          yield* Effect.flip(unsupported.put(session("b", "t")))
        ]
        Canary.assertAbsent([canary], failures)
        yield* Canary.assertNoneCaptured([canary])
      }).pipe(Effect.provide([Canary.capture, NodeCrypto.layerKdf]))
    })
  )
})

describe("PassphraseKey, where there is no Argon2id", () => {
  it.effect("S28: a runtime without Argon2id is Unavailable, and nothing is written", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const store = yield* opened(below, "pass", Kdf.layerWebCrypto)
      assert.strictEqual(yield* reasonOf(store.put(session("a", "t"))), "Unavailable")
      assert.deepStrictEqual(yield* below.list, [])
      const head = Buffer.from([...randomBytes(8), 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1])
      yield* below.put(session("a", textOf(1, Buffer.concat([head, randomBytes(56)]))))
      assert.strictEqual(yield* reasonOf(store.get(key("a"))), "Unavailable")
    })
  )

  it.effect("an empty passphrase is WrongKey, and a cost out of bounds NotRepresentable", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      assert.strictEqual(yield* reasonOf(opened(below, "")), "WrongKey")
      for (const cost of [
        { memory: 256 * 1024 + 1 },
        { memory: 31, parallelism: 4 },
        { passes: 0 },
        { passes: 17 },
        { passes: 1.5 },
        { parallelism: 17 },
        { memory: Number.NaN }
      ]) {
        assert.strictEqual(
          yield* reasonOf(opened(below, "pass", NodeCrypto.layerKdf, cost)),
          "NotRepresentable"
        )
      }
    })
  )

  it.effect("an Argon2id that fails, as it does where memory is short, is Unavailable", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      // What the platform does with a failure of OpenSSL, such as "malloc failure".
      const failing = Layer.succeed(Kdf.Kdf, { derive: () => Effect.die(new Error("malloc failure")) })
      const store = yield* opened(below, "pass", failing)
      assert.strictEqual(yield* reasonOf(store.put(session("a", "t"))), "Unavailable")
    })
  )
})
