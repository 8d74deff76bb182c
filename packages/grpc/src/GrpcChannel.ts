/**
 * Unary gRPC calls to one far end, as Effects: over TLS or over a Unix socket.
 *
 * A call is one attempt. Whatever goes wrong is a typed failure, at the latest one second after the deadline; an
 * interruption cancels the call at the server. Nothing is retried here, except by gRPC itself for a call that
 * verifiably never reached the server. A connection that is lost or cannot be made is not mourned: the next call makes
 * a new one at once.
 *
 * @since 0.1.0
 */
import {
  InvalidRequest,
  type InvalidResponse,
  type InvalidToken,
  type PermissionDenied,
  type ServerError,
  TransportError
} from "@latchkey/core/AuthError"
import { Closed, TimedOut } from "@latchkey/core/TransportError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { GrpcMethod } from "./GrpcMethod.ts"
import type { GrpcStatus } from "./GrpcStatus.ts"
import { result } from "./internal/answer.ts"
import { dialled } from "./internal/dialled.ts"
import { exchange } from "./internal/exchange.ts"
import type { Line } from "./internal/line.ts"
import * as Lines from "./internal/lines.ts"
import { type Outgoing, outgoing } from "./internal/outgoing.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /**
   * The name that is asked for in the TLS handshake, that the certificate must have, and that `:authority` carries.
   * Default: the host of the target, and `:authority` as gRPC makes it from the target.
   */
  readonly authority?: string
  /** Sent as `authorization: Bearer …`. Only over TLS and Unix sockets. Default: none, and no such header. */
  readonly token?: Redacted.Redacted<string>
  /** Also told to the server. `Duration.infinity` for none. Default: that of the channel. */
  readonly timeout?: Duration.Input
}

/**
 * All that can become of a call: the server's own verdict, to be translated (`GrpcStatus.toAuthError`), or a failure
 * that needs no translation. `InvalidToken` and `PermissionDenied` come from a proxy in front of the server.
 *
 * @category errors
 * @since 0.1.0
 */
export type CallError =
  | GrpcStatus
  | InvalidToken
  | PermissionDenied
  | TransportError
  | ServerError
  | InvalidRequest
  | InvalidResponse

/**
 * @category models
 * @since 0.1.0
 */
export interface GrpcChannel {
  readonly unary: <I, O>(
    method: GrpcMethod<I, O>,
    input: I,
    options?: CallOptions
  ) => Effect.Effect<O, CallError>
  /** Counts the connections that were lost so far: a value that changed says that another machine may answer now. */
  readonly losses: Effect.Effect<number>
}

/**
 * Where to connect.
 *
 * - `Tls`: only the `rootCertificates` (PEM, one or more) count, not those of the system. The address itself is not
 *   looked up in the certificate when a call names an `authority`.
 * - `UnixSocket`: an Effect as `path` runs anew for each connection.
 * - `Plaintext`: for tests; loopback only, and never with a token.
 *
 * @category options
 * @since 0.1.0
 */
export type Target =
  | { readonly _tag: "Tls"; readonly host: string; readonly port: number; readonly rootCertificates: string }
  | { readonly _tag: "UnixSocket"; readonly path: string | Effect.Effect<string, TransportError> }
  | { readonly _tag: "Plaintext"; readonly host: string; readonly port: number }

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Named in every failure. */
  readonly provider: string
  /** Named in every failure. */
  readonly instance: string
  readonly target: Target
  /** Of a call that states none. Default: 30 s. */
  readonly timeout?: Duration.Input
  /** Both ways. Default: 100 MiB. */
  readonly maxMessageBytes?: number
  /** Whether `https_proxy` and the like count. Default: false. */
  readonly useProxyFromEnvironment?: boolean
}

/**
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_TIMEOUT = Duration.seconds(30)

/**
 * 100 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_MAX_MESSAGE_BYTES = 104_857_600

/**
 * Connects with the first call, and keeps one connection per `authority` until the scope ends. Fails with
 * `InvalidRequest` for a target that cannot be: `field` is `rootCertificates`, `url` or `path`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<GrpcChannel, InvalidRequest, Scope.Scope> {
  const where = { provider: options.provider, instance: options.instance }
  const to = yield* dialled(where, options.target)
  const limits = {
    timeout: Duration.fromInputUnsafe(options.timeout ?? DEFAULT_TIMEOUT),
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    isPrivate: options.target._tag !== "Plaintext"
  }
  const lines = yield* Lines.make({
    rootCertificates: to.rootCertificates,
    maxMessageBytes: limits.maxMessageBytes,
    useProxyFromEnvironment: options.useProxyFromEnvironment ?? false
  })

  /** Finds out where to connect, within the time that the call has. */
  const open = Effect.fnUntraced(function* (request: Outgoing, deadline: number) {
    const clock = yield* Clock.Clock
    const address = yield* to.address.pipe(
      Effect.provideService(Clock.Clock, clock),
      Effect.timeoutOrElse({
        duration: Duration.millis(Math.max(0, deadline - Lines.machine.currentTimeMillisUnsafe())),
        orElse: () =>
          Effect.fail(
            TransportError.because(where, new TimedOut({ message: "the socket was not found in time" }))
          )
      }),
      Effect.provideService(Clock.Clock, Lines.machine)
    )
    return (
      lines.open(request.authority, address) ??
      (yield* TransportError.because(where, new Closed({ message: "the scope of the channel has ended" })))
    )
  })

  const on = <I, O>(line: Line, method: GrpcMethod<I, O>, request: Outgoing, deadline: number) =>
    Effect.callback<O, CallError>((resume) => {
      let isOver = false
      line.callStarted()
      const cancel = exchange(line.channel, { path: method.path, deadline, ...request }, (outcome) => {
        if (isOver) return
        isOver = true
        line.callEnded(outcome.code === 4 && !outcome.answered ? "Deadline" : "No")
        resume(Effect.suspend(() => result(where, method, outcome)))
      })
      return Effect.sync(() => {
        if (isOver) return
        isOver = true
        cancel()
        line.callEnded("Interruption")
      })
    })

  return {
    unary: (method, input, call) =>
      Effect.suspend(() => {
        const request = outgoing(where, limits, method.encode(input), call)
        if (request instanceof InvalidRequest) return Effect.fail(request)
        const deadline = Lines.machine.currentTimeMillisUnsafe() + request.timeout
        const line = lines.get(request.authority)
        return line === undefined
          ? Effect.flatMap(open(request, deadline), (opened) => on(opened, method, request, deadline))
          : on(line, method, request, deadline)
      }),
    losses: Effect.sync(lines.losses)
  }
})
