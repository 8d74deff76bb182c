import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { answeredInTime } from "../src/internal/answeredInTime.ts"

const HOUR = 3_600_000

/** Never answers. Says whether it was interrupted. */
const silent = () => {
  const state = { asked: false, interrupted: false }
  const asked = Effect.suspend(() => {
    state.asked = true
    return Effect.never
  }).pipe(Effect.onInterrupt(() => Effect.sync(() => void (state.interrupted = true))))
  return { asked, state }
}

const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length

const aMoment = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 20)))

describe("answeredInTime", () => {
  it.live("hands on an answer and a failure, and keeps no timer", () =>
    Effect.gen(function* () {
      const before = timers()
      assert.strictEqual(yield* answeredInTime(Effect.succeed("at once"), HOUR, "late"), "at once")
      assert.strictEqual(yield* answeredInTime(Effect.as(aMoment, "soon"), HOUR, "late"), "soon")
      assert.strictEqual(yield* Effect.flip(answeredInTime(Effect.fail("refused"), HOUR, "late")), "refused")
      assert.strictEqual(timers(), before)
    })
  )

  it.live(
    "fails when the time is over, also where it cannot be interrupted, and gives up what was asked",
    () =>
      Effect.gen(function* () {
        const { asked, state } = silent()
        assert.strictEqual(yield* Effect.flip(answeredInTime(asked, 10, "late")), "late")
        yield* Effect.yieldNow
        assert.isTrue(state.interrupted)
        const uninterruptible = Effect.uninterruptible(answeredInTime(silent().asked, 10, "late"))
        assert.strictEqual(yield* Effect.flip(uninterruptible), "late")
        assert.strictEqual(
          yield* Effect.flip(answeredInTime(Effect.uninterruptible(Effect.never), 10, "late")),
          "late"
        )
      })
  )

  it.live("ends with whoever asked, and keeps no timer", () =>
    Effect.gen(function* () {
      const before = timers()
      const { asked, state } = silent()
      const fiber = yield* Effect.forkChild(answeredInTime(asked, HOUR, "late"), { startImmediately: true })
      assert.isTrue(state.asked)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(state.interrupted)
      assert.strictEqual(timers(), before)
    })
  )

  it.live("waits no shorter for a time that no timer can run", () =>
    Effect.gen(function* () {
      for (const millis of [2 ** 31, Number.POSITIVE_INFINITY]) {
        assert.strictEqual(yield* answeredInTime(Effect.as(aMoment, "soon"), millis, "late"), "soon")
      }
    })
  )

  it.effect("is not moved by a clock that tests move", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(answeredInTime(Effect.as(aMoment, "soon"), HOUR, "late"))
      yield* TestClock.adjust(2 * HOUR)
      assert.strictEqual(yield* Fiber.join(fiber), "soon")
      assert.strictEqual(yield* Effect.flip(answeredInTime(Effect.never, 10, "late")), "late")
    })
  )
})
