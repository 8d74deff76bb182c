/**
 * A web server for tests, on loopback, in plain http. It can also fail in every way that a network has.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import type { Socket } from "node:net"
import type { HttpFaults } from "./HttpFaults.ts"
import type { HttpHandler, HttpRequest } from "./HttpHandler.ts"
import { beginning, type HttpOutcome, outcome } from "./internal/httpOutcome.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly handler: HttpHandler
  /** Default: none. */
  readonly faults?: HttpFaults
  /** Default: 0, a free one. */
  readonly port?: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface HttpServer {
  readonly port: number
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Every request that arrived complete, in that order. */
  readonly requests: Effect.Effect<ReadonlyArray<HttpRequest>>
  /** How many requests the client gave up. */
  readonly cancelled: Effect.Effect<number>
  /** How many connections are open now. */
  readonly connections: Effect.Effect<number>
  /** Cuts every connection; the server goes on listening. */
  readonly dropConnections: Effect.Effect<void>
  /** Whether anything is there. When nothing is, every connection is cut, and further ones are refused. */
  readonly setListening: (listening: boolean) => Effect.Effect<void>
}

const LOOPBACK = "127.0.0.1"

const listen = (server: http.Server, port: number) =>
  Effect.callback<number>((resume) => {
    const refused = (error: Error) => resume(Effect.die(error))
    server.once("error", refused)
    server.listen(port, LOOPBACK, () => {
      server.off("error", refused)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })

/** None where the target is no URL, such as `*`. */
const arrived = (request: http.IncomingMessage, body: Uint8Array): HttpRequest | undefined => {
  const { url: target = "" } = request
  const url = URL.parse(target.startsWith("/") ? `http://any${target}` : target)
  if (url === null) return undefined
  return {
    method: request.method ?? "",
    path: url.pathname,
    query: url.search,
    headers: new Map(
      Object.entries(request.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")])
    ),
    body
  }
}

const send = (response: http.ServerResponse, socket: Socket, result: HttpOutcome): void => {
  if (result._tag === "Cut") return void socket.destroy()
  const { body, headers, status } = result.response
  response.writeHead(status, { ...headers, "content-length": body.length })
  if (result._tag === "Answered") response.end(body)
  else response.write(beginning(result.response), () => socket.destroy())
}

/**
 * Listens on loopback until the scope ends, and then cuts what is still open. The handler runs with the clock of the
 * surrounding Effect. A port that is taken is a defect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<HttpServer, never, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime()
  const requests: Array<HttpRequest> = []
  const open = new Set<Socket>()
  /** By the server: its clients gave nothing up. */
  const cut = new WeakSet<Socket>()
  let cancelled = 0

  const server = http.createServer((request, response) => {
    const { socket } = request
    const chunks: Array<Buffer> = []
    // What goes wrong with a connection shows in its end.
    request.on("error", () => {})
    response.on("error", () => {})
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const received = arrived(request, Buffer.concat(chunks))
      if (received === undefined) return void response.writeHead(400).end()
      requests.push(received)
      let decided = false
      const fiber = run(
        Effect.map(outcome(options.handler, options.faults, received), (result) => {
          decided = true
          send(response, socket, result)
        }).pipe(Effect.onError(() => Effect.sync(() => socket.destroy())))
      )
      response.once("close", () => {
        if (!decided && !cut.has(socket)) cancelled++
        fiber.interruptUnsafe()
      })
    })
  })
  server.on("connection", (socket: Socket) => {
    open.add(socket)
    socket.once("close", () => open.delete(socket))
  })

  const drop = () => {
    for (const socket of open) cut.add(socket)
    server.closeAllConnections()
  }
  const close = Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    drop()
  })

  const port = yield* Effect.acquireRelease(listen(server, options.port ?? 0), () => close)
  return {
    port,
    url: `http://${LOOPBACK}:${port}`,
    requests: Effect.sync(() => [...requests]),
    cancelled: Effect.sync(() => cancelled),
    connections: Effect.sync(() => open.size),
    dropConnections: Effect.sync(drop),
    setListening: (listening) =>
      Effect.suspend((): Effect.Effect<unknown> => {
        if (server.listening === listening) return Effect.void
        return listening ? listen(server, port) : close
      }).pipe(Effect.asVoid)
  }
})
