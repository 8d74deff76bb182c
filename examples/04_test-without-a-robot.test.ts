import { assert, it } from "@effect/vitest"
import { SessionRef, SessionStore } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { RobotTest } from "@latchkey/robot/testing"
import { Effect, Equal, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"

const layer = Layer.merge(RobotTest.layer(), SessionStore.layerMemory)

it.effect("an hour later the token is another one", () =>
  Effect.gen(function* () {
    const robot = yield* Robot
    const session = yield* robot.auth({ username: "user", password: Redacted.make("correct-horse") })
    const live = yield* SessionRef.make(robot, session)
    const first = yield* live.token
    yield* TestClock.adjust("1 hour")
    assert.isFalse(Equal.equals(yield* live.token, first))
  }).pipe(Effect.scoped, Effect.provide(layer))
)
