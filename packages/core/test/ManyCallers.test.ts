/** Any number of callers of one `SessionRef`, who go away when they like, and call back when they are told something. */
import { assert, describe, it } from "@effect/vitest"
import { InvalidToken, ServerError, SessionRef, SessionStore, TransportError } from "@latchkey/core"
import { Closed } from "@latchkey/core/TransportError"
import { TestProvider } from "@latchkey/testing"
import { Clock, Effect, Exit, Fiber, Layer, Option, Random, Scheduler, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { provided, settle, tokenOf, where } from "./support/sessions.ts"

const signedIn = Effect.fnUntraced(function* (options: TestProvider.Options = {}) {
  const provider = TestProvider.make(options)
  return { provider, ref: yield* SessionRef.make(provider, yield* provider.login) }
})

describe("many callers", () => {
  it.effect(
    "P02: 10,000 fibers on a session that has ended make one call, and another account does not wait",
    () =>
      provided(
        Effect.gen(function* () {
          const { provider, ref } = yield* signedIn({ latency: "1 second" })
          const other = yield* signedIn({ account: "grace" })
          yield* TestClock.adjust("1 hour")
          const all = yield* Effect.forEach(Array.from({ length: 10_000 }), () => Effect.forkChild(ref.get))
          yield* settle
          assert.isTrue(other.provider.accepts(yield* other.ref.get))
          assert.isTrue(all.every((fiber) => fiber.pollUnsafe() === undefined))
          yield* TestClock.adjust("1 second")
          for (const fiber of all) assert.strictEqual(tokenOf(yield* Fiber.join(fiber)), "token-2")
          assert.strictEqual(provider.seen.renewals, 1)
        })
      )
  )

  for (const budget of [3, 5, 8, 13, 23]) {
    it.effect(
      `P18: whoever of the waiters goes away at whatever step, the others get the token, and it is stored (${budget} operations a turn)`,
      () =>
        Effect.gen(function* () {
          for (let step = 0; step < 40; step++) {
            yield* provided(
              Effect.gen(function* () {
                const { provider, ref } = yield* signedIn()
                yield* TestClock.adjust("1 hour")
                const waiting = yield* Effect.forEach(Array.from({ length: 6 }), () =>
                  Effect.forkChild(ref.get)
                )
                // Another subset in every step; the first one, whose call began the renewal, is in all of them.
                const leaving = waiting.filter((_, n) => n === 0 || ((step >> (n - 1)) & 1) === 1)
                for (let turn = 0; turn < step; turn++) yield* Effect.yieldNow
                yield* Effect.forEach(leaving, (fiber) => Effect.forkChild(Fiber.interrupt(fiber)))
                yield* TestClock.adjust("1 second")
                for (const fiber of waiting) {
                  const exit = yield* Fiber.await(fiber)
                  if (!leaving.includes(fiber) || Exit.isSuccess(exit))
                    assert.strictEqual(tokenOf(yield* exit), "token-2")
                }
                const stored = Option.getOrThrow(yield* (yield* SessionStore).get(ref.key))
                assert.strictEqual(tokenOf(stored.session), "token-2")
                assert.deepStrictEqual(provider.seen, { renewals: 1, reuses: 0, logouts: [] })
              })
            )
          }
        }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, budget))
    )
  }

  it.effect("P18: what the first caller brings along is of no concern to the others", () =>
    provided(
      Effect.gen(function* () {
        const { provider, ref } = yield* signedIn({ latency: "1 second" })
        yield* TestClock.adjust("1 hour")
        const broken = Effect.die(new Error("of somebody else"))
        const closed = yield* Scope.make()
        yield* Scope.close(closed, Exit.void)
        const clock = yield* Clock.Clock
        const first = yield* ref.get.pipe(
          Effect.provideService(SessionStore, {
            get: () => broken,
            find: () => broken,
            list: broken,
            put: () => broken,
            remove: () => broken,
            lease: () => broken
          }),
          Effect.provideService(Scope.Scope, closed),
          Effect.provideService(Random.Random, { nextDoubleUnsafe: () => NaN, nextIntUnsafe: () => NaN }),
          Effect.provideService(Clock.Clock, { ...clock, sleep: () => broken }),
          Effect.forkChild
        )
        yield* settle
        const second = yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("500 millis")
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("500 millis")
        assert.strictEqual(tokenOf(yield* Fiber.join(second)), "token-2")
        yield* TestClock.adjust("1 hour")
        const third = yield* Effect.forkChild(ref.get)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(tokenOf(yield* Fiber.join(third)), "token-3")
        assert.strictEqual(provider.seen.renewals, 2)
      })
    )
  )
})

const call = Schema.Literals(["get", "token", "use", "refused", "adopt", "reload", "logout"])

const fault = Schema.Literals(["none", "away", "lost", "verdict"])

const calls = Schema.Array(call).check(Schema.isMaxLength(6))

/** In milliseconds: nothing, within a renewal, until a pause is over, until the session is due, until it has ended. */
const pause = Schema.Literals([0, 1, 700, 5_000, 70_000, 3_300_000, 3_600_000])

/** Who does what when, what callers do when they are told something, and what the service makes of it. */
const Schedule = Schema.Struct({
  budget: Schema.Int.check(Schema.isBetween({ minimum: 3, maximum: 23 })),
  latency: Schema.Literals([0, 2, 1_000, 9_000]),
  rotates: Schema.Boolean,
  faults: Schema.Array(fault).check(Schema.isMaxLength(6)),
  onEvent: calls,
  within: calls,
  refuses: Schema.Boolean,
  isKeptAlive: Schema.Boolean,
  steps: Schema.Array(Schema.Struct({ call, pause })).check(Schema.isMinLength(1), Schema.isMaxLength(8))
})

/** With so few operations a turn the test clock may move before everybody has had one: it moves often. */
const ends = Effect.fnUntraced(function* (
  fibers: ReadonlyArray<Fiber.Fiber<unknown>>,
  isQuiet: () => boolean = () => true
) {
  const isEnded = () => isQuiet() && fibers.every((fiber) => fiber.pollUnsafe() !== undefined)
  for (let second = 0; second < 600 && !isEnded(); second++) yield* TestClock.adjust("1 second")
  assert.isTrue(isEnded())
})

const failures = {
  away: new ServerError({ ...where, message: "away", status: 500 }),
  lost: TransportError.because(where, new Closed({ message: "closed" })),
  verdict: new InvalidToken({ ...where, message: "revoked" })
}

describe("calling back", () => {
  it.effect.prop(
    "P09: a subscriber of `changes` and an `f` of `use` that call back into the session in any state never hang",
    { schedule: Schedule },
    ({ schedule: { budget, faults, isKeptAlive, latency, onEvent, refuses, rotates, steps, within } }) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { provider, ref } = yield* signedIn({ latency, rotates }).pipe(
          Effect.provideService(Scope.Scope, scope)
        )
        provider.failNext(...faults.flatMap((name) => (name === "none" ? [] : [failures[name]])))
        const session = yield* ref.get

        // Each answers or fails; the calls within calls come to an end.
        const inner = [...within]
        const carriedOut = (name: typeof call.Type): Effect.Effect<unknown> => {
          switch (name) {
            case "get":
            case "token":
            case "reload":
            case "logout":
              return Effect.exit(ref[name])
            case "refused":
              return Effect.exit(
                Effect.flatMap(
                  Effect.orElseSucceed(ref.get, () => session),
                  ref.refused
                )
              )
            case "adopt":
              return Effect.exit(Effect.flatMap(provider.login, ref.adopt))
            case "use":
              return Effect.exit(
                ref.use(() => {
                  const next = inner.pop()
                  const back = next === undefined ? Effect.void : carriedOut(next)
                  return refuses ? Effect.andThen(back, failures.verdict) : back
                })
              )
          }
        }
        const answers = [...onEvent]
        let isAnswering = false
        const told = yield* Effect.forkChild(
          Stream.runForEach(ref.changes, () => {
            const next = answers.pop()
            if (next === undefined) return Effect.void
            isAnswering = true
            return Effect.ensuring(
              carriedOut(next),
              Effect.sync(() => (isAnswering = false))
            )
          })
        )
        yield* settle
        if (isKeptAlive) yield* Effect.provideService(ref.keepAlive, Scope.Scope, scope)

        const fibers: Array<Fiber.Fiber<unknown>> = []
        for (const step of steps) {
          fibers.push(yield* Effect.forkChild(carriedOut(step.call)))
          yield* TestClock.adjust(step.pause)
        }
        answers.length = 0
        yield* ends(fibers, () => !isAnswering)

        // Nor is anything left behind that keeps the next login from being of use.
        yield* ref.adopt(yield* provider.login)
        assert.isTrue(provider.accepts(yield* ref.get))
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* ends([told, closing])
      }).pipe(
        Effect.provideService(Scheduler.MaxOpsBeforeYield, budget),
        Effect.provide(Layer.fresh(SessionStore.layerMemory))
      ),
    { arbitrary: { runs: 400, size: 60 }, timeout: 60_000 }
  )
})
