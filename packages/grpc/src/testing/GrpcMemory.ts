/**
 * A channel without a network: the handlers answer in the same process, deadlines follow Effect's clock.
 *
 * @since 0.1.0
 */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type CallError,
  type CallOptions,
  DEFAULT_MAX_MESSAGE_BYTES,
  DEFAULT_TIMEOUT,
  type GrpcChannel
} from "../GrpcChannel.ts"
import type { GrpcMethod } from "../GrpcMethod.ts"
import { GrpcStatus } from "../GrpcStatus.ts"
import { result } from "../internal/answer.ts"
import * as memoryOutcome from "../internal/memoryOutcome.ts"
import { dialling, type Outgoing, outgoing } from "../internal/outgoing.ts"
import type { GrpcFaults } from "./GrpcFaults.ts"
import type { GrpcHandlers, GrpcRequest } from "./GrpcHandlers.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly provider: string
  readonly instance: string
  readonly handlers: GrpcHandlers
  /** Default: none. */
  readonly faults?: GrpcFaults
  /** Of a call that states none. Longer than zero, and not infinite. Default: 30 s. */
  readonly timeout?: Duration.Input
  /** Both ways. Default: 100 MiB. */
  readonly maxMessageBytes?: number
}

/** What a call without an authority says on a Unix socket. */
const DEFAULT_AUTHORITY = "localhost"

const received = (path: string, sent: Outgoing): GrpcRequest => ({
  path,
  authority: sent.authority === "" ? DEFAULT_AUTHORITY : sent.authority,
  metadata: new Map([
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...(sent.token === undefined ? [] : [["authorization", `Bearer ${sent.token}`] as const])
  ]),
  timeout: Option.some(Duration.millis(sent.timeout)),
  message: sent.message,
  serverName: sent.authority === "" ? Option.none() : Option.some(sent.authority)
})

/**
 * A channel that is connected to its handlers by nothing. Messages still become bytes and back, and requests are
 * refused by the same rules as by a real channel. `connect` succeeds at once, and `connections` is always 0, whatever
 * faults cut.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<GrpcChannel> =>
  Effect.sync(() => {
    const where = { provider: options.provider, instance: options.instance }
    const limits = {
      timeout: Duration.toMillis(DEFAULT_TIMEOUT),
      maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      isPrivate: true
    }
    const patience = options.timeout === undefined ? undefined : { timeout: options.timeout }

    const answer = Effect.fnUntraced(function* (request: GrpcRequest) {
      const fault = options.faults === undefined ? Option.none() : yield* options.faults.take(request.path)
      const handler =
        options.handlers[request.path]?.(request) ?? Effect.fail(new GrpcStatus({ code: 12, details: "" }))
      return yield* Option.match(fault, {
        onNone: () => memoryOutcome.handled(handler, limits.maxMessageBytes),
        onSome: (some) => memoryOutcome.faulty(some, handler, limits.maxMessageBytes)
      })
    })

    return {
      unary: <I, O>(method: GrpcMethod<I, O>, input: I, call?: CallOptions) =>
        Effect.suspend((): Effect.Effect<O, CallError> => {
          const sent = outgoing(where, limits, method, input, { ...patience, ...call })
          if (sent instanceof InvalidRequest) return Effect.fail(sent)
          return answer(received(method.path, sent)).pipe(
            Effect.timeoutOrElse({
              duration: Duration.millis(sent.timeout),
              orElse: () => Effect.succeed(memoryOutcome.deadline)
            }),
            Effect.flatMap((outcome) => result(where, method, outcome))
          )
        }),
      connect: (authority, connect) =>
        Effect.suspend(() => {
          const to = dialling(where, limits, authority, connect?.timeout ?? options.timeout)
          return to instanceof InvalidRequest ? Effect.fail(to) : Effect.void
        }),
      connections: Effect.succeed(0)
    }
  })
