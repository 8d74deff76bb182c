import { assert, describe, it } from "@effect/vitest"
import { GrpcFaults } from "@latchkey/grpc/testing"
import { Duration, Effect, Fiber, Option, Queue, Redacted, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type AuthStatus, type ChangesOptions, Resonite, type StatusError } from "../src/index.ts"
import { Game, ResoniteTest } from "../src/testing.ts"

const { GrpcFault } = GrpcFaults

const ada = { credential: "ada", password: Redacted.make("correct-horse") }

const account = { userId: "U-1", userName: "alice", password: Redacted.make("pw") }

const short = (outcome: Result.Result<AuthStatus, StatusError>): string =>
  Result.match(outcome, {
    onSuccess: ({ userName = "nobody" }) => userName,
    onFailure: (error) => (error._tag === "TransportError" ? error.reason._tag : error._tag)
  })

/** Listens in the background. `heard`: what came since the last time. */
const listening = Effect.fnUntraced(function* (options?: ChangesOptions) {
  const resonite = yield* Resonite
  const queue = yield* Queue.unbounded<string>()
  const fiber = yield* resonite.changes(options).pipe(
    Stream.runForEach((outcome) => Queue.offer(queue, short(outcome))),
    Effect.forkChild({ startImmediately: true })
  )
  const heard = Effect.map(Queue.clear(queue), (all) => all.join(" "))
  return { fiber, heard }
})

const asked = Effect.flatMap(Game, (game) => Effect.map(game.requests, (requests) => requests.length))

describe("changes", () => {
  it.effect("asks at once and then every two seconds, and tells only what is new", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      const { heard } = yield* listening()
      assert.strictEqual(yield* heard, "nobody")
      yield* TestClock.adjust(1999)
      assert.strictEqual(yield* asked, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* asked, 2)
      assert.strictEqual(yield* heard, "")
      yield* game.loginInGame(account)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* heard, "alice")
      yield* resonite.login(ada)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* heard, "ada")
      yield* game.setSessionExpires(5n)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* heard, "ada")
      yield* game.logoutInGame
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* heard, "nobody")
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )

  it.effect("a failure comes once as long as its cause is the same, and ends nothing", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { heard } = yield* listening({ interval: "1 second" })
      yield* game.faults.push(GrpcFault.Status({ code: 13, details: "one" }))
      yield* game.faults.push(GrpcFault.Status({ code: 13, details: "two" }))
      yield* game.faults.push(GrpcFault.Status({ code: 14, details: "" }))
      yield* game.faults.push(GrpcFault.DropBefore())
      yield* game.faults.push(GrpcFault.Status({ code: 9, details: "" }))
      yield* game.faults.push(GrpcFault.Status({ code: 14, details: "Auth bridge is not configured." }))
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(
        yield* heard,
        "nobody ServerError ServiceUnavailable Closed FailedPrecondition FailedPrecondition"
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* heard, "nobody")
      yield* game.stop
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* heard, "SocketNotFound")
      yield* game.start
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* heard, "nobody")
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )

  it.effect("a slow answer puts the next question off", () =>
    Effect.gen(function* () {
      const game = yield* Game
      yield* game.faults.push(GrpcFault.Delay({ duration: Duration.millis(1500) }), { times: 2 })
      yield* listening()
      yield* TestClock.adjust(1500 + 2000 + 1500 + 1999)
      assert.strictEqual(yield* asked, 2)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* asked, 3)
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )

  it.effect("nothing is asked before anybody listens, nor after", () =>
    Effect.gen(function* () {
      const resonite = yield* Resonite
      const stream = resonite.changes()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* asked, 0)
      assert.isTrue(Option.isSome(yield* Stream.runHead(stream)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* asked, 1)
      const { fiber } = yield* listening()
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* asked, 2)
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )

  it.effect("every listener hears everything", () =>
    Effect.gen(function* () {
      const stream = (yield* Resonite).changes()
      assert.lengthOf(yield* Stream.runCollect(Stream.take(stream, 1)), 1)
      assert.lengthOf(yield* Stream.runCollect(Stream.take(stream, 1)), 1)
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )

  it.effect("an interval that cannot be one is the only element", () =>
    Effect.gen(function* () {
      const resonite = yield* Resonite
      for (const interval of [0, -1, "Infinity", Duration.nanos(0n)] as const) {
        const outcomes = yield* Stream.runCollect(resonite.changes({ interval }))
        assert.lengthOf(outcomes, 1)
        const [outcome] = outcomes
        assert.isTrue(outcome !== undefined && Result.isFailure(outcome))
        if (outcome === undefined || Result.isSuccess(outcome)) return
        assert.deepInclude(outcome.failure, { _tag: "InvalidRequest", field: "interval" })
      }
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )
})
