import { assert, it } from "@effect/vitest"
import { Robot } from "@latchkey/robot"
import { RobotTest } from "@latchkey/robot/testing"
import { Canary } from "@latchkey/testing"
import { Effect } from "effect"

it.effect("a refused password is nowhere to be found", () =>
  Effect.gen(function* () {
    const robot = yield* Robot
    const password = Canary.make("password")
    const error = yield* Effect.flip(robot.auth({ username: "user", password: password.redacted }))
    assert.strictEqual(error._tag, "InvalidLogin")
    Canary.assertAbsent([password], error)
    yield* Canary.assertNoneCaptured([password])
  }).pipe(Effect.provide([RobotTest.layer(), Canary.capture]))
)
