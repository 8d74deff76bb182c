import { expectTypeOf, test } from "@effect/vitest"
import type {
  ExpiredApplicationToken,
  FailedPrecondition,
  InvalidApplicationToken,
  InvalidLogin,
  InvalidRequest,
  InvalidResponse,
  InvalidToken,
  NotAuthenticated,
  PermissionDenied,
  Provider,
  ServerError,
  Session,
  TemporarilyLockedOut,
  TransportError
} from "@latchkey/core"
import type { Config, Effect, FileSystem, Layer } from "effect"
import { type Credentials, Robot, type RobotId, type RobotService } from "../src/index.ts"
import { RobotEmulator, RobotTest, type Spot } from "../src/testing.ts"

type Service = Robot["Service"]

type Call = TransportError | ServerError | InvalidRequest | InvalidResponse | InvalidToken | PermissionDenied

type SignIn =
  | Call
  | FailedPrecondition
  | InvalidLogin
  | TemporarilyLockedOut
  | InvalidApplicationToken
  | ExpiredApplicationToken

const call = (robot: Service, session: Session, service: RobotService<string, number>) =>
  robot.call(session, service, "input")

const alone = (robot: Service) => robot.authenticate()

const prompted = (robot: Service, prompt: Effect.Effect<Credentials, "no terminal", FileSystem.FileSystem>) =>
  robot.authenticate({ prompt })

test("each operation says how it can fail", () => {
  expectTypeOf<ReturnType<Service["auth"]>>().toEqualTypeOf<Effect.Effect<Session, SignIn>>()
  expectTypeOf<ReturnType<Service["authWithToken"]>>().toEqualTypeOf<Effect.Effect<Session, SignIn>>()
  expectTypeOf<ReturnType<Service["refresh"]>>().toEqualTypeOf<Effect.Effect<Session, SignIn>>()
  expectTypeOf<ReturnType<Service["logout"]>>().toEqualTypeOf<Effect.Effect<"NotRevocable">>()
  expectTypeOf<Service["robotId"]>().toEqualTypeOf<Effect.Effect<RobotId, Call>>()
  expectTypeOf<ReturnType<Service["robotIdWith"]>>().toEqualTypeOf<
    Effect.Effect<RobotId, Call | FailedPrecondition>
  >()
})

test("a call fails like any other, whatever it carries", () => {
  expectTypeOf(call).returns.toEqualTypeOf<Effect.Effect<number, Call | FailedPrecondition>>()
})

test("authenticate also fails as the prompt does, and needs what it needs", () => {
  expectTypeOf(alone).returns.toEqualTypeOf<Effect.Effect<Session, SignIn | NotAuthenticated>>()
  expectTypeOf(prompted).returns.toEqualTypeOf<
    Effect.Effect<Session, SignIn | NotAuthenticated | "no terminal", FileSystem.FileSystem>
  >()
})

test("it is a provider, whose logout cannot fail", () => {
  expectTypeOf<Service>().toExtend<Provider<SignIn>>()
})

test("layers", () => {
  expectTypeOf(Robot.layer).returns.toEqualTypeOf<Layer.Layer<Robot, InvalidRequest>>()
  expectTypeOf(Robot.layerConfig).returns.toEqualTypeOf<
    Layer.Layer<Robot, InvalidRequest | Config.ConfigError>
  >()
  expectTypeOf(Robot.rootCertificates).returns.toEqualTypeOf<
    Effect.Effect<string, InvalidRequest, FileSystem.FileSystem>
  >()
  expectTypeOf(RobotTest.layer).returns.toEqualTypeOf<Layer.Layer<Robot | Spot, InvalidRequest>>()
  expectTypeOf(RobotEmulator.layer).returns.toEqualTypeOf<
    Layer.Layer<Robot | Spot | RobotEmulator, InvalidRequest>
  >()
})
