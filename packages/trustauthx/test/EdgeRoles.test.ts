import { assert, describe, it } from "@effect/vitest"
import { InvalidRequest, InvalidResponse, ServerError, TransportError } from "@latchkey/core/AuthError"
import { ConnectionFailed } from "@latchkey/core/TransportError"
import { Deferred, Duration, Effect, Exit, Fiber, Option, Queue, Scheduler, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { fails } from "../../../test/support/fails.ts"
import * as Edge from "../src/internal/edge.ts"
import { fill } from "../src/internal/memoryRoles.ts"
import { Role } from "../src/Role.ts"
import type { RoleError } from "../src/TrustAuthXRoles.ts"

const where = { provider: "trustauthx", instance: "test", message: "" }
const down = new ServerError({ ...where, status: 500 })
const lost = TransportError.because(where, new ConnectionFailed({ message: "" }))
const garbled = new InvalidResponse(where)
const refused = new InvalidRequest({ ...where, field: "rolId" })

/** That many roles, each permitting `v` to be the value. */
const roles = (count: number, v = "1"): ReadonlyArray<Role> =>
  Array.from(
    { length: count },
    (_, index) => new Role({ orgId: "o", rolId: `r${index}`, name: "", permissions: [{ v }] })
  )

type Outcome = Exit.Exit<ReadonlyArray<Role>, RoleError>

/** An edge whose loads wait until the test answers them, in turn. */
const make = Effect.fnUntraced(function* () {
  const waiting = yield* Queue.unbounded<Deferred.Deferred<ReadonlyArray<Role>, RoleError>>()
  const seen = { begun: 0, interrupted: 0 }
  const load = Effect.gen(function* () {
    seen.begun++
    const answer = yield* Deferred.make<ReadonlyArray<Role>, RoleError>()
    yield* Queue.offer(waiting, answer)
    return yield* Effect.onInterrupt(Deferred.await(answer), () =>
      Effect.sync(() => {
        seen.interrupted++
      })
    )
  })
  const edge = yield* Edge.make({ load, fill })
  const answer = (outcome: Outcome) =>
    Effect.flatMap(Queue.take(waiting), (deferred) => Deferred.done(deferred, outcome))
  return { edge, seen, answer, give: (count: number, v?: string) => answer(Exit.succeed(roles(count, v))) }
})

/** Lets whatever can run come to rest. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

const loaded = Effect.fnUntraced(function* (count: number) {
  const made = yield* make()
  const first = yield* Effect.forkChild(made.edge.copy)
  yield* made.give(count)
  yield* Fiber.join(first)
  return made
})

describe("the edge copy", () => {
  it.effect("trustauthx-54: eight who need it at once cause one load", () =>
    Effect.gen(function* () {
      const { edge, give, seen } = yield* make()
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 8 }, () => edge.copy),
          { concurrency: "unbounded" }
        )
      )
      yield* give(3)
      const copies = yield* Fiber.join(all)
      assert.deepStrictEqual(
        copies.map(({ countRoles }) => countRoles),
        [3, 3, 3, 3, 3, 3, 3, 3]
      )
      assert.strictEqual(seen.begun, 1)
    })
  )

  it.effect("S26: what is not known is not allowed, and where nothing is known there is no answer", () =>
    Effect.gen(function* () {
      const { answer, edge, give } = yield* make()
      const unknown = yield* Effect.forkChild(Effect.flip(edge.copy))
      yield* settle
      yield* answer(Exit.fail(down))
      assert.strictEqual((yield* Fiber.join(unknown))._tag, "ServerError")
      const known = yield* Effect.forkChild(edge.copy)
      yield* settle
      yield* give(1)
      const copy = yield* Fiber.join(known)
      assert.isFalse(copy.validate("nobody", "v", undefined))
      assert.isFalse(copy.validate("r0", "w", undefined))
      assert.isFalse(copy.validate("r0", "v", "another value"))
      assert.isFalse(copy.validate("", "", undefined))
    })
  )

  it.effect("nothing is loaded before it is needed", () =>
    Effect.gen(function* () {
      const { edge, seen } = yield* make()
      yield* edge.noticed("5")
      yield* edge.changing(Effect.succeed("changed"))
      yield* fails("ServerError", edge.changing(Effect.fail(down)))
      yield* settle
      assert.strictEqual(seen.begun, 0)
      assert.isTrue(Option.isNone(yield* edge.age))
    })
  )

  it.effect("one who waits and goes away does not cancel the load for the others", () =>
    Effect.gen(function* () {
      const { edge, give, seen } = yield* make()
      const first = yield* Effect.forkChild(edge.copy)
      yield* settle
      const second = yield* Effect.forkChild(edge.copy)
      yield* settle
      yield* Fiber.interrupt(first)
      yield* give(2)
      assert.strictEqual((yield* Fiber.join(second)).countRoles, 2)
      assert.deepStrictEqual(seen, { begun: 1, interrupted: 0 })
    })
  )

  it.effect("all who want it again while a load is under way share the next one", () =>
    Effect.gen(function* () {
      const { edge, give, seen } = yield* loaded(1)
      const current = yield* Effect.forkChild(edge.reload)
      yield* settle
      const next = yield* Effect.forkChild(Effect.all([edge.reload, edge.reload], { concurrency: 2 }))
      yield* settle
      yield* give(2)
      yield* give(3)
      assert.strictEqual((yield* Fiber.join(current)).countRoles, 2)
      assert.deepStrictEqual(
        (yield* Fiber.join(next)).map(({ countRoles }) => countRoles),
        [3, 3]
      )
      assert.strictEqual(seen.begun, 3)
    })
  )

  it.effect("a failed first load is the error of all who wait, and is not kept", () =>
    Effect.gen(function* () {
      const { answer, edge, give, seen } = yield* make()
      const both = yield* Effect.forkChild(
        Effect.all([Effect.flip(edge.copy), Effect.flip(edge.copy)], { concurrency: 2 })
      )
      yield* answer(Exit.fail(down))
      assert.deepStrictEqual(yield* Fiber.join(both), [down, down])
      const again = yield* Effect.forkChild(edge.copy)
      yield* give(1)
      assert.strictEqual((yield* Fiber.join(again)).countRoles, 1)
      assert.strictEqual(seen.begun, 2)
    })
  )

  it.effect("an organization without roles is loaded once", () =>
    Effect.gen(function* () {
      const { edge, seen } = yield* loaded(0)
      yield* edge.copy
      yield* edge.noticed("0")
      yield* settle
      assert.strictEqual(seen.begun, 1)
    })
  )

  describe("what X-EDGE says", () => {
    it.effect("trustauthx-51: what is no count changes nothing", () =>
      Effect.gen(function* () {
        const { edge, seen } = yield* loaded(3)
        const odd = [
          undefined,
          "",
          "abc",
          "-1",
          "+4",
          " 4",
          "4 ",
          "4.0",
          "4e1",
          "0x4",
          "4,5",
          "٤",
          "9".repeat(400)
        ]
        yield* Effect.forEach(odd, (header) => edge.noticed(header))
        yield* settle
        assert.strictEqual(seen.begun, 1)
      })
    )

    it.effect("trustauthx-50: the number that is held changes nothing, another one causes one load", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* edge.noticed("3")
        yield* edge.noticed("003")
        yield* settle
        assert.strictEqual(seen.begun, 1)
        yield* edge.noticed("4")
        yield* settle
        assert.strictEqual(edge.held()?.countRoles, 3)
        yield* give(4)
        yield* settle
        assert.strictEqual(edge.held()?.countRoles, 4)
        assert.strictEqual(seen.begun, 2)
      })
    )

    it.effect("trustauthx-51: 0 is a count", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* edge.noticed("0")
        yield* give(0)
        yield* settle
        assert.deepStrictEqual([edge.held()?.countRoles, seen.begun], [0, 2])
      })
    )

    it.effect("trustauthx-51: a number that stays wrong causes one load each time, and no loop", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* edge.noticed("99")
        yield* give(3)
        yield* settle
        assert.strictEqual(seen.begun, 2)
        yield* edge.noticed("99")
        yield* give(3)
        yield* settle
        assert.strictEqual(seen.begun, 3)
      })
    )

    it.effect("a number that comes while a load is under way is compared with what that brings", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* edge.noticed("4")
        yield* edge.noticed("4")
        yield* give(4)
        yield* settle
        assert.strictEqual(seen.begun, 2)
        yield* edge.noticed("5")
        yield* edge.noticed("6")
        yield* edge.noticed("6")
        yield* give(5)
        yield* settle
        assert.strictEqual(seen.begun, 4)
        yield* give(6)
        yield* settle
        assert.deepStrictEqual([edge.held()?.countRoles, seen.begun], [6, 4])
      })
    )

    it.effect("a wrong number that comes while a load is under way causes one more, and no loop", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* edge.noticed("99")
        yield* edge.noticed("99")
        yield* give(3)
        yield* settle
        yield* give(3)
        yield* settle
        assert.strictEqual(seen.begun, 3)
      })
    )

    it.effect("a number that comes while the first load is under way counts, too", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* make()
        const first = yield* Effect.forkChild(edge.copy)
        yield* settle
        yield* edge.noticed("2")
        yield* give(1)
        yield* Fiber.join(first)
        yield* give(2)
        yield* settle
        assert.deepStrictEqual([edge.held()?.countRoles, seen.begun], [2, 2])
      })
    )

    it.effect(
      "trustauthx-52: a renewal that fails leaves the old copy, and is owed: the next number causes another",
      () =>
        Effect.gen(function* () {
          const { answer, edge, give, seen } = yield* loaded(3)
          const own = yield* Effect.forkChild(edge.changing(Effect.succeed("changed")))
          yield* answer(Exit.fail(down))
          assert.strictEqual(yield* Fiber.join(own), "changed")
          assert.strictEqual((yield* edge.copy).countRoles, 3)
          yield* edge.noticed("3")
          yield* give(3, "new")
          yield* settle
          assert.isTrue((yield* edge.copy).validate("r0", "v", "new"))
          yield* edge.noticed("3")
          yield* settle
          assert.strictEqual(seen.begun, 3)
        })
    )
  })

  describe("a change of our own", () => {
    it.effect("is followed by one load, whatever number its answer brought, and waits for it", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        const own = yield* Effect.forkChild(edge.changing(Effect.as(edge.noticed("4"), "changed")))
        yield* settle
        assert.isUndefined(own.pollUnsafe())
        yield* give(4)
        assert.strictEqual(yield* Fiber.join(own), "changed")
        assert.strictEqual(edge.held()?.countRoles, 4)
        yield* settle
        assert.strictEqual(seen.begun, 2)
      })
    )

    it.effect("is not seen by a load that began before it: another one follows", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* edge.noticed("4")
        const own = yield* Effect.forkChild(edge.changing(Effect.void))
        yield* settle
        yield* give(4, "old")
        yield* settle
        assert.isUndefined(own.pollUnsafe())
        yield* give(4, "new")
        yield* Fiber.join(own)
        assert.isTrue(edge.held()?.validate("r0", "v", "new"))
        assert.strictEqual(seen.begun, 3)
      })
    )

    it.effect("is not seen by the first load either, where that began before it", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* make()
        const first = yield* Effect.forkChild(edge.copy)
        yield* settle
        const own = yield* Effect.forkChild(edge.changing(Effect.void))
        yield* settle
        yield* give(3, "old")
        assert.isTrue((yield* Fiber.join(first)).validate("r0", "v", "old"))
        yield* give(3, "new")
        yield* Fiber.join(own)
        assert.isTrue(edge.held()?.validate("r0", "v", "new"))
        assert.strictEqual(seen.begun, 2)
      })
    )

    it.effect("that was refused is not followed by a load, unless its answer brought another number", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* fails("InvalidRequest", edge.changing(Effect.fail(refused)))
        yield* fails("InvalidRequest", edge.changing(Effect.andThen(edge.noticed("3"), Effect.fail(refused))))
        yield* settle
        assert.strictEqual(seen.begun, 1)
        yield* fails("InvalidRequest", edge.changing(Effect.andThen(edge.noticed("2"), Effect.fail(refused))))
        yield* give(2)
        yield* settle
        assert.deepStrictEqual([edge.held()?.countRoles, seen.begun], [2, 2])
      })
    )

    it.effect("that may have been made is followed by a load that nobody waits for", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        for (const error of [lost, down, garbled]) {
          const { begun } = seen
          yield* fails(error._tag, edge.changing(Effect.fail(error)))
          yield* give(3)
          yield* settle
          assert.strictEqual(seen.begun, begun + 1)
        }
        const { begun } = seen
        const own = yield* Effect.forkChild(edge.changing(Effect.never))
        yield* settle
        yield* Fiber.interrupt(own)
        yield* give(3)
        yield* settle
        assert.strictEqual(seen.begun, begun + 1)
      })
    )

    it.effect("that was made is followed by a load, wherever its caller is interrupted", () =>
      Effect.gen(function* () {
        let interrupted = 0
        for (let moment = 0; moment < 60; moment++) {
          const { edge, seen } = yield* loaded(3)
          let made = false
          const change = Effect.sync(() => {
            made = true
          })
          const own = yield* edge
            .changing(change)
            .pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, 5), Effect.forkChild)
          for (let turn = 0; turn < moment; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(own)
          yield* settle
          if (made) interrupted++
          assert.isAtLeast(seen.begun, made ? 2 : 1, `moment ${moment}`)
        }
        assert.isAbove(interrupted, 0)
      })
    )
  })

  describe("age", () => {
    const minute = Duration.minutes(1)

    it.effect("P34: counts from when the load began", () =>
      Effect.gen(function* () {
        const { edge, give } = yield* make()
        const first = yield* Effect.forkChild(edge.copy)
        yield* settle
        yield* TestClock.adjust("3 seconds")
        yield* give(1)
        yield* Fiber.join(first)
        assert.strictEqual(Duration.toMillis(Option.getOrThrow(yield* edge.age)), 3000)
      })
    )

    it.effect("P34: a copy of exactly that age will do, and one that is a tick older is loaded again", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* TestClock.adjust("1 minute")
        yield* edge.within(minute)
        assert.strictEqual(seen.begun, 1)
        yield* TestClock.adjust(1)
        const young = yield* Effect.forkChild(edge.within(minute))
        yield* give(2)
        assert.strictEqual((yield* Fiber.join(young)).countRoles, 2)
        assert.strictEqual(seen.begun, 2)
      })
    )

    it.effect("P34: where that load fails, the old copy is no answer, and stays", () =>
      Effect.gen(function* () {
        const { answer, edge } = yield* loaded(3)
        yield* TestClock.adjust("1 hour")
        const young = yield* Effect.forkChild(Effect.flip(edge.within(minute)))
        yield* answer(Exit.fail(lost))
        assert.strictEqual(yield* Fiber.join(young), lost)
        assert.strictEqual((yield* edge.copy).countRoles, 3)
      })
    )

    it.effect("P34: a load that began in time is shared, and one that began too early is not", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        yield* TestClock.adjust("1 hour")
        yield* edge.noticed("4")
        yield* TestClock.adjust("1 minute")
        const shared = yield* Effect.forkChild(edge.within(minute))
        yield* settle
        yield* TestClock.adjust(1)
        const late = yield* Effect.forkChild(edge.within(minute))
        yield* settle
        yield* give(4)
        assert.strictEqual((yield* Fiber.join(shared)).countRoles, 4)
        yield* settle
        assert.isUndefined(late.pollUnsafe())
        yield* give(5)
        assert.strictEqual((yield* Fiber.join(late)).countRoles, 5)
        assert.strictEqual(seen.begun, 3)
      })
    )

    it.effect("P34: 0 asks each time, within one millisecond too", () =>
      Effect.gen(function* () {
        const { edge, give, seen } = yield* loaded(3)
        for (const v of ["2", "3"]) {
          const asked = yield* Effect.forkChild(edge.within(Duration.zero))
          yield* give(3, v)
          assert.isTrue((yield* Fiber.join(asked)).validate("r0", "v", v))
        }
        assert.strictEqual(seen.begun, 3)
        yield* edge.noticed("4")
        const late = yield* Effect.forkChild(edge.within(Duration.zero))
        yield* settle
        yield* give(4, "before")
        yield* give(4, "after")
        assert.isTrue((yield* Fiber.join(late)).validate("r0", "v", "after"))
      })
    )

    it.effect("P34: a clock that was set back makes no copy young", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2030, 0, 1))
        const { edge, give, seen } = yield* loaded(3)
        yield* TestClock.setTime(Date.UTC(2029, 0, 1))
        assert.strictEqual(Duration.toMillis(Option.getOrThrow(yield* edge.age)), 0)
        const young = yield* Effect.forkChild(edge.within(minute))
        yield* give(3)
        yield* Fiber.join(young)
        assert.strictEqual(seen.begun, 2)
      })
    )
  })

  describe("changes", () => {
    it.effect("P34: tell of each copy that took the place of another, and end with the scope", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { edge, give } = yield* Scope.provide(make(), scope)
        const heard: Array<number> = []
        const reading = yield* Effect.forkChild(
          Stream.runForEach(edge.changes, ({ countRoles }) => Effect.sync(() => heard.push(countRoles)))
        )
        yield* settle
        const first = yield* Effect.forkChild(edge.copy)
        yield* give(1)
        yield* Fiber.join(first)
        yield* settle
        yield* edge.noticed("2")
        yield* give(2)
        yield* settle
        assert.deepStrictEqual(heard, [1, 2])
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.join(reading)
        yield* Stream.runDrain(edge.changes)
      })
    )

    it.effect("P34: a slow reader gets the latest, keeps no load waiting, and neither does the end", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { edge, give } = yield* Scope.provide(make(), scope)
        const renewed = Effect.fnUntraced(function* (count: number) {
          const renewal = yield* Effect.forkChild(edge.reload)
          yield* give(count)
          yield* Fiber.join(renewal)
        })
        const gate = yield* Deferred.make<void>()
        const heard: Array<number> = []
        const reading = yield* edge.changes.pipe(
          Stream.runForEach(({ countRoles }) => {
            heard.push(countRoles)
            return Deferred.await(gate)
          }),
          Effect.forkChild
        )
        yield* settle
        yield* renewed(1)
        yield* settle
        for (const count of [2, 3, 4]) yield* renewed(count)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(heard, [1])
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(reading)
        assert.deepStrictEqual(heard, [1, 4])
      })
    )
  })

  it.effect("a load is nobody's child: whoever built the layer, and whoever waits, has another span", () =>
    Effect.gen(function* () {
      let parent: unknown
      const load = Effect.map(Effect.orDie(Effect.currentSpan), (span) => {
        parent = Option.getOrUndefined(span.parent)
        return roles(1)
      })
      const edge = yield* Effect.withSpan(Edge.make({ load, fill }), "building")
      yield* Effect.withSpan(edge.copy, "waiting")
      assert.isUndefined(parent)
    })
  )

  it.effect("no load outlives the scope, and none begins after it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { edge, seen } = yield* Scope.provide(make(), scope)
      const waiting = yield* Effect.forkChild(Effect.exit(edge.copy))
      yield* settle
      const booked = yield* Effect.forkChild(Effect.exit(edge.reload))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.join(waiting)))
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.join(booked)))
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(edge.reload)))
      assert.deepStrictEqual(seen, { begun: 1, interrupted: 1 })
    })
  )
})
