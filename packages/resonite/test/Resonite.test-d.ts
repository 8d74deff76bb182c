import { expectTypeOf, test } from "@effect/vitest"
import type {
  FailedPrecondition,
  InvalidLogin,
  InvalidRequest,
  InvalidResponse,
  Provider,
  ServerError,
  Session,
  TransportError
} from "@latchkey/core"
import type { Config, DateTime, Effect, Layer, Option, Result, Stream } from "effect"
import { AuthStatus, Resonite, ResoniteSocket } from "../src/index.ts"
import { type Game, ResoniteEmulator, ResoniteTest } from "../src/testing.ts"

type Service = Resonite["Service"]

type Call = TransportError | ServerError | InvalidRequest | InvalidResponse | FailedPrecondition

type Login = Call | InvalidLogin

test("each operation says how it can fail", () => {
  expectTypeOf<ReturnType<Service["login"]>>().toEqualTypeOf<Effect.Effect<AuthStatus, Login>>()
  expectTypeOf<ReturnType<Service["signIn"]>>().toEqualTypeOf<Effect.Effect<Session, Login>>()
  expectTypeOf<ReturnType<Service["logout"]>>().toEqualTypeOf<Effect.Effect<AuthStatus, Call>>()
  expectTypeOf<ReturnType<Service["status"]>>().toEqualTypeOf<Effect.Effect<AuthStatus, Call>>()
  expectTypeOf<ReturnType<typeof ResoniteSocket.find>>().toEqualTypeOf<
    Effect.Effect<string, TransportError>
  >()
})

test("changes never fail, and need nothing", () => {
  expectTypeOf<ReturnType<Service["changes"]>>().toEqualTypeOf<
    Stream.Stream<Result.Result<AuthStatus, Call>>
  >()
})

test("its sessions have a provider", () => {
  expectTypeOf<Service["provider"]>().toEqualTypeOf<Provider<Call, Call>>()
})

test("the nanoseconds are a bigint, and the date may be missing", () => {
  expectTypeOf<AuthStatus["sessionExpiresUnixNanos"]>().toEqualTypeOf<bigint>()
  expectTypeOf<AuthStatus["sessionExpires"]>().toEqualTypeOf<Option.Option<DateTime.Utc>>()
})

test("layers", () => {
  expectTypeOf(Resonite.layer).returns.toEqualTypeOf<Layer.Layer<Resonite, InvalidRequest>>()
  expectTypeOf(Resonite.layerConfig).returns.toEqualTypeOf<
    Layer.Layer<Resonite, InvalidRequest | Config.ConfigError>
  >()
  expectTypeOf(ResoniteTest.layer).returns.toEqualTypeOf<Layer.Layer<Resonite | Game, InvalidRequest>>()
  expectTypeOf(ResoniteEmulator.layer).returns.toEqualTypeOf<
    Layer.Layer<Resonite | Game | ResoniteEmulator, InvalidRequest>
  >()
})
