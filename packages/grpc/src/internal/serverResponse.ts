/** How the test server answers a request, well or badly. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2"
import { GrpcStatus } from "../GrpcStatus.ts"
import type { GrpcFault, GrpcFaults } from "../testing/GrpcFaults.ts"
import type { GrpcHandlers, GrpcRequest } from "../testing/GrpcHandlers.ts"

export interface Responding {
  readonly handlers: GrpcHandlers
  readonly faults?: GrpcFaults
  readonly stream: ServerHttp2Stream
  readonly request: GrpcRequest
  /** Cuts the connection. */
  readonly drop: Effect.Effect<void>
}

const GRPC = { ":status": 200, "content-type": "application/grpc" }

const framed = (bytes: Uint8Array): Buffer => {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([header, bytes])
}

/** `trailers` undefined: none are sent. */
const send = (stream: ServerHttp2Stream, body: Buffer, trailers: OutgoingHttpHeaders | undefined) =>
  Effect.sync(() => {
    stream.respond(GRPC, { waitForTrailers: trailers !== undefined })
    if (trailers !== undefined) stream.once("wantTrailers", () => stream.sendTrailers(trailers))
    stream.end(body)
  })

const OK = { "grpc-status": "0" }

const message = (stream: ServerHttp2Stream, bytes: Uint8Array) => send(stream, framed(bytes), OK)

const status = (stream: ServerHttp2Stream, code: string, details: string) =>
  Effect.sync(() =>
    stream.respond(
      {
        ...GRPC,
        "grpc-status": code,
        ...(details === "" ? undefined : { "grpc-message": encodeURI(details) })
      },
      { endStream: true }
    )
  )

const page = (stream: ServerHttp2Stream, code: number, contentType: string, body: string) =>
  Effect.sync(() => {
    stream.respond({ ":status": code, "content-type": contentType })
    stream.end(body)
  })

const failing = (
  { drop, stream }: Responding,
  fault: GrpcFault,
  answered: (answer: (bytes: Uint8Array) => Effect.Effect<void>) => Effect.Effect<void>
): Effect.Effect<void> => {
  switch (fault._tag) {
    case "Delay":
      return Effect.delay(
        answered((bytes) => message(stream, bytes)),
        fault.duration
      )
    case "DropBefore":
      return drop
    case "DropAfter":
      return answered(() => drop)
    case "Silent":
      return Effect.never
    case "Status":
      return status(stream, String(fault.code), fault.details)
    case "RawStatus":
      return status(stream, fault.status, "")
    case "Http":
      return page(stream, fault.status, fault.contentType ?? "text/plain", fault.body ?? "")
    case "Html":
      return page(stream, 200, "text/html", "<!doctype html><html><body>It works!</body></html>")
    case "Garbage":
      return message(stream, fault.bytes)
    case "Truncated":
      return answered((bytes) =>
        send(stream, framed(bytes).subarray(0, 5 + Math.floor(bytes.length / 2) - 1), OK)
      )
    case "NoMessage":
      return send(stream, Buffer.alloc(0), OK)
    case "NoTrailers":
      return answered((bytes) => send(stream, framed(bytes), undefined))
    case "Oversized":
      return message(stream, new Uint8Array(fault.bytes))
    case "ResetStream":
      return Effect.sync(() => stream.close(fault.code))
  }
}

export const respond = Effect.fnUntraced(function* (responding: Responding) {
  const { request, stream } = responding
  const handler = responding.handlers[request.path]
  const answered = (answer: (bytes: Uint8Array) => Effect.Effect<void>) =>
    (handler === undefined ? Effect.fail(new GrpcStatus({ code: 12, details: "" })) : handler(request)).pipe(
      Effect.flatMap(answer),
      Effect.catchTag("GrpcStatus", ({ code, details }) => status(stream, String(code), details)),
      // A handler that dies: unknown, without a word.
      Effect.catchDefect(() => status(stream, "2", ""))
    )
  const fault = responding.faults === undefined ? Option.none() : yield* responding.faults.take(request.path)
  yield* Option.match(fault, {
    onNone: () => answered((bytes) => message(stream, bytes)),
    onSome: (some) => failing(responding, some, answered)
  })
})
