import { assert, describe, it } from "@effect/vitest"
import { NodeCrypto } from "@effect/platform-node"
import { type Lease, SessionStore } from "@latchkey/core/SessionStore"
import { SessionStoreError, Unavailable } from "@latchkey/core/SessionStoreError"
import { SqliteSessionStore } from "@latchkey/store"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as PassphraseKey from "@latchkey/store/PassphraseKey"
import * as SealingKey from "@latchkey/store/SealingKey"
import { Clock, type Context, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { bodyOf, hasArgon2id } from "./sealedByHand.ts"
import { key, open, reasonOf, session, temporaryDirectory, tokenOf } from "./support.ts"

type Store = Context.Service.Shape<typeof SessionStore>

const oldKey = SealingKey.make(Redacted.make(randomBytes(32)))
const newKey = SealingKey.make(Redacted.make(randomBytes(32)))

const rotation = { key: newKey, olderKeys: [oldKey] }

const on = (below: Store) => Effect.provideService(SessionStore, below)

const sealedWith = (below: Store, options: EncryptedSessionStore.Options) =>
  open(Layer.provide(EncryptedSessionStore.layer(options), Layer.succeed(SessionStore, below)))

const reseal = (below: Store, options: EncryptedSessionStore.ResealOptions = rotation) =>
  on(below)(EncryptedSessionStore.reseal(options))

const accounts = ["a", "b", "c", "d", "e"]

const tokensIn = Effect.fnUntraced(function* (store: Store) {
  const summaries = yield* store.list
  return yield* Effect.forEach(summaries, ({ key: one }) =>
    Effect.map(store.get(one), (entry) => tokenOf(Option.getOrThrow(entry).session))
  )
})

/** A store with five sessions under the old key, as those see it who have the old, the new, or both. */
const filled = Effect.fnUntraced(function* (below: Store) {
  const before = yield* sealedWith(below, { key: oldKey })
  for (const account of accounts) yield* before.put(session(account, `of ${account}`))
  return {
    below,
    before,
    after: yield* sealedWith(below, { key: newKey }),
    both: yield* sealedWith(below, rotation)
  }
})

const inMemory = Effect.flatMap(open(SessionStore.layerMemory), filled)

const tokens = accounts.map((account) => `of ${account}`)

describe("reseal", () => {
  it.effect("S28: seals every entry under the new key, tells how many, and the old one opens nothing", () =>
    Effect.gen(function* () {
      const { after, before, below } = yield* inMemory
      assert.strictEqual(yield* reseal(below), 5)
      assert.deepStrictEqual(yield* tokensIn(after), tokens)
      for (const account of accounts)
        assert.strictEqual(yield* reasonOf(before.get(key(account))), "WrongKey")
    })
  )

  it.effect("leaves what is under the new key as it is, so that a second time does nothing", () =>
    Effect.gen(function* () {
      const { after, below, both } = yield* inMemory
      yield* both.put(session("a", "of a"))
      const { version } = Option.getOrThrow(yield* after.get(key("a")))
      assert.strictEqual(yield* reseal(below), 4)
      assert.strictEqual(yield* reseal(below), 0)
      assert.strictEqual(Option.getOrThrow(yield* after.get(key("a"))).version, version)
      assert.strictEqual(yield* reseal(yield* open(SessionStore.layerMemory)), 0)
    })
  )

  it.effect("an entry that no key opens stays, and is told of when all others are sealed", () =>
    Effect.gen(function* () {
      const { after, below } = yield* inMemory
      const stranger = yield* sealedWith(below, { key: SealingKey.make(Redacted.make(randomBytes(32))) })
      yield* stranger.put(session("b", "of a stranger"))
      assert.strictEqual(yield* reasonOf(reseal(below)), "WrongKey")
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* stranger.get(key("b"))).session), "of a stranger")
      for (const account of ["a", "c", "d", "e"]) assert.isTrue(Option.isSome(yield* after.get(key(account))))
    })
  )

  it.effect("an entry in the clear is refused, or sealed if that is asked for", () =>
    Effect.gen(function* () {
      const { after, below } = yield* inMemory
      yield* below.put(session("b", "in the clear"))
      assert.strictEqual(yield* reasonOf(reseal(below)), "CorruptEntry")
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* below.get(key("b"))).session), "in the clear")
      assert.strictEqual(
        yield* reseal(below, { ...rotation, plain: "refuse" }).pipe(reasonOf),
        "CorruptEntry"
      )
      assert.strictEqual(yield* reseal(below, { ...rotation, plain: "seal" }), 1)
      assert.deepStrictEqual(yield* tokensIn(after), tokens.with(1, "in the clear"))
    })
  )

  it.effect("given the sealed store instead of the one below, it seals nothing twice", () =>
    Effect.gen(function* () {
      const { after, before, below } = yield* inMemory
      assert.strictEqual(yield* reasonOf(reseal(before)), "CorruptEntry")
      assert.strictEqual(yield* reasonOf(reseal(before, { ...rotation, plain: "seal" })), "NotRepresentable")
      assert.deepStrictEqual(yield* tokensIn(before), tokens)
      assert.strictEqual(yield* reseal(below), 5)
      assert.deepStrictEqual(yield* tokensIn(after), tokens)
    })
  )

  it.effect("a damaged text is never taken for a token in the clear", () =>
    Effect.gen(function* () {
      const { below } = yield* inMemory
      const { session: carrier } = Option.getOrThrow(yield* below.get(key("b")))
      const text = tokenOf(carrier) ?? ""
      for (const damaged of [text.slice(1), text.slice(0, -1), `x${text}`, text.replace(".", "_")]) {
        yield* below.put(session("b", damaged))
        assert.strictEqual(yield* reasonOf(reseal(below, { ...rotation, plain: "seal" })), "CorruptEntry")
        assert.strictEqual(tokenOf(Option.getOrThrow(yield* below.get(key("b"))).session), damaged)
      }
    })
  )

  it.effect("S28: stopped after any of its steps, it has lost nothing, and can be begun again", () =>
    Effect.gen(function* () {
      const away = SessionStoreError.because(
        { provider: "test", instance: "test" },
        new Unavailable({ message: "away" })
      )
      let steps = 0
      for (let stopAt = 0; ; stopAt++) {
        const { after, below, both } = yield* inMemory
        steps = 0
        const step = <A>(effect: Effect.Effect<A, SessionStoreError>) =>
          Effect.suspend(() => (steps++ === stopAt ? Effect.fail(away) : effect))
        const outcome = yield* reasonOf(
          reseal({
            ...below,
            get: (one) => step(below.get(one)),
            list: step(below.list),
            put: (one, options) => step(below.put(one, options)),
            lease: (one, ttl) => step(below.lease(one, ttl))
          })
        )
        assert.deepStrictEqual(yield* tokensIn(both), tokens)
        if (outcome === "no failure") break
        assert.strictEqual(outcome, "Unavailable")
        yield* reseal(below)
        assert.deepStrictEqual(yield* tokensIn(after), tokens)
      }
      assert.isAbove(steps, 20)
    })
  )

  it.effect("S28: interrupted in any of its steps, it has lost nothing, and leaves no lease", () =>
    Effect.gen(function* () {
      for (let stopAt = 0; stopAt < 22; stopAt++) {
        const { after, below, both } = yield* inMemory
        let steps = 0
        const step = <A>(effect: Effect.Effect<A, SessionStoreError>) =>
          Effect.suspend(() => (steps++ === stopAt ? Effect.andThen(effect, Effect.never) : effect))
        const fiber = yield* Effect.forkChild(
          reseal({
            ...below,
            get: (one) => step(below.get(one)),
            list: step(below.list),
            put: (one, options) => step(below.put(one, options))
          })
        )
        yield* TestClock.adjust("1 milli")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* tokensIn(both), tokens)
        for (const account of accounts) {
          const lease = yield* below.lease(key(account), "1 second")
          yield* Option.getOrThrow(lease).release
        }
        yield* reseal(below)
        assert.deepStrictEqual(yield* tokensIn(after), tokens)
      }
    })
  )
})

describe("reseal, while others use the store", () => {
  it.effect("what another process writes in between stays, and comes under the new key, too", () =>
    Effect.gen(function* () {
      const { after, before, below } = yield* inMemory
      let writes = 0
      const count = yield* reseal({
        ...below,
        put: (one, options) =>
          Effect.suspend(() =>
            one.key.account === "c" && ++writes <= 2
              ? Effect.andThen(
                  Effect.orDie(before.put(session("c", `renewed ${writes}`))),
                  below.put(one, options)
                )
              : below.put(one, options)
          )
      }).pipe(Effect.forkChild, Effect.tap(TestClock.adjust("1 second")), Effect.flatMap(Fiber.join))
      assert.strictEqual(count, 5)
      assert.deepStrictEqual(yield* tokensIn(after), tokens.with(2, "renewed 2"))
    })
  )

  it.effect("what another process signs in to in between comes under the new key, too", () =>
    Effect.gen(function* () {
      const { after, before, below } = yield* inMemory
      let isFirst = true
      const count = yield* reseal({
        ...below,
        list: Effect.tap(below.list, () => {
          const news = isFirst ? Effect.orDie(before.put(session("f", "of f"))) : Effect.void
          isFirst = false
          return news
        })
      })
      assert.strictEqual(count, 6)
      assert.deepStrictEqual(yield* tokensIn(after), [...tokens, "of f"])
    })
  )

  it.effect("who signs out in between is not signed in again", () =>
    Effect.gen(function* () {
      const { after, below } = yield* inMemory
      const count = yield* reseal({
        ...below,
        put: (one, options) =>
          one.key.account === "c"
            ? Effect.andThen(below.remove(one.key), below.put(one, options))
            : below.put(one, options)
      }).pipe(Effect.forkChild, Effect.tap(TestClock.adjust("1 second")), Effect.flatMap(Fiber.join))
      assert.strictEqual(count, 4)
      assert.deepStrictEqual(yield* tokensIn(after), tokens.toSpliced(2, 1))
    })
  )

  it.effect("a renewal that is under way is waited for, and what it wins is not lost", () =>
    Effect.gen(function* () {
      const { after, below, both } = yield* inMemory
      const { version } = Option.getOrThrow(yield* both.get(key("c")))
      const lease = Option.getOrThrow(yield* both.lease(key("c"), "1 minute"))
      yield* lease.mark(Option.some(version))
      const resealing = yield* Effect.forkChild(reseal(below))
      yield* TestClock.adjust("10 seconds")
      yield* both.put(session("c", "renewed"), { expected: Option.some(version), fence: lease.fence })
      yield* lease.release
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(resealing), 4)
      assert.deepStrictEqual(yield* tokensIn(after), tokens.with(2, "renewed"))
    })
  )

  it.effect("what another process has sealed just before is left as it is", () =>
    Effect.gen(function* () {
      const { below, both } = yield* inMemory
      let version = ""
      const count = yield* reseal({
        ...below,
        lease: (one, ttl) =>
          Effect.gen(function* () {
            if (one.account === "c") ({ version } = yield* both.put(session("c", "of c")))
            return yield* below.lease(one, ttl)
          })
      })
      assert.strictEqual(count, 4)
      assert.strictEqual(Option.getOrThrow(yield* below.get(key("c"))).version, version)
    })
  )

  it.effect("who is held up before it writes, until a renewal has begun, does not write into it", () =>
    Effect.gen(function* () {
      const { after, below, both } = yield* inMemory
      const { version } = Option.getOrThrow(yield* both.get(key("c")))
      let renewal: Lease | undefined
      const resealing = yield* reseal({
        ...below,
        put: (one, options) =>
          Effect.gen(function* () {
            if (one.key.account === "c" && renewal === undefined) {
              yield* Effect.sleep("3 seconds")
              renewal = Option.getOrThrow(yield* both.lease(one.key, "1 minute"))
              yield* renewal.mark(Option.some(version))
            }
            return yield* below.put(one, options)
          })
      }).pipe(Effect.forkChild)
      yield* TestClock.adjust("10 seconds")
      assert(renewal !== undefined)
      yield* both.put(session("c", "renewed"), { expected: Option.some(version), fence: renewal.fence })
      yield* renewal.release
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(resealing), 4)
      assert.deepStrictEqual(yield* tokensIn(after), tokens.with(2, "renewed"))
    })
  )

  it.effect("the minute begins anew with every entry that is sealed", () =>
    Effect.gen(function* () {
      const { after, before, below, both } = yield* inMemory
      const lease = Option.getOrThrow(yield* both.lease(key("c"), "1 hour"))
      const resealing = yield* Effect.forkChild(reseal(below))
      yield* TestClock.adjust("50 seconds")
      yield* before.put(session("f", "of f"))
      yield* TestClock.adjust("50 seconds")
      yield* lease.release
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(resealing), 6)
      assert.deepStrictEqual(yield* tokensIn(after), [...tokens, "of f"])
    })
  )

  for (const [name, markOf] of [
    ["its version", (version: string) => version],
    ["more about it", (version: string) => `7 first ${version}`]
  ] as const) {
    it.effect(`one whose token may be spent is not touched: the mark says ${name}, and LeaseTimeout`, () =>
      Effect.gen(function* () {
        const { after, below, both } = yield* inMemory
        const { version } = Option.getOrThrow(yield* both.get(key("c")))
        const lease = Option.getOrThrow(yield* both.lease(key("c"), "1 second"))
        yield* lease.mark(Option.some(markOf(version)))
        const resealing = yield* Effect.forkChild(reasonOf(reseal(below)))
        yield* TestClock.adjust("59 seconds")
        assert.isUndefined(resealing.pollUnsafe())
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* Fiber.join(resealing), "LeaseTimeout")
        for (const account of ["a", "b", "d", "e"])
          assert.isTrue(Option.isSome(yield* after.get(key(account))))
        // Its holder wakes up, takes the lease anew, and saves what it has won.
        const again = Option.getOrThrow(yield* both.lease(key("c"), "1 second"))
        assert.deepStrictEqual(again.marked, Option.some(markOf(version)))
        yield* both.put(session("c", "renewed"), { expected: Option.some(version), fence: again.fence })
        assert.deepStrictEqual(yield* tokensIn(after), tokens.with(2, "renewed"))
        assert.strictEqual(yield* reseal(below), 0)
      })
    )
  }

  for (const [name, by] of [
    ["back", -28_800_000],
    ["on", 28_800_000]
  ] as const) {
    it.effect(`a clock that is set ${name} by eight hours makes the minute neither longer nor shorter`, () =>
      Effect.gen(function* () {
        const { below, both } = yield* inMemory
        const clock = yield* Clock.Clock
        let ahead = 0
        const millis = () => clock.currentTimeMillisUnsafe() + ahead
        yield* both.lease(key("c"), Number.POSITIVE_INFINITY)
        const resealing = yield* reasonOf(reseal(below)).pipe(
          Effect.provideService(Clock.Clock, {
            currentTimeMillisUnsafe: millis,
            currentTimeMillis: Effect.sync(millis),
            currentTimeNanosUnsafe: () => BigInt(millis()) * 1_000_000n,
            currentTimeNanos: Effect.sync(() => BigInt(millis()) * 1_000_000n),
            monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
            monotonicTimeNanos: clock.monotonicTimeNanos,
            sleep: (duration) => clock.sleep(duration)
          }),
          Effect.forkChild
        )
        yield* TestClock.adjust("1 second")
        ahead = by
        yield* TestClock.adjust("58 seconds")
        assert.isUndefined(resealing.pollUnsafe())
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* Fiber.join(resealing), "LeaseTimeout")
      })
    )
  }

  it.effect("a mark about an earlier version is in nobody's way", () =>
    Effect.gen(function* () {
      const { after, below, both } = yield* inMemory
      const { version } = Option.getOrThrow(yield* both.get(key("c")))
      const lease = Option.getOrThrow(yield* both.lease(key("c"), "1 second"))
      yield* lease.mark(Option.some(`7 1${version}`))
      yield* lease.release
      assert.strictEqual(yield* reseal(below), 5)
      assert.deepStrictEqual(yield* tokensIn(after), tokens)
    })
  )

  it.effect("two that seal the same file at once seal each entry once", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "sessions.db")
      const [one, two] = [
        yield* open(SqliteSessionStore.layer({ path })),
        yield* open(SqliteSessionStore.layer({ path }))
      ]
      const { after } = yield* filled(one)
      const both = yield* Effect.forkChild(
        Effect.all([reseal(one), reseal(two)], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 minute")
      const [first, second] = yield* Fiber.join(both)
      assert.strictEqual(first + second, 5)
      assert.deepStrictEqual(yield* tokensIn(after), tokens)
    })
  )
})

const passphrase = (text: string, passes = 1) =>
  PassphraseKey.make({ passphrase: Redacted.make(text), memory: 8, passes, parallelism: 1 }).pipe(
    Effect.provide(NodeCrypto.layerKdf)
  )

describe.skipIf(!hasArgon2id)("reseal, with a passphrase", () => {
  it.effect("S28: from one passphrase to another, and again does nothing", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const before = yield* sealedWith(below, { key: passphrase("old") })
      for (const account of accounts) yield* before.put(session(account, `of ${account}`))
      const options = { key: passphrase("new"), olderKeys: [passphrase("old")] }
      assert.strictEqual(yield* reseal(below, options), 5)
      assert.strictEqual(yield* reseal(below, options), 0)
      assert.deepStrictEqual(yield* tokensIn(yield* sealedWith(below, { key: passphrase("new") })), tokens)
      assert.strictEqual(yield* reasonOf(before.get(key("a"))), "WrongKey")
    })
  )

  it.effect("to another cost, and to one salt", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      for (const account of accounts) {
        const alone = yield* open(SessionStore.layerMemory)
        const store = yield* sealedWith(alone, { key: passphrase("p") })
        yield* store.put(session(account, `of ${account}`))
        yield* below.put(Option.getOrThrow(yield* alone.get(key(account))).session)
      }
      assert.strictEqual(yield* reseal(below, { key: passphrase("p") }), 4)
      assert.strictEqual(yield* reseal(below, { key: passphrase("p", 2) }), 5)
      const texts = yield* tokensIn(below)
      assert.deepStrictEqual(
        texts.map((text) => bodyOf(text ?? "").readUInt32BE(13)),
        [2, 2, 2, 2, 2]
      )
      assert.strictEqual(
        new Set(
          texts.map((text) =>
            bodyOf(text ?? "")
              .subarray(21, 37)
              .toString("hex")
          )
        ).size,
        1
      )
      assert.deepStrictEqual(yield* tokensIn(yield* sealedWith(below, { key: passphrase("p") })), tokens)
    })
  )
})
