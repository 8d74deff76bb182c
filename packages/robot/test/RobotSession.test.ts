import { assert, describe, it } from "@effect/vitest"
import { Sessions, SessionRef, SessionStore } from "@latchkey/core"
import type { Session } from "@latchkey/core"
import { GrpcFaults } from "@latchkey/grpc/testing"
import { Duration, Effect, Fiber, Layer, Option, Random, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Robot } from "../src/index.ts"
import { RobotTest, Spot } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { AUTH, sent } from "./support/sent.ts"

const { GrpcFault } = GrpcFaults

const user = { username: "user", password: Redacted.make("correct-horse") }

const tokenOf = (session: Session): string =>
  session.accessToken ? Redacted.value(session.accessToken) : "none"

const layer = Layer.mergeAll(
  RobotTest.layer({ rateLimit: Infinity, tokenLife: "10000 days" }),
  Layer.fresh(SessionStore.layerMemory)
)

/** Signed in, and kept so. */
const signedIn = Effect.gen(function* () {
  const robot = yield* Robot
  const ref = yield* SessionRef.make(robot, yield* robot.auth(user))
  return { robot, ref, spot: yield* Spot }
})

/** Pauses are as long as they are, not up to a tenth longer. */
const withoutJitter = Effect.provideService(Random.Random, {
  nextIntUnsafe: () => 0,
  nextDoubleUnsafe: () => 0
})

const logins = Effect.map(sent, (requests) => requests.length)

describe("a session", () => {
  it.effect("is not kept under the name of a robot that went away during the sign-in", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      yield* robot.robotId
      yield* spot.faults.push(GrpcFault.Delay({ duration: "1 second" }), { path: AUTH })
      const fiber = yield* Effect.forkChild(robot.auth(user), { startImmediately: true })
      yield* spot.replace("BD-other")
      yield* TestClock.adjust("1 second")
      yield* failsBecause("Closed", Fiber.join(fiber))
      assert.strictEqual((yield* robot.auth(user)).key.instance, "BD-other")
    }).pipe(Effect.provide(layer))
  )

  it.effect("is one of the same robot after a reboot during the sign-in", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      yield* robot.robotId
      yield* spot.faults.push(GrpcFault.Delay({ duration: "1 second" }), { path: AUTH })
      const fiber = yield* Effect.forkChild(robot.auth(user), { startImmediately: true })
      yield* spot.reboot
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).key.instance, yield* spot.serialNumber)
    }).pipe(Effect.provide(layer))
  )
})

describe("a session that is kept", () => {
  it.effect("robot-36: a failed login or re-mint leaves an earlier token untouched", () =>
    Effect.gen(function* () {
      const { ref, robot, spot } = yield* signedIn
      const store = yield* SessionStore
      const before = tokenOf(yield* ref.get)
      yield* fails("InvalidLogin", robot.auth({ ...user, password: Redacted.make("wrong-horse") }))
      yield* fails("InvalidToken", robot.authWithToken(Redacted.make("made.up"), { username: "user" }))
      yield* spot.faults.push(GrpcFault.Garbage({ bytes: new Uint8Array() }), { path: AUTH })
      yield* fails("ServerError", robot.auth(user))
      assert.strictEqual(tokenOf(yield* ref.get), before)
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(ref.key)).session), before)
      // Nor does one that fails while it is due.
      yield* spot.faults.push(GrpcFault.Status({ code: 14, details: "" }), { path: AUTH })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(tokenOf(yield* ref.get), before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("robot-37: a re-mint replaces the token, and the old one is no longer sent", () =>
    Effect.gen(function* () {
      const { ref } = yield* signedIn
      const first = tokenOf(yield* ref.get)
      yield* TestClock.adjust("1 hour")
      const second = tokenOf(yield* ref.get)
      yield* TestClock.adjust("1 hour")
      const third = tokenOf(yield* ref.get)
      assert.strictEqual(new Set([first, second, third]).size, 3)
      assert.deepStrictEqual(
        (yield* sent).map(({ body }) => body.token),
        ["", first, second]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("robot-38: one re-mint an hour after the login, and the next an hour after that", () =>
    Effect.gen(function* () {
      const { ref } = yield* signedIn
      yield* ref.keepAlive
      const expected = [
        ["59 minutes", 1],
        ["59 seconds", 1],
        ["1 second", 2],
        ["59 minutes", 2],
        ["59 seconds", 2],
        ["1 second", 3]
      ] as const
      for (const [pause, calls] of expected) {
        yield* TestClock.adjust(pause)
        assert.strictEqual(yield* logins, calls, pause)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "robot-39: attempts 1, 2, 4, 8 … seconds apart, at most an hour, and from the start after a success",
    () =>
      Effect.gen(function* () {
        const { ref, spot } = yield* signedIn
        yield* ref.keepAlive
        const FAULTS = 20
        const attempts = Effect.map(spot.faults.pending, (pending) => FAULTS - pending)
        yield* spot.faults.push(GrpcFault.Status({ code: 14, details: "" }), { path: AUTH, times: FAULTS })
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* attempts, 1)
        const gaps = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]
        for (const [index, seconds] of gaps.entries()) {
          yield* TestClock.adjust(Duration.subtract(Duration.seconds(seconds), Duration.millis(1)))
          assert.strictEqual(yield* attempts, index + 1, `just before ${seconds} s`)
          yield* TestClock.adjust("1 millis")
          assert.strictEqual(yield* attempts, index + 2, `after ${seconds} s`)
        }
        yield* spot.faults.clear
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* logins, 2)
        yield* spot.faults.push(GrpcFault.Status({ code: 14, details: "" }), { path: AUTH })
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* spot.faults.pending, 0)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* logins, 3)
      }).pipe(withoutJitter, Effect.provide(layer))
  )

  it.effect("robot-40: a refusal does not end the renewing, and a new login makes it succeed", () =>
    Effect.gen(function* () {
      const { ref, robot, spot } = yield* signedIn
      yield* ref.keepAlive
      yield* spot.revokeTokens
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* fails("SessionExpired", ref.get)).verdict, "InvalidToken")
      yield* ref.adopt(yield* robot.auth(user))
      const before = tokenOf(yield* ref.get)
      yield* TestClock.adjust("1 hour")
      assert.notStrictEqual(tokenOf(yield* ref.get), before)
      const calls = yield* logins
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* logins, calls + 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("robot-41: the end of the scope ends the renewing", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(Effect.flatMap(signedIn, ({ ref }) => ref.keepAlive))
      yield* TestClock.adjust("100 hours")
      assert.strictEqual(yield* logins, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a robot whose clock is far off, or whose token says so, changes nothing about when", () =>
    Effect.gen(function* () {
      const { ref, spot } = yield* signedIn
      yield* spot.setClockOffset("-400 days")
      yield* TestClock.adjust("59 minutes")
      yield* ref.get
      assert.strictEqual(yield* logins, 1)
      yield* TestClock.adjust("1 minute")
      yield* ref.get
      assert.strictEqual(yield* logins, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("another robot at the address never gets the token, and the session outlives it", () =>
    Effect.gen(function* () {
      const { ref, spot } = yield* signedIn
      const serialNumber = yield* spot.serialNumber
      const before = tokenOf(yield* ref.get)
      yield* spot.replace("BD-other")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(tokenOf(yield* ref.get), before)
      assert.strictEqual(yield* logins, 1)
      yield* spot.replace(serialNumber)
      yield* TestClock.adjust("1 hour")
      assert.notStrictEqual(tokenOf(yield* ref.get), before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("robot-47: a user who is locked out is not tried again before his minute is over", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const sessions = yield* Sessions
      const signIn = (password: string) =>
        sessions.signIn(robot, {
          account: "user",
          secret: Redacted.make(password),
          login: robot.auth({ username: "user", password: Redacted.make(password) })
        })
      for (let index = 0; index < 6; index++) yield* fails("InvalidLogin", signIn(`wrong-${index}`))
      yield* fails("TemporarilyLockedOut", signIn("correct-horse"))
      const calls = yield* logins
      yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => fails("TemporarilyLockedOut", signIn("correct-horse")),
        { concurrency: "unbounded" }
      )
      yield* TestClock.adjust("59 seconds")
      yield* fails("TemporarilyLockedOut", signIn("correct-horse"))
      assert.strictEqual(yield* logins, calls)
      yield* TestClock.adjust("1 second")
      yield* signIn("correct-horse")
      assert.strictEqual(yield* logins, calls + 1)
    }).pipe(Effect.provide(Layer.provideMerge(Sessions.layer, layer)))
  )
})
