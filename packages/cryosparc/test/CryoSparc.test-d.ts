import { expectTypeOf, test } from "@effect/vitest"
import type {
  InvalidLogin,
  InvalidRequest,
  InvalidResponse,
  PermissionDenied,
  Provider,
  ServerError,
  Session,
  SessionExpired,
  SessionRef,
  TransportError
} from "@latchkey/core"
import type { Config, Effect, Layer } from "effect"
import type { HttpClient, HttpClientError } from "effect/http"
import { CryoSparc, type Credentials } from "../src/index.ts"
import { CryoSparcEmulator, CryoSparcTest, type Instance } from "../src/testing.ts"

type Service = CryoSparc["Service"]

type Login = TransportError | ServerError | InvalidRequest | InvalidResponse | PermissionDenied | InvalidLogin

const ofSession = (cryosparc: Service, session: Session) => cryosparc.client(session)

const ofRef = (cryosparc: Service, ref: SessionRef.SessionRef<SessionExpired>) => cryosparc.client(ref)

test("each operation says how it can fail", () => {
  expectTypeOf<Parameters<Service["login"]>[0]>().toEqualTypeOf<Credentials>()
  expectTypeOf<ReturnType<Service["login"]>>().toEqualTypeOf<Effect.Effect<Session, Login>>()
  expectTypeOf<ReturnType<Service["refresh"]>>().toEqualTypeOf<Effect.Effect<never, SessionExpired>>()
  expectTypeOf<ReturnType<Service["logout"]>>().toEqualTypeOf<Effect.Effect<"NotRevocable">>()
})

test("with a session it is any client; with a live one it also fails as that does", () => {
  expectTypeOf(ofSession).returns.toExtend<HttpClient.HttpClient>()
  expectTypeOf(ofRef).returns.toEqualTypeOf<
    HttpClient.HttpClient.With<HttpClientError.HttpClientError | SessionExpired>
  >()
})

test("it is a provider whose renewal fails with nothing but a verdict", () => {
  expectTypeOf<Service>().toExtend<Provider>()
})

test("layers", () => {
  expectTypeOf(CryoSparc.layer).returns.toEqualTypeOf<
    Layer.Layer<CryoSparc, InvalidRequest, HttpClient.HttpClient>
  >()
  expectTypeOf(CryoSparc.layerConfig).returns.toEqualTypeOf<
    Layer.Layer<CryoSparc, InvalidRequest | Config.ConfigError, HttpClient.HttpClient>
  >()
  expectTypeOf(CryoSparcTest.layer).returns.toEqualTypeOf<Layer.Layer<CryoSparc | Instance, InvalidRequest>>()
  expectTypeOf(CryoSparcEmulator.layer).returns.toEqualTypeOf<
    Layer.Layer<CryoSparc | Instance | CryoSparcEmulator, InvalidRequest>
  >()
})
