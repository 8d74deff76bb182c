/**
 * What a server does, written once for the in-memory channel and for the real server.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { GrpcStatus } from "../GrpcStatus.ts"

/**
 * A request as it came in.
 *
 * @category models
 * @since 0.1.0
 */
export interface GrpcRequest {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly authority: string
  /** Names in lower case, without the pseudo headers. Contains the caller's token, if one was sent. */
  readonly metadata: ReadonlyMap<string, string>
  /** None when the client set no deadline. */
  readonly timeout: Option.Option<Duration.Duration>
  readonly message: Uint8Array
  /** The name that the client asked for in the TLS handshake. None without TLS. */
  readonly serverName: Option.Option<string>
}

/**
 * Answers one request, by bytes or by a status.
 *
 * @category models
 * @since 0.1.0
 */
export type GrpcHandler = (request: GrpcRequest) => Effect.Effect<Uint8Array, GrpcStatus>

/**
 * Handlers by path. A path without one is answered as gRPC does it: status 12.
 *
 * @category models
 * @since 0.1.0
 */
export type GrpcHandlers = Readonly<Record<string, GrpcHandler>>
