/** One call on the wire: what went out, and what came of it. */
import * as grpc from "@grpc/grpc-js"
import { madeUp, type Outcome } from "./outcome.ts"

export interface Request {
  readonly path: string
  readonly message: Uint8Array
  readonly token: string | undefined
  /** Milliseconds since the epoch, on the clock of the machine. */
  readonly deadline: number
}

const first = (metadata: grpc.Metadata, name: string): string | undefined => {
  const value = metadata.get(name)[0]
  return typeof value === "string" ? value : undefined
}

const cancelling =
  (call: { readonly cancelWithStatus: (status: grpc.status, details: string) => void }) => () =>
    call.cancelWithStatus(grpc.status.CANCELLED, "Cancelled by the caller")

/**
 * Calls `onDone` once, never before it returns. The result cancels the call. `guard` has the last word before anything
 * is sent.
 */
export const exchange = (
  { channel, guard }: { readonly channel: grpc.ChannelInterface; readonly guard: grpc.CallCredentials },
  request: Request,
  onDone: (outcome: Outcome) => void
): (() => void) => {
  const metadata = new grpc.Metadata()
  if (request.token !== undefined) metadata.set("authorization", `Bearer ${request.token}`)
  let headers: grpc.Metadata | undefined
  let message: Uint8Array | undefined
  let messages = 0
  const call = channel.createCall(request.path, request.deadline, null, null, null)
  call.setCredentials(guard)
  call.start(metadata, {
    onReceiveMetadata: (received) => {
      headers = received
    },
    onReceiveMessage: (received: Uint8Array) => {
      messages++
      message = received
      // The status only comes when everything has been read.
      call.startRead()
    },
    onReceiveStatus: (status) => {
      // An answer without a message has its headers in the place of the trailers.
      const only = Object.keys(status.metadata.toJSON()).length > 0 ? status.metadata : undefined
      const heads = headers ?? only
      const contentType = heads === undefined ? undefined : first(heads, "content-type")
      onDone({
        code: status.code,
        details: status.details,
        answered: heads !== undefined,
        isTheirs: only !== undefined && contentType?.startsWith("application/grpc") === true,
        contentType,
        retryAfter: heads === undefined ? undefined : first(heads, "retry-after"),
        messages,
        message
      })
    }
  })
  call.startRead()
  call.sendMessageWithContext(
    {},
    Buffer.from(request.message.buffer, request.message.byteOffset, request.message.byteLength)
  )
  call.halfClose()
  return cancelling(call)
}

/** Gets as far as a call gets before anything is sent. Status 0: there is a connection. Otherwise like `exchange`. */
export const probe = (
  channel: grpc.ChannelInterface,
  deadline: number,
  onDone: (outcome: Outcome) => void
): (() => void) => {
  let reached = false
  const call = channel.createCall("/", deadline, null, null, null)
  // Credentials are asked for when a connection has been chosen. Without them grpc-js sends nothing.
  call.setCredentials(
    grpc.credentials.createFromMetadataGenerator((_, done) => {
      reached = true
      done(new Error("nothing is to be sent"))
    })
  )
  call.start(new grpc.Metadata(), {
    onReceiveMetadata: () => {},
    onReceiveMessage: () => {},
    onReceiveStatus: ({ code, details }) => onDone(madeUp(reached ? 0 : code, details))
  })
  return cancelling(call)
}
