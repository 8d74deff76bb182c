import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { GetAuthTokenResponse } from "../src/gen/bosdyn/api/auth.ts"
import { RobotIdResponse } from "../src/gen/bosdyn/api/robot_id.ts"
import * as Answer from "../src/internal/answer.ts"
import * as Identity from "../src/internal/identity.ts"
import { fails } from "../../../test/support/fails.ts"
import { answer } from "./support/wire.ts"

const where: Answer.Where = { provider: "robot", instance: "BD-1" }

const judge = (response: Parameters<typeof answer>[0]) =>
  Answer.token(where, [], GetAuthTokenResponse.decode(answer(response)))

const id = (serialNumber: string, header: 0 | 1 = 1) =>
  RobotIdResponse.fromPartial({ header: { error: { code: header } }, robotId: { serialNumber } })

const code = (error: { readonly code?: number }) => error.code

describe("the answer table", () => {
  it.effect("robot-10: header OK, status 1, token: that very string", () =>
    Effect.gen(function* () {
      for (const token of ["a.b.c", "!~", "x".repeat(16_384), 'not-a-jwt{}"\\']) {
        assert.strictEqual(Redacted.value(yield* judge({ header: 1, status: 1, token })), token)
      }
    })
  )

  it.effect("robot-11: statuses 2, 3 and 4 are three tags", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* fails("InvalidLogin", judge({ header: 1, status: 2 }))).factor, "password")
      yield* fails("InvalidToken", judge({ header: 1, status: 3 }))
      const locked = yield* fails("TemporarilyLockedOut", judge({ header: 1, status: 4 }))
      assert.strictEqual(Duration.toSeconds(locked.retryAfter), 60)
      assert.isFalse(locked.isRetryable)
    })
  )

  it.effect("robot-12: status 0 is unset", () =>
    Effect.gen(function* () {
      const error = yield* fails("ServerError", judge({ header: 1, status: 0, token: "a.b.c" }))
      assert.strictEqual(error.status, 0)
      assert.isTrue(error.isRetryable)
    })
  )

  it.effect("robot-13: a header that is absent, empty or code 0 is unset, whatever is beside it", () =>
    Effect.gen(function* () {
      for (const header of [undefined, "empty", 0] as const) {
        const error = yield* fails("ServerError", judge({ header, status: 1, token: "a.b.c" }))
        assert.strictEqual(error.status, 0)
      }
    })
  )

  it.effect("robot-14: header code 2 is the server's failure, with its text", () =>
    Effect.gen(function* () {
      const error = yield* fails(
        "ServerError",
        judge({ header: 2, text: "out of\u0007 juice\r\n", status: 1, token: "a.b.c" })
      )
      assert.strictEqual(error.status, 2)
      assert.isTrue(error.message.endsWith("out of juice"))
      assert.notInclude(error.message, "a.b.c")
    })
  )

  it.effect("robot-14: a header error comes before any status", () =>
    Effect.gen(function* () {
      for (const status of [0, 2, 3, 4, 5, 6, 99]) {
        assert.strictEqual((yield* fails("ServerError", judge({ header: 2, status }))).status, 2)
        yield* fails("InvalidRequest", judge({ header: 3, status }))
      }
    })
  )

  it.effect("robot-15: header code 3 is InvalidRequest; others are InvalidResponse and keep the number", () =>
    Effect.gen(function* () {
      yield* fails("InvalidRequest", judge({ header: 3, text: "no", status: 1, token: "a.b.c" }))
      for (const header of [77, -1, 2 ** 31 - 1]) {
        assert.strictEqual(
          code(yield* fails("InvalidResponse", judge({ header, status: 1, token: "t" }))),
          header
        )
      }
    })
  )

  it.effect("robot-16: statuses 5 and 6 have names, others are InvalidResponse and keep the number", () =>
    Effect.gen(function* () {
      yield* fails("InvalidApplicationToken", judge({ header: 1, status: 5 }))
      yield* fails("ExpiredApplicationToken", judge({ header: 1, status: 6 }))
      for (const status of [7, 99, -1, -(2 ** 31)]) {
        assert.strictEqual(
          code(yield* fails("InvalidResponse", judge({ header: 1, status, token: "t" }))),
          status
        )
      }
    })
  )

  it.effect("robot-17: a token beside a refusal is ignored", () =>
    Effect.gen(function* () {
      const error = yield* fails("InvalidLogin", judge({ header: 1, status: 2, token: "a.b.c" }))
      assert.notInclude(JSON.stringify(error), "a.b.c")
    })
  )

  it.effect("robot-18: success with an empty token is no session", () =>
    Effect.gen(function* () {
      assert.strictEqual(code(yield* fails("InvalidResponse", judge({ header: 1, status: 1 }))), 1)
    })
  )

  it.effect("success with a token that cannot be sent back is no session", () =>
    Effect.gen(function* () {
      for (const token of ["x".repeat(16_385), "a\nb", "a b", "tök", "a\r", "\u0000", "a\u007f"]) {
        yield* fails("InvalidResponse", judge({ header: 1, status: 1, token }))
      }
    })
  )

  it.effect("robot-19: an empty message is unset", () =>
    Effect.gen(function* () {
      const response = GetAuthTokenResponse.decode(new Uint8Array())
      assert.strictEqual((yield* fails("ServerError", Answer.token(where, [], response))).status, 0)
    })
  )

  it.effect("errors name whom they are about", () =>
    Effect.gen(function* () {
      for (const status of [0, 2, 3, 4, 5, 6, 99]) {
        const error = yield* Effect.flip(judge({ header: 1, status }))
        assert.deepStrictEqual([error.provider, error.instance], ["robot", "BD-1"])
      }
    })
  )

  it.effect("a robot without a usable serial number is nobody", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Identity.robotId(where, [], id("BD-1"))).serialNumber, "BD-1")
      for (const serialNumber of [
        "",
        "a\nb",
        "a\u2028b",
        "../../x",
        "a/b",
        "a\\b",
        "..",
        ".hidden",
        "a:b",
        "x".repeat(101)
      ]) {
        yield* fails("InvalidResponse", Identity.robotId(where, [], id(serialNumber)))
      }
      yield* fails("InvalidResponse", Identity.robotId(where, [], { ...id("BD-1"), robotId: undefined }))
      assert.strictEqual((yield* fails("ServerError", Identity.robotId(where, [], id("BD-1", 0)))).status, 0)
    })
  )

  it.effect("what else a robot says of itself can be shown", () =>
    Effect.gen(function* () {
      const evil = "\u001b[31mspot\u0007\r\n\u202e"
      const response = RobotIdResponse.fromPartial({
        header: { error: { code: 1 } },
        robotId: {
          serialNumber: "BD-1",
          species: evil,
          version: evil,
          nickname: evil + "x".repeat(1000),
          computerSerialNumber: evil,
          softwareRelease: { name: evil, type: evil }
        }
      })
      const id = yield* Identity.robotId(where, [], response)
      assert.notMatch(JSON.stringify(id), /\\u|\\r|\\n|\p{C}/u)
      assert.include(id.nickname, "spot")
      assert.isAtMost(id.nickname.length, 200)
      assert.strictEqual(id.softwareRelease?.name, id.species)
    })
  )
})
