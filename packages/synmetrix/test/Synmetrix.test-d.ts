import { expectTypeOf, test } from "@effect/vitest"
import type {
  AccountExists,
  FailedPrecondition,
  InvalidLogin,
  InvalidRequest,
  InvalidResponse,
  InvalidToken,
  NotAuthenticated,
  PermissionDenied,
  Provider,
  ServerError,
  Session,
  SessionExpired,
  TransportError
} from "@latchkey/core"
import type { Config, Effect, Layer } from "effect"
import type { Headers, HttpClient } from "effect/http"
import {
  type AccessToken,
  type ActivationPending,
  type LinkSent,
  type SecondFactorRequired,
  type SignedIn,
  Synmetrix
} from "../src/index.ts"
import { type AuthServer, SynmetrixEmulator, SynmetrixTest } from "../src/testing.ts"

type Service = Synmetrix["Service"]

type Call = TransportError | ServerError | InvalidRequest | InvalidResponse | PermissionDenied

test("each operation lists its own results, and its own failures", () => {
  expectTypeOf<ReturnType<Service["login"]>>().toEqualTypeOf<
    Effect.Effect<SignedIn | SecondFactorRequired, Call | InvalidLogin | FailedPrecondition>
  >()
  expectTypeOf<ReturnType<Service["register"]>>().toEqualTypeOf<
    Effect.Effect<SignedIn | ActivationPending, Call | AccountExists>
  >()
  expectTypeOf<ReturnType<Service["submitTotp"]>>().toEqualTypeOf<
    Effect.Effect<Session, Call | InvalidLogin | InvalidToken>
  >()
  expectTypeOf<ReturnType<Service["requestMagicLink"]>>().toEqualTypeOf<
    Effect.Effect<LinkSent, Call | InvalidLogin | FailedPrecondition>
  >()
  expectTypeOf<ReturnType<Service["sendMagicLink"]>>().toEqualTypeOf<
    Effect.Effect<
      SignedIn | LinkSent | ActivationPending,
      Call | AccountExists | InvalidLogin | FailedPrecondition
    >
  >()
  expectTypeOf<ReturnType<Service["completeMagicLink"]>>().toEqualTypeOf<
    Effect.Effect<Session, Call | InvalidToken>
  >()
  expectTypeOf<ReturnType<Service["refresh"]>>().toEqualTypeOf<
    Effect.Effect<Session, Call | NotAuthenticated | SessionExpired>
  >()
  expectTypeOf<Service["refreshToken"]>().toEqualTypeOf<Service["refresh"]>()
  expectTypeOf<ReturnType<Service["logout"]>>().toEqualTypeOf<
    Effect.Effect<"Revoked", Call | NotAuthenticated | SessionExpired>
  >()
  expectTypeOf<ReturnType<Service["revoke"]>>().toEqualTypeOf<
    Effect.Effect<"Revoked", Call | NotAuthenticated | SessionExpired>
  >()
  expectTypeOf<ReturnType<Service["changePassword"]>>().toEqualTypeOf<
    Effect.Effect<void, Call | NotAuthenticated | InvalidLogin | InvalidToken>
  >()
  expectTypeOf<ReturnType<Service["authHeaders"]>>().toEqualTypeOf<
    Effect.Effect<Headers.Headers, NotAuthenticated | PermissionDenied | InvalidToken | InvalidRequest>
  >()
  expectTypeOf<ReturnType<Service["parseAccessToken"]>>().toEqualTypeOf<
    Effect.Effect<AccessToken, InvalidToken>
  >()
  expectTypeOf<ReturnType<Service["verifyAccessToken"]>>().toEqualTypeOf<
    Effect.Effect<AccessToken, InvalidToken | InvalidRequest>
  >()
})

const noSession = (synmetrix: Service, sent: LinkSent) => {
  // @ts-expect-error a link that was sent is no session, and nothing that comes first
  return synmetrix.sessionOf(sent)
}

const noKey = (synmetrix: Service, { accessToken }: Session) => {
  // @ts-expect-error nothing is verified without a key
  return accessToken && synmetrix.verifyAccessToken(accessToken, {})
}

test("what makes no sense does not compile", () => {
  expectTypeOf(noSession).toBeFunction()
  expectTypeOf(noKey).toBeFunction()
})

test("it is a provider", () => {
  expectTypeOf<Service>().toExtend<
    Provider<Call | NotAuthenticated | SessionExpired, Call | NotAuthenticated | SessionExpired>
  >()
})

test("layers", () => {
  expectTypeOf(Synmetrix.layer).returns.toEqualTypeOf<
    Layer.Layer<Synmetrix, InvalidRequest, HttpClient.HttpClient>
  >()
  expectTypeOf(Synmetrix.layerConfig).returns.toEqualTypeOf<
    Layer.Layer<Synmetrix, InvalidRequest | Config.ConfigError, HttpClient.HttpClient>
  >()
  expectTypeOf(SynmetrixTest.layer).returns.toEqualTypeOf<
    Layer.Layer<Synmetrix | AuthServer | HttpClient.HttpClient, InvalidRequest>
  >()
  expectTypeOf(SynmetrixEmulator.layer).returns.toEqualTypeOf<
    Layer.Layer<Synmetrix | AuthServer | SynmetrixEmulator | HttpClient.HttpClient, InvalidRequest>
  >()
})
