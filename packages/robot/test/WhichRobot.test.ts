import { assert, describe, it } from "@effect/vitest"
import { TransportError } from "@latchkey/core"
import { TimedOut } from "@latchkey/core/TransportError"
import { Deferred, Duration, Effect, Exit, Fiber, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as WhichRobot from "../src/internal/whichRobot.ts"
import { RobotId } from "../src/RobotId.ts"
import { failsBecause } from "../../../test/support/fails.ts"

const ID = "id.spot.robot"
const AUTH = "auth.spot.robot"
const API = "api.spot.robot"

const patience = Duration.seconds(30)

const idOf = (serialNumber: string) =>
  new RobotId({
    serialNumber,
    species: "",
    version: "",
    softwareRelease: undefined,
    nickname: "",
    computerSerialNumber: ""
  })

const timedOut = TransportError.because(
  { provider: "robot", instance: "here" },
  new TimedOut({ message: "too late" })
)

interface State {
  robot: string
  readonly lines: Map<string, string>
  connections: number
  readonly made: Array<string>
  calls: number
  cancelled: number
  readonly timeouts: Array<Duration.Duration>
  answer: Effect.Effect<void, "refused" | TransportError>
  whileConnecting: Effect.Effect<void>
}

/** An address with a robot at it, and connections that lead to whichever was there when they were made. */
const address = Effect.gen(function* () {
  const state: State = {
    robot: "BD-1",
    lines: new Map(),
    connections: 0,
    made: [],
    calls: 0,
    cancelled: 0,
    timeouts: [],
    answer: Effect.void,
    whileConnecting: Effect.void
  }
  const lose = (authority: string): void => {
    if (state.lines.delete(authority)) state.connections++
  }
  const connect = (authority: string, { anew = false }: { readonly anew?: boolean } = {}) =>
    Effect.suspend(() => {
      if (state.lines.has(authority) && !anew) return Effect.void
      lose(authority)
      return Effect.map(state.whileConnecting, () => {
        state.lines.set(authority, state.robot)
        state.made.push(authority)
        state.connections++
      })
    })
  const which = yield* WhichRobot.make<"refused" | TransportError>({
    provider: "robot",
    instance: "here",
    idAuthority: ID,
    patience,
    connections: Effect.sync(() => state.connections),
    connect,
    ask: (timeout) =>
      Effect.suspend(() => {
        state.calls++
        state.timeouts.push(timeout)
        const serialNumber = state.lines.get(ID) ?? "nobody"
        return state.answer.pipe(
          Effect.as(idOf(serialNumber)),
          Effect.onInterrupt(() => Effect.sync(() => state.cancelled++))
        )
      })
  })
  const behind = (authority: string, timeout = patience) => which.behind(authority, timeout)
  const serialNumber = (authority: string, timeout?: Duration.Duration) =>
    Effect.map(behind(authority, timeout), (robot) => robot.serialNumber)
  return { behind, connect, lose, serialNumber, state }
})

/** The same; the robot answers when the test says so. */
const slow = Effect.gen(function* () {
  const at = yield* address
  const answer = yield* Deferred.make<void, "refused" | TransportError>()
  at.state.answer = Deferred.await(answer)
  const ask = (authority = AUTH, timeout = patience) =>
    Effect.forkChild(at.serialNumber(authority, timeout), { startImmediately: true })
  return { ...at, answer, ask }
})

describe("which robot", () => {
  it.effect("one question for the first secret, and none as long as the connections stand", () =>
    Effect.gen(function* () {
      const { serialNumber, state } = yield* address
      for (let index = 0; index < 3; index++) assert.strictEqual(yield* serialNumber(AUTH), "BD-1")
      assert.strictEqual(state.calls, 1)
      assert.deepStrictEqual(state.made, [AUTH, ID])
    })
  )

  it.effect("a new service is asked for, and leaves the others alone", () =>
    Effect.gen(function* () {
      const { serialNumber, state } = yield* address
      for (const authority of [AUTH, API, AUTH, API, ID, AUTH]) yield* serialNumber(authority)
      assert.strictEqual(state.calls, 2)
      assert.deepStrictEqual(state.made, [AUTH, ID, API, ID])
    })
  )

  it.effect("a new connection may lead to another robot, while older ones still lead to the first", () =>
    Effect.gen(function* () {
      const { serialNumber, state } = yield* address
      yield* serialNumber(AUTH)
      state.robot = "BD-2"
      assert.strictEqual(yield* serialNumber(API), "BD-2")
      // The connection that leads to the first one is of no use any more.
      assert.strictEqual(yield* serialNumber(AUTH), "BD-2")
      assert.strictEqual(state.lines.get(AUTH), "BD-2")
    })
  )

  it.effect("an answer from before does not count: the first secret has connections of its own", () =>
    Effect.gen(function* () {
      const { connect, serialNumber, state } = yield* address
      yield* connect(ID)
      yield* connect(AUTH)
      state.robot = "BD-2"
      assert.strictEqual(yield* serialNumber(AUTH), "BD-2")
      assert.strictEqual(state.lines.get(AUTH), "BD-2")
    })
  )

  it.effect("a question that failed leaves no connection behind that would be trusted later", () =>
    Effect.gen(function* () {
      const { serialNumber, state } = yield* address
      state.answer = Effect.fail("refused")
      yield* Effect.flip(serialNumber(AUTH))
      state.answer = Effect.void
      state.robot = "BD-2"
      assert.strictEqual(yield* serialNumber(AUTH), "BD-2")
      assert.strictEqual(state.lines.get(AUTH), "BD-2")
    })
  )

  it.effect("a connection that is lost while it asks is made again, and it asks again", () =>
    Effect.gen(function* () {
      const { lose, serialNumber, state } = yield* address
      let losses = 0
      state.answer = Effect.sync(() => {
        if (losses++ === 0) lose(AUTH)
      })
      assert.strictEqual(yield* serialNumber(AUTH), "BD-1")
      assert.strictEqual(state.calls, 2)
    })
  )

  it.effect("so is one that is lost before it asks", () =>
    Effect.gen(function* () {
      const { lose, serialNumber, state } = yield* address
      let times = 0
      state.whileConnecting = Effect.sync(() => {
        if (times++ === 1) lose(AUTH)
      })
      assert.strictEqual(yield* serialNumber(AUTH), "BD-1")
      assert.isTrue(state.lines.has(AUTH))
      assert.strictEqual(state.calls, 2)
    })
  )

  it.effect("connections that never last are an end", () =>
    Effect.gen(function* () {
      const { lose, serialNumber, state } = yield* address
      state.answer = Effect.sync(() => lose(AUTH))
      yield* failsBecause("Closed", serialNumber(AUTH))
      assert.isAtMost(state.calls, 5)
      state.answer = Effect.void
      state.whileConnecting = Effect.sync(() => lose(AUTH))
      yield* failsBecause("Closed", serialNumber(AUTH))
      assert.isAtMost(state.calls, 10)
    })
  )

  it.effect("a connection that is lost is made again once", () =>
    Effect.gen(function* () {
      const { lose, serialNumber, state } = yield* address
      yield* serialNumber(AUTH)
      lose(AUTH)
      yield* serialNumber(AUTH)
      assert.deepStrictEqual(state.made, [AUTH, ID, AUTH, ID])
    })
  )

  it.effect("a connection that somebody else made is not believed in", () =>
    Effect.gen(function* () {
      const { connect, lose, serialNumber, state } = yield* address
      yield* serialNumber(AUTH)
      yield* serialNumber(API)
      lose(AUTH)
      state.robot = "BD-2"
      yield* connect(AUTH)
      state.robot = "BD-1"
      assert.strictEqual(yield* serialNumber(API), "BD-1")
      assert.strictEqual(yield* serialNumber(AUTH), "BD-1")
      assert.strictEqual(state.lines.get(AUTH), "BD-1")
    })
  )

  it.effect("a connection that is lost while another service is asked for is not believed in", () =>
    Effect.gen(function* () {
      const { lose, serialNumber, state } = yield* address
      yield* serialNumber(AUTH)
      state.whileConnecting = Effect.sync(() => lose(AUTH))
      yield* serialNumber(API)
      state.whileConnecting = Effect.void
      state.robot = "BD-2"
      assert.strictEqual(yield* serialNumber(AUTH), "BD-2")
      assert.strictEqual(state.lines.get(AUTH), "BD-2")
    })
  )

  it.effect.prop(
    "the connection leads to the robot that is named, whatever came before",
    {
      steps: Schema.Array(
        Schema.Literals([
          `ask ${AUTH}`,
          `ask ${API}`,
          `ask ${ID}`,
          "move",
          `lose ${AUTH}`,
          `lose ${API}`,
          `lose ${ID}`
        ])
      ).check(Schema.isMaxLength(40))
    },
    ({ steps }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { behind, lose, state } = yield* address
          let moves = 1
          for (const step of steps) {
            const [verb, authority = ""] = step.split(" ")
            if (verb === "move") state.robot = `BD-${++moves}`
            else if (verb === "lose") lose(authority)
            else {
              const robot = yield* behind(authority)
              assert.strictEqual(state.lines.get(authority), robot.serialNumber)
              assert.strictEqual(robot.connections, state.connections)
            }
          }
        })
      )
  )
})

describe("the question", () => {
  it.effect("is one for any number of waiters", () =>
    Effect.gen(function* () {
      const { answer, ask, serialNumber, state } = yield* slow
      const fibers = yield* Effect.forEach(Array.from({ length: 100 }), () => ask())
      yield* Deferred.succeed(answer, undefined)
      assert.deepStrictEqual(new Set(yield* Effect.forEach(fibers, Fiber.join)), new Set(["BD-1"]))
      assert.strictEqual(yield* serialNumber(AUTH), "BD-1")
      assert.strictEqual(state.calls, 1)
    })
  )

  it.effect("is one after another for different services", () =>
    Effect.gen(function* () {
      const { answer, ask, state } = yield* slow
      const fibers = yield* Effect.forEach([AUTH, API, AUTH, API, ID], (authority) => ask(authority))
      yield* Deferred.succeed(answer, undefined)
      assert.deepStrictEqual(new Set(yield* Effect.forEach(fibers, Fiber.join)), new Set(["BD-1"]))
      assert.strictEqual(state.calls, 2)
    })
  )

  it.effect("is not taken back from the others by a waiter that leaves", () =>
    Effect.gen(function* () {
      const { answer, ask, state } = yield* slow
      const [first, second] = [yield* ask(), yield* ask()]
      yield* Fiber.interrupt(first)
      assert.strictEqual(state.cancelled, 0)
      yield* Deferred.succeed(answer, undefined)
      assert.strictEqual(yield* Fiber.join(second), "BD-1")
    })
  )

  it.effect("is taken back by the last waiter, and the next one asks anew", () =>
    Effect.gen(function* () {
      const { answer, ask, state } = yield* slow
      const fibers = [yield* ask(), yield* ask()]
      yield* Effect.forEach(fibers, Fiber.interrupt)
      assert.strictEqual(state.cancelled, 1)
      const later = yield* ask()
      yield* Deferred.succeed(answer, undefined)
      yield* Fiber.join(later)
      assert.strictEqual(state.calls, 2)
    })
  )

  it.effect("fails for those who wait, and the failure is not kept", () =>
    Effect.gen(function* () {
      const { answer, ask, serialNumber, state } = yield* slow
      const fibers = [yield* ask(), yield* ask()]
      const other = yield* ask(API)
      yield* Deferred.fail(answer, "refused")
      for (const fiber of fibers) assert.strictEqual(yield* Effect.flip(Fiber.join(fiber)), "refused")
      assert.strictEqual(yield* Effect.flip(Fiber.join(other)), "refused")
      assert.strictEqual(yield* Effect.flip(serialNumber(AUTH)), "refused")
      assert.strictEqual(state.calls, 3)
    })
  )

  it.effect("is left in time by an impatient waiter, whoever began it; a patient one gets the answer", () =>
    Effect.gen(function* () {
      const second = Duration.seconds(1)
      for (const impatientFirst of [true, false]) {
        const { answer, ask, state } = yield* slow
        const before = impatientFirst ? yield* ask(AUTH, second) : yield* ask()
        const after = impatientFirst ? yield* ask() : yield* ask(AUTH, second)
        const [impatient, patient] = impatientFirst ? [before, after] : [after, before]
        yield* TestClock.adjust("999 millis")
        assert.isUndefined(impatient.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* failsBecause("TimedOut", Fiber.join(impatient))
        yield* Deferred.succeed(answer, undefined)
        assert.strictEqual(yield* Fiber.join(patient), "BD-1")
        assert.deepStrictEqual(state.timeouts.map(Duration.toSeconds), [30])
      }
    })
  )

  it.effect("is left in time by one with as much patience as the client, who joined a more patient one", () =>
    Effect.gen(function* () {
      const { ask } = yield* slow
      yield* ask(AUTH, Duration.hours(1))
      const joined = yield* ask()
      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(joined.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* failsBecause("TimedOut", Fiber.join(joined))
    })
  )

  it.effect("is asked anew for those who joined when it ran out of time, and have more", () =>
    Effect.gen(function* () {
      const { answer, ask, state } = yield* slow
      const first = yield* ask()
      yield* TestClock.adjust("20 seconds")
      const joined = yield* ask()
      state.answer = Effect.void
      yield* Deferred.fail(answer, timedOut)
      yield* failsBecause("TimedOut", Fiber.join(first))
      assert.strictEqual(yield* Fiber.join(joined), "BD-1")
      assert.strictEqual(state.calls, 2)
    })
  )

  it.effect("is taken back by a waiter alone with little time", () =>
    Effect.gen(function* () {
      const { ask, state } = yield* slow
      const fiber = yield* ask(AUTH, Duration.seconds(1))
      yield* TestClock.adjust("1 second")
      yield* failsBecause("TimedOut", Fiber.join(fiber))
      assert.strictEqual(state.cancelled, 1)
    })
  )

  it.effect("ends with the scope, and so does the waiting", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { ask, state } = yield* Scope.provide(slow, scope)
      const fibers = [yield* ask(), yield* ask(API)]
      yield* Scope.close(scope, Exit.void)
      for (const fiber of fibers) assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(state.cancelled, 1)
    })
  )
})
