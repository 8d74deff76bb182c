import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, type Redacted, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { fails } from "../../../test/support/fails.ts"
import { Jwt, JwtVerifier, type KeySource } from "../src/index.ts"
import { forged } from "./support/forge.ts"
import * as Keys from "./support/keys.ts"
import { refuses } from "./support/refuses.ts"

const base = {
  algorithms: ["HS256"],
  issuer: Jwt.anyIssuer,
  audience: Jwt.anyAudience,
  withoutExpiry: "allowed",
  leeway: 0
} as const

/** A source that counts how often it is asked, and can be changed under way. */
const counting = Effect.map(Keys.hs256, (key) => {
  const state = { asked: 0, version: 0, current: true, keys: [key], gate: Effect.void }
  const source: KeySource.KeySource = {
    keysFor: () =>
      Effect.suspend(() => {
        state.asked++
        const { keys, version } = state
        return Effect.as(state.gate, { keys, version })
      }),
    isCurrent: (version) => state.current && version === state.version
  }
  return { source, state }
})

const made = Effect.fnUntraced(function* (options: Partial<JwtVerifier.Options> = {}) {
  const { source, state } = yield* counting
  const verifier = yield* JwtVerifier.make({ ...base, keys: source, ...options })
  /** How many verifications it takes. */
  const cost = (token: Redacted.Redacted<string>) =>
    Effect.suspend(() => {
      const before = state.asked
      return Effect.map(verifier.verify(token), () => state.asked - before)
    })
  return { cost, state, verify: verifier.verify }
})

const at = (seconds: number) => TestClock.setTime(Duration.toMillis(Duration.seconds(seconds)))

describe("JwtVerifier", () => {
  it.effect("gives what Jwt.verify gives, and verifies it once", () =>
    Effect.gen(function* () {
      const { cost, verify } = yield* made()
      const token = forged({ sub: "ada" })
      assert.strictEqual(yield* cost(token), 1)
      assert.strictEqual(yield* cost(forged({ sub: "ada" })), 0)
      const key = yield* Keys.hs256
      assert.deepStrictEqual(yield* verify(token), yield* Jwt.verify(token, { ...base, keys: [key] }))
      assert.strictEqual(yield* cost(forged({ sub: "eve" })), 1)
    })
  )

  it.effect("S19: what passed ends with its exp, leeway included, to the millisecond", () =>
    Effect.gen(function* () {
      const { cost, verify } = yield* made({ leeway: "10 seconds" })
      const token = forged({ exp: 100.9 })
      assert.strictEqual(yield* cost(token), 1)
      yield* at(109.999)
      assert.strictEqual(yield* cost(token), 0)
      yield* at(110)
      yield* refuses("Expired", verify(token))
    })
  )

  it.effect("S19: what passed is not valid before its nbf when the clock is set back", () =>
    Effect.gen(function* () {
      const { cost, verify } = yield* made()
      const token = forged({ nbf: 100 })
      yield* at(100)
      assert.strictEqual(yield* cost(token), 1)
      yield* at(99.999)
      yield* refuses("NotYetValid", verify(token))
    })
  )

  it.effect("what passed is verified again when the keys have changed, or have to be asked for", () =>
    Effect.gen(function* () {
      const { cost, state, verify } = yield* made()
      const token = forged({})
      assert.strictEqual(yield* cost(token), 1)
      state.version++
      assert.strictEqual(yield* cost(token), 1)
      assert.strictEqual(yield* cost(token), 0)
      state.current = false
      assert.strictEqual(yield* cost(token), 1)
      state.current = true
      state.version++
      state.keys = []
      yield* refuses("Key", verify(token))
    })
  )

  it.effect("keys that go while a token is verified are not believed afterwards", () =>
    Effect.gen(function* () {
      const { cost, state } = yield* made()
      const gate = yield* Deferred.make<void>()
      state.gate = Deferred.await(gate)
      const token = forged({})
      const first = yield* Effect.forkChild(cost(token), { startImmediately: true })
      state.version++
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(first), 1)
      assert.strictEqual(yield* cost(token), 1)
    })
  )

  it.effect("failures are not remembered", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* made()
      const token = forged({})
      const keys = state.keys
      state.keys = []
      yield* refuses("Key", verify(token))
      yield* refuses("Key", verify(token))
      assert.strictEqual(state.asked, 2)
      state.keys = keys
      yield* verify(token)
    })
  )

  it.effect("the one not seen for the longest goes first", () =>
    Effect.gen(function* () {
      const { cost } = yield* made({ capacity: 2 })
      const [a, b, c] = [forged({ sub: "a" }), forged({ sub: "b" }), forged({ sub: "c" })]
      assert.strictEqual(yield* cost(a), 1)
      assert.strictEqual(yield* cost(b), 1)
      assert.strictEqual(yield* cost(a), 0)
      assert.strictEqual(yield* cost(c), 1)
      assert.strictEqual(yield* cost(a), 0)
      assert.strictEqual(yield* cost(c), 0)
      assert.strictEqual(yield* cost(b), 1)
    })
  )

  it.effect("among a hundred, the one that is asked for all the time stays, and the others go in turn", () =>
    Effect.gen(function* () {
      const { cost } = yield* made({ capacity: 100 })
      const busy = forged({ sub: "busy" })
      assert.strictEqual(yield* cost(busy), 1)
      for (let index = 0; index < 300; index++) {
        assert.strictEqual(yield* cost(forged({ sub: `${index}` })), 1)
        assert.strictEqual(yield* cost(busy), 0)
      }
      assert.strictEqual(yield* cost(forged({ sub: "299" })), 0)
      assert.strictEqual(yield* cost(forged({ sub: "100" })), 1)
    })
  )

  it.effect("one verification is made for all who ask at the same time", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* made()
      const gate = yield* Deferred.make<void>()
      state.gate = Deferred.await(gate)
      const good = Effect.forEach(Array.from({ length: 50 }), () => verify(forged({})), {
        concurrency: "unbounded"
      })
      const bad = Effect.forEach(
        Array.from({ length: 50 }),
        () => refuses("Expired", verify(forged({ exp: -1 }))),
        { concurrency: "unbounded" }
      )
      const all = yield* Effect.forkChild(Effect.all([good, bad], { concurrency: 2 }), {
        startImmediately: true
      })
      yield* Effect.yieldNow
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(all)
      assert.strictEqual(state.asked, 2)
    })
  )

  for (const budget of [3, 4, 5, 7]) {
    it.effect(`one verification is made for all, even where fibers take turns every ${budget} steps`, () =>
      Effect.gen(function* () {
        const { state, verify } = yield* made()
        const gate = yield* Deferred.make<void>()
        state.gate = Deferred.await(gate)
        const all = yield* Effect.forEach(Array.from({ length: 20 }), () => verify(forged({})), {
          concurrency: "unbounded"
        }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, budget), Effect.forkChild)
        for (let turn = 0; turn < 200; turn++) yield* Effect.yieldNow
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(all)
        assert.strictEqual(state.asked, 1)
      })
    )
  }

  it.effect("whoever gives up, at any step, leaves nobody waiting", () =>
    Effect.gen(function* () {
      for (const budget of [3, 4, 5]) {
        for (let turns = 0; turns < 20; turns++) {
          const { verify } = yield* made()
          const token = forged({})
          const [first, second] = yield* Effect.forEach([1, 2], () =>
            Effect.forkChild(Effect.provideService(verify(token), Scheduler.MaxOpsBeforeYield, budget))
          )
          if (first === undefined || second === undefined) return assert.fail("no fibers")
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(first)
          yield* Fiber.join(second)
        }
      }
    })
  )

  it.effect("what is remembered cannot be changed by those who got it", () =>
    Effect.gen(function* () {
      const { verify } = yield* made()
      const token = forged({ sub: "ada", roles: [{ name: "reader" }] })
      const verified = yield* verify(token)
      const roles = Object(verified.claims["roles"])
      assert.isFalse(Reflect.set(verified, "claims", {}))
      assert.isFalse(Reflect.set(verified.claims, "sub", "root"))
      assert.isFalse(Reflect.set(roles, 1, { name: "root" }))
      assert.isFalse(Reflect.set(roles[0], "name", "root"))
      assert.deepStrictEqual((yield* verify(token)).claims, { sub: "ada", roles: [{ name: "reader" }] })
    })
  )

  it.effect("whoever gives up takes nothing from the others, be it the first or a later one", () =>
    Effect.gen(function* () {
      const { cost, state, verify } = yield* made()
      const gate = yield* Deferred.make<void>()
      state.gate = Deferred.await(gate)
      const token = forged({})
      const [first, second, third] = yield* Effect.forEach([1, 2, 3], () =>
        Effect.forkChild(verify(token), { startImmediately: true })
      )
      if (first === undefined || second === undefined || third === undefined) return assert.fail("no fibers")
      assert.strictEqual(state.asked, 1)
      yield* Fiber.interrupt(second)
      const late = yield* Effect.forkChild(verify(token), { startImmediately: true })
      assert.strictEqual(state.asked, 1)
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(third)))
      yield* Fiber.join(late)
      assert.strictEqual(state.asked, 2)
      assert.strictEqual(yield* cost(token), 0)
    })
  )

  it.effect("S20: a token that is too long is refused each time, without a look", () =>
    Effect.gen(function* () {
      const { state, verify } = yield* made({ maxBytes: 100 })
      for (let turn = 0; turn < 2; turn++) yield* refuses("TooLarge", verify(forged({ a: "x".repeat(100) })))
      assert.strictEqual(state.asked, 0)
    })
  )

  it.effect("refuses options that make no sense", () =>
    Effect.gen(function* () {
      const keys = [yield* Keys.hs256]
      for (const capacity of [0, -1, 1.5, Number.NaN]) {
        const error = yield* fails("InvalidRequest", JwtVerifier.make({ ...base, keys, capacity }))
        assert.strictEqual(error.field, "capacity")
      }
      const error = yield* fails("InvalidRequest", JwtVerifier.make({ ...base, keys: [] }))
      assert.strictEqual(error.field, "keys")
    })
  )
})
