import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Accounts from "../src/testing/internal/accounts.ts"

const [OK, INVALID_LOGIN, LOCKED_OUT] = [1, 2, 4]

const steps = Schema.Array(
  Schema.Literals(["right", "wrong", "wrong", "wrong", "59 s", "1 s", "restart"])
).check(Schema.isMinLength(12), Schema.isMaxLength(60))

const accounts = () => {
  const made = Accounts.make({ serialNumber: "BD-1", tokenLifeMillis: 3_600_000, clockOffset: () => 0 })
  made.setPassword("user", "right")
  return made
}

describe("the accounts of a simulated robot", () => {
  it.effect.prop(
    "six failures in a row lock for a minute, a success or a restart forgets them",
    { steps },
    ({ steps }) =>
      Effect.sync(() => {
        const robot = accounts()
        let now = 0
        let inARow = 0
        let lockedUntil = 0
        for (const step of steps) {
          if (step === "59 s" || step === "1 s") now += step === "1 s" ? 1000 : 59_000
          else if (step === "restart") {
            robot.restart()
            inARow = lockedUntil = 0
          } else {
            const { status } = robot.login(now, "user", step)
            if (now < lockedUntil) assert.strictEqual(status, LOCKED_OUT)
            else if (step === "right") {
              assert.strictEqual(status, OK)
              inARow = 0
            } else {
              assert.strictEqual(status, INVALID_LOGIN)
              if (++inARow === 6) [inARow, lockedUntil] = [0, now + 60_000]
            }
          }
        }
      })
  )

  it("each token differs, ends to the millisecond, and is of one robot", () => {
    const robot = accounts()
    const tokens = new Set<string>()
    for (let index = 0; index < 100; index++) {
      const verdict = robot.login(0, "user", "right")
      if (verdict.status === OK && "token" in verdict) tokens.add(verdict.token)
    }
    assert.strictEqual(tokens.size, 100)
    const [token = ""] = tokens
    assert.isTrue(robot.accepts(3_599_999, token))
    assert.isFalse(robot.accepts(3_600_000, token))
    robot.become("BD-2")
    assert.isFalse(robot.accepts(0, token))
    robot.become("BD-1")
    assert.isTrue(robot.accepts(0, token))
  })
})
