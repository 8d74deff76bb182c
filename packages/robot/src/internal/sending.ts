/** How a call goes out, and what its failure may tell. */
import { type GrpcChannel, GrpcStatus } from "@latchkey/grpc"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { RobotService } from "../Robot.ts"
import type { CallError } from "../SignIn.ts"

export interface Manner {
  readonly token: Redacted.Redacted<string> | undefined
  readonly timeout: Duration.Duration
  /** What may be told of the robot's text. */
  readonly told: (status: GrpcStatus.GrpcStatus) => string
}

export const make =
  (channel: GrpcChannel.GrpcChannel, where: { readonly provider: string; readonly instance: string }) =>
  <I, O>(
    { authority, method }: RobotService<I, O>,
    input: I,
    { timeout, token, told }: Manner
  ): Effect.Effect<O, CallError> =>
    Effect.mapError(
      channel.unary(method, input, { authority, timeout, ...(token && { token }) }),
      (error) => {
        if (error._tag !== "GrpcStatus") return error
        const translated = GrpcStatus.toAuthError(where, error)
        return translated._tag === "InvalidResponse"
          ? GrpcStatus.toAuthError(
              where,
              new GrpcStatus.GrpcStatus({ code: error.code, details: told(error) })
            )
          : translated
      }
    )
