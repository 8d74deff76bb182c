import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { Robot } from "../src/index.ts"
import { RobotTest, Spot } from "../src/testing.ts"
import { fails } from "../../../test/support/fails.ts"
import { sent } from "./support/sent.ts"

const prompted = { username: "prompted", password: Redacted.make("prompted-horse") }

const right = { BOSDYN_CLIENT_USERNAME: "user", BOSDYN_CLIENT_PASSWORD: "correct-horse" }

const wrong = { ...right, BOSDYN_CLIENT_PASSWORD: "wrong-horse" }

const robot = (environment: Record<string, string> = {}) =>
  Layer.merge(
    RobotTest.layer({ users: { user: "correct-horse", prompted: "prompted-horse" }, rateLimit: Infinity }),
    ConfigProvider.layer(ConfigProvider.fromEnvRecord(environment))
  )

/** Which form each request for a token had. */
const forms = Effect.map(sent, (requests) =>
  requests.map(({ body }) => (body.token === "" ? body.username : "token"))
)

const prompt = Effect.succeed(prompted)

const unwanted = Effect.die("asked for nothing")

describe("authenticate", () => {
  it.effect("robot-48: a held token that is good needs nothing else", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const held = yield* robot.auth(prompted)
      const session = yield* robot.authenticate({ held, prompt: unwanted })
      assert.deepStrictEqual(session.key, held.key)
      assert.deepStrictEqual(yield* forms, ["prompted", "token"])
    }).pipe(Effect.provide(robot(right)))
  )

  it.effect("robot-48: a token from elsewhere is as good", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const { accessToken } = yield* robot.auth(prompted)
      const held = { username: "prompted", token: accessToken ?? Redacted.make("") }
      const session = yield* robot.authenticate({ held, prompt: unwanted })
      assert.strictEqual(session.key.account, "prompted")
    }).pipe(Effect.provide(robot()))
  )

  it.effect("robot-48: after a held token was refused the environment is next", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const held = yield* robot.auth(prompted)
      yield* spot.revokeTokens
      const session = yield* robot.authenticate({ held, prompt: unwanted })
      assert.strictEqual(session.key.account, "user")
      assert.deepStrictEqual(yield* forms, ["prompted", "token", "user"])
    }).pipe(Effect.provide(robot(right)))
  )

  it.effect("robot-48: any other failure of the held token is the end", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const held = yield* robot.auth(prompted)
      yield* spot.replace("BD-other")
      yield* fails("FailedPrecondition", robot.authenticate({ held, prompt: unwanted }))
      yield* fails(
        "InvalidRequest",
        robot.authenticate({ held: { username: "user", token: Redacted.make("a\nb") }, prompt: unwanted })
      )
      assert.deepStrictEqual(yield* forms, ["prompted"])
    }).pipe(Effect.provide(robot(right)))
  )

  it.effect("robot-48: a refusal of the environment is not followed by a prompt", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      yield* fails("InvalidLogin", robot.authenticate({ prompt: unwanted }))
      assert.deepStrictEqual(yield* forms, ["user"])
    }).pipe(Effect.provide(robot(wrong)))
  )

  for (const environment of [
    {},
    { BOSDYN_CLIENT_USERNAME: "user" },
    { BOSDYN_CLIENT_PASSWORD: "correct-horse" },
    { ...right, BOSDYN_CLIENT_USERNAME: "" },
    { ...right, BOSDYN_CLIENT_PASSWORD: "" }
  ]) {
    it.effect(`robot-48: one of the two variables is as good as none: ${JSON.stringify(environment)}`, () =>
      Effect.gen(function* () {
        const robot = yield* Robot
        const session = yield* robot.authenticate({ prompt })
        assert.strictEqual(session.key.account, "prompted")
        assert.deepStrictEqual(yield* forms, ["prompted"])
        yield* fails("NotAuthenticated", robot.authenticate())
        assert.deepStrictEqual(yield* forms, ["prompted"])
      }).pipe(Effect.provide(robot(environment)))
    )
  }

  it.effect("robot-48: empty is as good as none, wherever the configuration comes from", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      for (const empty of [{ BOSDYN_CLIENT_USERNAME: "" }, { BOSDYN_CLIENT_PASSWORD: "" }]) {
        const provider = ConfigProvider.fromUnknown({ ...right, ...empty }, { preserveEmptyStrings: true })
        const session = yield* Effect.provide(robot.authenticate({ prompt }), ConfigProvider.layer(provider))
        assert.strictEqual(session.key.account, "prompted")
      }
    }).pipe(Effect.provide(robot()))
  )

  it.effect("a prompt that fails is the failure", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      assert.strictEqual(
        yield* Effect.flip(robot.authenticate({ prompt: Effect.fail("no terminal" as const) })),
        "no terminal"
      )
    }).pipe(Effect.provide(robot()))
  )
})
