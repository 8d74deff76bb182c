/**
 * Unary gRPC calls to one far end, as Effects: over TLS or over a Unix socket.
 *
 * A call is one attempt. Whatever goes wrong is a typed failure, at the latest one second after the deadline; an
 * interruption cancels the call at the server. Nothing is retried here, except by gRPC itself, on the same connection,
 * for a call that verifiably never reached the server. A connection that is lost or cannot be made is not mourned: the next call makes
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
  type TransportError
} from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { GrpcMethod } from "./GrpcMethod.ts"
import type { GrpcStatus } from "./GrpcStatus.ts"
import * as Attempts from "./internal/attempts.ts"
import { dialled } from "./internal/dialled.ts"
import * as Lines from "./internal/lines.ts"
import { dialling, outgoing, timeoutOf } from "./internal/outgoing.ts"

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
  /** Sent as `authorization: Bearer …`. Only over TLS and Unix sockets, at most 16 KiB. Default: none. */
  readonly token?: Redacted.Redacted<string>
  /** Also told to the server. Longer than zero, and not infinite. Default: that of the channel. */
  readonly timeout?: Duration.Input
}

/**
 * @category options
 * @since 0.1.0
 */
export interface ConnectOptions {
  /** Whether the present connection is left to the calls that are on it, and a fresh one made. Default: false. */
  readonly anew?: boolean
  /** As of a call. Default: that of the channel. */
  readonly timeout?: Duration.Input
}

/**
 * All that can become of an attempt to connect.
 *
 * @category errors
 * @since 0.1.0
 */
export type ConnectError = TransportError | InvalidRequest | InvalidResponse

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
  /**
   * Makes sure that a connection for calls with that `authority` stands, and sends no request. Costs next to nothing
   * when one stands. Fails as `unary` does where no connection comes about.
   *
   * A call that follows goes out on that connection, or `connections` has changed before. The value and the call are
   * two steps: a connection can be lost, and the call make another one, in the instant between them.
   */
  readonly connect: (
    authority: string | undefined,
    options?: ConnectOptions
  ) => Effect.Effect<void, ConnectError>
  /**
   * Grows when a connection is established, and when an established one is lost or no longer trusted: a value that has
   * changed says that another machine may be at the other end of one of them. Means nothing else.
   */
  readonly connections: Effect.Effect<number>
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
  /** Of a call that states none. Longer than zero, and not infinite. Default: 30 s. */
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
 * `InvalidRequest` for a target or a timeout that cannot be: `field` is `rootCertificates`, `url`, `path` or `timeout`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<GrpcChannel, InvalidRequest, Scope.Scope> {
  const where = { provider: options.provider, instance: options.instance }
  const to = yield* dialled(where, options.target)
  const timeout = timeoutOf(where, options.timeout ?? DEFAULT_TIMEOUT)
  if (typeof timeout !== "number") return yield* timeout
  const limits = {
    timeout,
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    isPrivate: options.target._tag !== "Plaintext"
  }
  const lines = yield* Lines.make({
    rootCertificates: to.rootCertificates,
    maxMessageBytes: limits.maxMessageBytes,
    useProxyFromEnvironment: options.useProxyFromEnvironment ?? false
  })
  const attempts = Attempts.make(where, to.address, lines)

  return {
    unary: (method, input, call) =>
      Effect.suspend(() => {
        const request = outgoing(where, limits, method, input, call)
        return request instanceof InvalidRequest ? Effect.fail(request) : attempts.call(method, request)
      }),
    connect: (authority, connect) =>
      Effect.suspend(() => {
        const request = dialling(where, limits, authority, connect?.timeout)
        return request instanceof InvalidRequest
          ? Effect.fail(request)
          : attempts.connect(request, connect?.anew === true)
      }),
    connections: Effect.sync(lines.connections)
  }
})
