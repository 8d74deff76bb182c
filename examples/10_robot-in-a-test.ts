import { Robot } from "@latchkey/robot"
import { RobotTest, Spot } from "@latchkey/robot/testing"
import { Effect, Redacted } from "effect"

export const aWrongPassword = Effect.gen(function* () {
  const robot = yield* Robot
  const spot = yield* Spot
  yield* spot.addUser("ops", Redacted.make("correct-horse"))
  return yield* Effect.flip(robot.auth({ username: "ops", password: Redacted.make("wrong-horse") }))
}).pipe(Effect.provide(RobotTest.layer()))
