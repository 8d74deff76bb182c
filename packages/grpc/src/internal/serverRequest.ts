/** What a client asks of the test server. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2"
import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import type { GrpcRequest } from "../testing/GrpcHandlers.ts"

const FRAME_HEADER_BYTES = 5

const MILLIS = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 } as const

const isUnit = (text: string): text is keyof typeof MILLIS => text in MILLIS

const timeoutIn = (headers: IncomingHttpHeaders): Option.Option<Duration.Duration> => {
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(headers["grpc-timeout"])) ?? []
  return unit === undefined || !isUnit(unit)
    ? Option.none()
    : Option.some(Duration.millis(Number(amount) * MILLIS[unit]))
}

const serverNameOf = (socket: Socket | undefined): Option.Option<string> =>
  socket instanceof TLSSocket && "servername" in socket && typeof socket.servername === "string"
    ? Option.some(socket.servername)
    : Option.none()

/** Calls `onRequest` when a request has arrived whole; answers by itself what no gRPC client sends. */
export const reading = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  socket: Socket | undefined,
  onRequest: (request: GrpcRequest) => void
): void => {
  if (headers[":method"] !== "POST" || headers["content-type"]?.startsWith("application/grpc") !== true) {
    stream.respond({ ":status": 415 }, { endStream: true })
    return
  }
  const chunks: Array<Buffer> = []
  stream.on("data", (chunk: Buffer) => chunks.push(chunk))
  stream.once("end", () => {
    const framed = Buffer.concat(chunks)
    if (framed.length < FRAME_HEADER_BYTES || framed.readUInt32BE(1) !== framed.length - FRAME_HEADER_BYTES)
      return
    onRequest({
      path: headers[":path"] ?? "",
      authority: headers[":authority"] ?? "",
      metadata: new Map(
        Object.entries(headers)
          .filter(([name]) => !name.startsWith(":"))
          .map(([name, value]) => [name, String(value)])
      ),
      timeout: timeoutIn(headers),
      message: new Uint8Array(framed.subarray(FRAME_HEADER_BYTES)),
      serverName: serverNameOf(socket)
    })
  })
}
