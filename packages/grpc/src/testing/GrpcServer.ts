/**
 * A protocol-true gRPC server for tests, on loopback or a Unix socket. It can also answer what no gRPC library would.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as http2 from "node:http2"
import type { Socket } from "node:net"
import { reading } from "../internal/serverRequest.ts"
import { respond } from "../internal/serverResponse.ts"
import type { GrpcFaults } from "./GrpcFaults.ts"
import type { GrpcHandlers, GrpcRequest } from "./GrpcHandlers.ts"

/**
 * @category options
 * @since 0.1.0
 */
export type Listen =
  | {
      readonly _tag: "Tls"
      /** Default: 0, a free one. */
      readonly port?: number
      /** PEM. */
      readonly certificate: string
      /** PEM. */
      readonly key: string
    }
  | { readonly _tag: "UnixSocket"; readonly path: string }

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly listen: Listen
  readonly handlers: GrpcHandlers
  /** Default: none. */
  readonly faults?: GrpcFaults
}

/**
 * @category models
 * @since 0.1.0
 */
export interface GrpcServer {
  /** 0 for a Unix socket. */
  readonly port: number
  /** `127.0.0.1`, or the path of the Unix socket. */
  readonly address: string
  /** `https://127.0.0.1:PORT`, or `unix:PATH`. */
  readonly url: string
  /** Every request that arrived complete, in that order. */
  readonly requests: Effect.Effect<ReadonlyArray<GrpcRequest>>
  /** How many calls the client gave up. */
  readonly cancelled: Effect.Effect<number>
  /** How many connections are open now. */
  readonly connections: Effect.Effect<number>
  /** How many connections there were in all. */
  readonly accepted: Effect.Effect<number>
  /** Cuts every connection; the server goes on listening. */
  readonly dropConnections: Effect.Effect<void>
}

const LOOPBACK = "127.0.0.1"

const listening = (server: http2.Http2Server, listen: Listen) =>
  Effect.callback<number>((resume) => {
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(
      listen._tag === "Tls" ? { host: LOOPBACK, port: listen.port ?? 0 } : { path: listen.path },
      () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      }
    )
  })

/**
 * Listens on loopback or on a Unix socket until the scope ends, and then cuts what is still open. Handlers run with
 * the clock of the surrounding Effect. An address that is taken is a defect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<GrpcServer, never, Scope.Scope> {
  const { listen } = options
  const run = yield* FiberSet.makeRuntime()
  const requests: Array<GrpcRequest> = []
  const open = new Set<Socket>()
  const socketOf = new WeakMap<http2.Http2Session, Socket>()
  let accepted = 0
  let cancelled = 0

  // The defaults are for servers that must fear their clients.
  const settings = { settings: { initialWindowSize: 2 ** 20 }, maxSessionMemory: 1000 }
  const server =
    listen._tag === "Tls"
      ? http2.createSecureServer({ ...settings, cert: listen.certificate, key: listen.key })
      : http2.createServer(settings)

  server.on("connection", (socket: Socket) => {
    accepted++
    open.add(socket)
    socket.once("close", () => open.delete(socket))
  })
  // A session does not give its socket away, so remember who came just before it.
  let arriving: Socket | undefined
  server.prependListener(listen._tag === "Tls" ? "secureConnection" : "connection", (socket: Socket) => {
    arriving = socket
  })
  server.on("session", (session) => {
    if (arriving !== undefined) socketOf.set(session, arriving)
  })

  server.on("stream", (stream, headers) => {
    const socket = stream.session === undefined ? undefined : socketOf.get(stream.session)
    const drop = Effect.sync(() => socket?.destroy())
    // What went wrong with a stream shows in its end.
    stream.on("error", () => {})
    stream.once("aborted", () => {
      if (stream.rstCode === http2.constants.NGHTTP2_CANCEL && socket?.destroyed !== true) cancelled++
    })
    reading(stream, headers, socket, (request) => {
      requests.push(request)
      const fiber = run(respond({ ...options, stream, request, drop }))
      stream.once("close", () => fiber.interruptUnsafe())
    })
  })

  const cut = Effect.sync(() => {
    for (const socket of open) socket.destroy()
  })
  const port = yield* Effect.acquireRelease(listening(server, listen), () =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const socket of open) socket.destroy()
    })
  )
  return {
    port,
    address: listen._tag === "Tls" ? LOOPBACK : listen.path,
    url: listen._tag === "Tls" ? `https://${LOOPBACK}:${port}` : `unix:${listen.path}`,
    requests: Effect.sync(() => [...requests]),
    cancelled: Effect.sync(() => cancelled),
    connections: Effect.sync(() => open.size),
    accepted: Effect.sync(() => accepted),
    dropConnections: cut
  }
})
