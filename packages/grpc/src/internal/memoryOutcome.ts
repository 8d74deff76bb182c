/** What grpc-js would have reported, had a fault happened on a wire. */
import * as Effect from "effect/Effect"
import type { GrpcStatus } from "../GrpcStatus.ts"
import type { GrpcFault } from "../testing/GrpcFaults.ts"
import { codeOfHttp } from "./httpAnswer.ts"
import { madeUp, type Outcome } from "./outcome.ts"

const GRPC = "application/grpc"

const status = (code: number, details: string): Outcome => ({
  ...madeUp(code, details),
  answered: true,
  isTheirs: true,
  contentType: GRPC
})

export const message = (bytes: Uint8Array, maxMessageBytes: number): Outcome =>
  bytes.length > maxMessageBytes
    ? {
        ...status(8, `Received message larger than max (${bytes.length} vs ${maxMessageBytes})`),
        isTheirs: false
      }
    : { ...status(0, ""), messages: 1, message: bytes }

export const deadline: Outcome = madeUp(4, "Deadline exceeded")

export const dropped: Outcome = madeUp(14, "Connection dropped")

/** A handler that dies is answered as servers do: unknown, without a word. */
export const handled = (
  handler: Effect.Effect<Uint8Array, GrpcStatus>,
  maxMessageBytes: number
): Effect.Effect<Outcome> =>
  handler.pipe(
    Effect.map((bytes) => message(bytes, maxMessageBytes)),
    Effect.catchTag("GrpcStatus", ({ code, details }) => Effect.succeed(status(code, details))),
    Effect.catchDefect(() => Effect.succeed(status(2, "")))
  )

const reset = (code: number): Outcome => {
  switch (code) {
    case 0:
      return madeUp(13, "Received RST_STREAM with code 0 (Call ended without gRPC status)")
    case 2:
      return madeUp(13, "Received RST_STREAM with code 2 (Internal server error)")
    case 7:
      return madeUp(14, "Stream refused by server")
    case 8:
      return madeUp(1, "Call cancelled")
    case 11:
      return madeUp(8, "Bandwidth exhausted or memory limit exceeded")
    case 12:
      return madeUp(7, "Protocol not secure enough")
  }
  return madeUp(13, `Received RST_STREAM with code ${code}`)
}

/** The outcome of a fault. `handler` runs only where the fault says so. */
export const faulty = (
  fault: GrpcFault,
  handler: Effect.Effect<Uint8Array, GrpcStatus>,
  maxMessageBytes: number
): Effect.Effect<Outcome> => {
  switch (fault._tag) {
    case "Delay":
      return Effect.delay(handled(handler, maxMessageBytes), fault.duration)
    case "DropBefore":
      return Effect.succeed(dropped)
    case "DropAfter":
      return Effect.as(handled(handler, maxMessageBytes), dropped)
    case "Silent":
      return Effect.never
    case "Status":
      return Effect.succeed(status(fault.code, fault.details))
    case "RawStatus":
      return Effect.succeed(status(Number(fault.status), ""))
    case "Http":
      return Effect.succeed({
        ...(fault.status === 200
          ? reset(0)
          : madeUp(codeOfHttp(fault.status), `Received HTTP status code ${fault.status}`)),
        answered: true,
        contentType: fault.contentType ?? "text/plain"
      })
    case "Html":
      return Effect.succeed({
        ...madeUp(8, `Received message larger than max (1752460652 vs ${maxMessageBytes})`),
        answered: true,
        contentType: "text/html"
      })
    case "Garbage":
      return Effect.succeed(message(fault.bytes, maxMessageBytes))
    case "Truncated":
      return Effect.map(handled(handler, maxMessageBytes), (outcome) =>
        outcome.code === 0 ? status(0, "") : outcome
      )
    case "NoMessage":
      return Effect.succeed(status(0, ""))
    case "NoTrailers":
      return Effect.map(handled(handler, maxMessageBytes), (outcome) =>
        outcome.code === 0 ? { ...outcome, ...reset(0), answered: true, contentType: GRPC } : outcome
      )
    case "Oversized":
      return Effect.succeed(message(new Uint8Array(fault.bytes), maxMessageBytes))
    case "ResetStream":
      return Effect.succeed(reset(fault.code))
  }
}
