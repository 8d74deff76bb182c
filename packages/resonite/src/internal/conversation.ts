/** What is said to the game, and what is made of it. Password and code are unwrapped here, for the wire. */
import { InvalidResponse } from "@latchkey/core/AuthError"
import type { GrpcChannel, GrpcMethod, GrpcStatus } from "@latchkey/grpc"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AuthStatus } from "../AuthStatus.ts"
import type { CallOptions, Credentials, LoginError, StatusError } from "../SignIn.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import * as Told from "./told.ts"
import type { Where } from "./where.ts"
import * as Wire from "./wire.ts"

/** A login includes a round trip to the cloud (contract, section 2.5). */
const CHANGE_TIMEOUT = Duration.seconds(30)

const STATUS_TIMEOUT = Duration.seconds(10)

export interface Conversation {
  readonly login: (credentials: Credentials, options?: CallOptions) => Effect.Effect<AuthStatus, LoginError>
  readonly logout: (options?: CallOptions) => Effect.Effect<AuthStatus, StatusError>
  readonly status: (options?: CallOptions) => Effect.Effect<AuthStatus, StatusError>
}

/** `forAll` is the timeout of calls that state none. */
export const make = (
  channel: GrpcChannel.GrpcChannel,
  where: Where,
  forAll: Duration.Input | undefined
): Conversation => {
  const call = <I, O, E>(
    method: GrpcMethod.GrpcMethod<I, O>,
    input: I,
    given: Duration.Input,
    meaning: (error: GrpcStatus.GrpcStatus | StatusError) => E
  ) =>
    Arguments.duration(where, "timeout", given).pipe(
      Effect.flatMap((timeout) => channel.unary(method, input, { timeout })),
      Effect.mapError((error) => {
        switch (error._tag) {
          // What a web server says. The mod knows neither tokens nor permissions.
          case "InvalidToken":
          case "PermissionDenied":
            return new InvalidResponse({ ...where, message: "what answers there is not the mod" })
        }
        return meaning(error)
      })
    )

  const failure = (error: GrpcStatus.GrpcStatus | StatusError): StatusError =>
    error._tag === "GrpcStatus" ? Answer.failure(where, error) : error

  return {
    login: Effect.fnUntraced(function* (credentials, options) {
      yield* Arguments.credentials(where, credentials)
      const { credential, password, rememberMe = true, totp } = credentials
      const request = {
        credential,
        password: Redacted.value(password),
        totp: totp && Redacted.value(totp),
        rememberMe
      }
      const timeout = yield* Arguments.duration(
        where,
        "timeout",
        options?.timeout ?? forAll ?? CHANGE_TIMEOUT
      )
      // A login that fails here was not sent: nobody is signed in by it.
      const [took] = yield* Effect.timed(channel.connect(undefined, { timeout }))
      const left = Duration.max(Duration.subtract(timeout, took), Duration.millis(1))
      const response = yield* call(Wire.login, request, left, (error) =>
        Told.maybeLoggedIn(
          where,
          error._tag === "GrpcStatus" ? Answer.loginFailure(where, error, totp !== undefined) : error
        )
      )
      return yield* Told.loggedIn(where, response)
    }),
    logout: (options) =>
      Effect.map(call(Wire.logout, {}, options?.timeout ?? forAll ?? CHANGE_TIMEOUT, failure), Told.status),
    status: (options) =>
      Effect.map(call(Wire.status, {}, options?.timeout ?? forAll ?? STATUS_TIMEOUT, failure), Told.status)
  }
}
