/** What only the channel in memory can do: its deadlines follow the test clock. */
import { assert, describe, it } from "@effect/vitest"
import { GrpcFaults, GrpcMemory } from "@latchkey/grpc/testing"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { bytes, login, Method, PATH, success } from "./fixtures/login.ts"

const world = Effect.gen(function* () {
  const faults = yield* GrpcFaults.make
  const channel = yield* GrpcMemory.make({
    provider: "test",
    instance: "memory",
    handlers: { [PATH]: () => Effect.succeed(bytes(success)) },
    faults
  })
  return { faults, channel, call: Effect.result(channel.unary(Method, login({}))) }
})

describe("GrpcMemory", () => {
  it.effect("silence ends exactly at the deadline", () =>
    Effect.gen(function* () {
      const { call, faults } = yield* world
      yield* faults.push(GrpcFaults.GrpcFault.Silent())
      const fiber = yield* Effect.forkChild(call)
      yield* TestClock.adjust("29999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const result = yield* Fiber.join(fiber)
      if (!Result.isFailure(result) || result.failure._tag !== "TransportError")
        return assert.fail(result._tag)
      assert.strictEqual(result.failure.reason._tag, "TimedOut")
    })
  )

  it.effect("a delay lasts exactly as long as it says", () =>
    Effect.gen(function* () {
      const { call, faults } = yield* world
      yield* faults.push(GrpcFaults.GrpcFault.Delay({ duration: "5 seconds" }))
      const fiber = yield* Effect.forkChild(call)
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), Result.succeed(success))
    })
  )

  it.effect("its own timeout counts, and is refused where it is none", () =>
    Effect.gen(function* () {
      const options = { provider: "test", instance: "memory", handlers: {} }
      const none = yield* GrpcMemory.make({ ...options, timeout: 0 })
      for (const error of [
        yield* Effect.flip(none.unary(Method, login({}))),
        yield* Effect.flip(none.connect(undefined))
      ]) {
        assert.strictEqual(error._tag === "InvalidRequest" && error.field, "timeout")
      }
      yield* none.connect(undefined, { timeout: 1 })
      const hasty = yield* GrpcMemory.make({
        ...options,
        handlers: { [PATH]: () => Effect.never },
        timeout: "2 seconds"
      })
      const fiber = yield* Effect.forkChild(Effect.flip(hasty.unary(Method, login({}))))
      yield* TestClock.adjust("2 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag === "TransportError" && error.reason._tag, "TimedOut")
    })
  )

  it.effect("counts no connections, whatever faults cut", () =>
    Effect.gen(function* () {
      const { call, channel, faults } = yield* world
      yield* channel.connect("auth.spot.robot", { anew: true })
      yield* faults.push(GrpcFaults.GrpcFault.DropBefore())
      assert.isTrue(Result.isFailure(yield* call))
      assert.strictEqual(yield* channel.connections, 0)
    })
  )
})
