import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as WhichRobot from "../src/internal/whichRobot.ts"
import { RobotId } from "../src/RobotId.ts"
import { failsBecause } from "./support/fails.ts"

const idOf = (serialNumber: string) =>
  new RobotId({
    serialNumber,
    species: "",
    version: "",
    softwareRelease: undefined,
    nickname: "",
    computerSerialNumber: ""
  })

const patience = Duration.seconds(30)

/** A robot that answers when the test says so. */
const fixture = Effect.gen(function* () {
  const answer = yield* Deferred.make<RobotId, "refused">()
  const seen = { calls: 0, cancelled: 0, losses: 0, timeouts: Array.of<Duration.Duration>() }
  const which = yield* WhichRobot.make({
    provider: "robot",
    instance: "here",
    serialNumber: undefined,
    patience,
    losses: Effect.sync(() => seen.losses),
    call: (timeout) =>
      Effect.suspend(() => {
        seen.calls++
        seen.timeouts.push(timeout)
        return Effect.onInterrupt(Deferred.await(answer), () => Effect.sync(() => seen.cancelled++))
      })
  })
  const ask = Effect.forkChild(which.serialNumber(patience), { startImmediately: true })
  return { answer, ask, seen, which }
})

describe("which robot", () => {
  it.effect("one question for any number of waiters", () =>
    Effect.gen(function* () {
      const { answer, ask, seen, which } = yield* fixture
      const fibers = yield* Effect.forEach(Array.from({ length: 100 }), () => ask)
      yield* Deferred.succeed(answer, idOf("BD-1"))
      const serials = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(new Set(serials), new Set(["BD-1"]))
      assert.strictEqual(yield* which.serialNumber(patience), "BD-1")
      assert.strictEqual(seen.calls, 1)
    })
  )

  it.effect("a waiter that leaves does not take the question back from the others", () =>
    Effect.gen(function* () {
      const { answer, ask, seen } = yield* fixture
      const first = yield* ask
      const second = yield* ask
      yield* Fiber.interrupt(first)
      assert.strictEqual(seen.cancelled, 0)
      yield* Deferred.succeed(answer, idOf("BD-1"))
      assert.strictEqual(yield* Fiber.join(second), "BD-1")
    })
  )

  it.effect("the last waiter takes it back, and the next one asks anew", () =>
    Effect.gen(function* () {
      const { answer, ask, seen } = yield* fixture
      const fibers = [yield* ask, yield* ask]
      yield* Effect.forEach(fibers, Fiber.interrupt)
      assert.strictEqual(seen.cancelled, 1)
      const later = yield* ask
      yield* Deferred.succeed(answer, idOf("BD-1"))
      yield* Fiber.join(later)
      assert.strictEqual(seen.calls, 2)
    })
  )

  it.effect("a failure is told to those who wait, and not kept", () =>
    Effect.gen(function* () {
      const { answer, ask, seen, which } = yield* fixture
      const fibers = [yield* ask, yield* ask]
      yield* Deferred.fail(answer, "refused")
      for (const fiber of fibers) assert.strictEqual(yield* Effect.flip(Fiber.join(fiber)), "refused")
      assert.strictEqual(yield* Effect.flip(which.serialNumber(patience)), "refused")
      assert.strictEqual(seen.calls, 2)
    })
  )

  it.effect("an impatient waiter leaves in time, a patient one gets the answer", () =>
    Effect.gen(function* () {
      const { answer, ask, seen, which } = yield* fixture
      const impatient = yield* Effect.forkChild(which.serialNumber(Duration.seconds(1)), {
        startImmediately: true
      })
      const patient = yield* ask
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(Fiber.join(impatient))
      assert.isTrue(typeof error === "object" && error.reason._tag === "TimedOut")
      yield* Deferred.succeed(answer, idOf("BD-1"))
      assert.strictEqual(yield* Fiber.join(patient), "BD-1")
      assert.deepStrictEqual(seen.timeouts.map(Duration.toSeconds), [30])
    })
  )

  it.effect("a waiter alone with little time takes the question back", () =>
    Effect.gen(function* () {
      const { seen, which } = yield* fixture
      const fiber = yield* Effect.forkChild(
        failsBecause("TimedOut", which.serialNumber(Duration.seconds(1))),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.strictEqual(seen.cancelled, 1)
    })
  )

  it.effect("a lost connection makes the answer doubtful", () =>
    Effect.gen(function* () {
      const { answer, seen, which } = yield* fixture
      yield* Deferred.succeed(answer, idOf("BD-1"))
      yield* which.serialNumber(patience)
      seen.losses++
      yield* which.serialNumber(patience)
      yield* which.serialNumber(patience)
      assert.strictEqual(seen.calls, 2)
    })
  )

  it.effect("the end of the scope ends the question and the waiting", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { ask, seen } = yield* Scope.provide(fixture, scope)
      const fiber = yield* ask
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(seen.cancelled, 1)
    })
  )
})
