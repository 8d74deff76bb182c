import { TestCertificates } from "@latchkey/grpc/testing"
import { Context, Effect, Layer } from "effect"
import { once } from "node:events"
import { createServer as createHttp } from "node:https"
import { createServer as createTcp, type Server, type Socket } from "node:net"
import { createServer as createTls } from "node:tls"
import { type Options, Robot } from "../../src/index.ts"

/** A client of whatever is at that port of loopback, living as long as the test. */
export const robotAt = (port: number, rootCertificates: string, options?: Partial<Options>) =>
  Effect.map(
    Layer.build(Robot.layer({ url: `https://127.0.0.1:${port}`, rootCertificates, ...options })),
    (context) => Context.get(context, Robot)
  )

/** A server that is no robot. `heard`: everything that came, after TLS where the server does TLS. */
const listening = (
  server: Server,
  onHeard: "connection" | "secureConnection",
  answer?: (socket: Socket) => void
) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const heard: Array<Buffer> = []
      const sockets = new Set<Socket>()
      let accepted = 0
      server.on("connection", (socket: Socket) => {
        accepted++
        sockets.add(socket)
        socket.on("error", () => {})
      })
      server.on(onHeard, (socket: Socket) => {
        socket.on("error", () => {})
        socket.on("data", (data: Buffer) => heard.push(data))
        answer?.(socket)
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      return {
        port: typeof address === "object" && address !== null ? address.port : 0,
        accepted: Effect.sync(() => accepted),
        heard: Effect.sync(() => Buffer.concat(heard).toString("latin1")),
        sockets
      }
    }),
    ({ sockets }) =>
      Effect.promise(async () => {
        for (const socket of sockets) socket.destroy()
        server.close()
        await once(server, "close")
      })
  )

/** Plain TCP. */
export const tcp = (answer?: (socket: Socket) => void) =>
  Effect.suspend(() => listening(createTcp(), "connection", answer))

/** TLS with that certificate, and with nothing of HTTP/2 behind it but, if asked for, its name. */
export const tls = (
  leaf: TestCertificates.Leaf,
  alpn: ReadonlyArray<string>,
  answer?: (socket: Socket) => void
) =>
  Effect.suspend(() =>
    listening(
      createTls({
        cert: leaf.certificate,
        key: leaf.key,
        ...(alpn.length > 0 && { ALPNProtocols: [...alpn] })
      }),
      "secureConnection",
      answer
    )
  )

/** HTTP/1.1 over TLS, with a page for everybody. */
export const http1 = (leaf: TestCertificates.Leaf) =>
  Effect.suspend(() =>
    listening(
      createHttp({ cert: leaf.certificate, key: leaf.key }, (_, response) => response.end("<html></html>")),
      "secureConnection"
    )
  )

/** A port of loopback at which nothing listens. */
export const freePort = Effect.scoped(Effect.map(tcp(), ({ port }) => port))
