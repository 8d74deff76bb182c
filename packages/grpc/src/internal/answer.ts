/**
 * What the outcome of a call means (robot contract, sections 2.6 and 4.15).
 *
 * grpc-js makes statuses up for everything that goes wrong on the way, in the same shape in which it passes on those
 * that the server sent. A made-up one is known by its whole text, from the first character; a text that merely
 * contains a number or a word of these never is. The sentences are those of grpc-js 1.14.7.
 */
import { TransportError } from "@latchkey/core/AuthError"
import * as Reason from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import type { GrpcMethod } from "../GrpcMethod.ts"
import { GrpcStatus } from "../GrpcStatus.ts"
import { httpFailure } from "./httpAnswer.ts"
import { notAnAnswer } from "./notAnAnswer.ts"
import type { Failure, Outcome, Where } from "./outcome.ts"

const closed = new Reason.Closed({ message: "the connection ended: the server may have acted on it" })
const tooLarge = new Reason.MessageTooLarge({ message: "the answer is larger than the limit of the channel" })
const timedOut = new Reason.TimedOut({ message: "no answer came in time" })
const noGrpc = new Reason.ConnectionFailed({
  message: "what answers there is not a gRPC server, or not over TLS: check the address and the port"
})
const certificate = (message: string) => new Reason.CertificateRejected({ message })

type Row = readonly [code: number, text: RegExp, reason: Reason.TransportErrorReason]

/** Statuses that grpc-js makes up before anything was sent. */
const beforeSending: ReadonlyArray<Row> = [
  [
    14,
    /^Name resolution failed for target /,
    new Reason.NameNotResolved({ message: "the host name has no address: check it" })
  ],
  [
    14,
    /^No connection established\. Last error: Error: connect ECONNREFUSED /,
    new Reason.ConnectionFailed({ message: "nothing listens at the address: check the host and the port" })
  ],
  [
    14,
    /^No connection established\. Last error: Error: connect ENOENT /,
    new Reason.SocketNotFound({ message: "there is no socket at the path: is the service running?" })
  ],
  [
    14,
    /^No connection established\. Last error: Error: connect E[A-Z]+ /,
    new Reason.ConnectionFailed({
      message: "the address cannot be reached: check the host, the port and the network"
    })
  ],
  [
    14,
    /^No connection established\. Last error: Error \[ERR_TLS_CERT_ALTNAME_/,
    certificate("the server's certificate is for another name: is this the right machine?")
  ],
  [
    14,
    /^No connection established\. Last error: Error: (?:certificate has expired|certificate is not yet valid)/,
    certificate("the server's certificate is not valid at this time: check it, and this machine's clock")
  ],
  [
    14,
    /^No connection established\. Last error: Error: (?![0-9A-F]+:error:)[^:\n]*(?:certificate|CA signature|CRL|key too weak|path length)/,
    certificate(
      "the server's certificate does not come from the given roots: are they those of this machine?"
    )
  ],
  [14, /^No connection established/, noGrpc],
  [
    13,
    /^Failed to start HTTP\/2 stream with error /,
    new Reason.ConnectionFailed({ message: "the connection was lost before the call began" })
  ]
]

/** Statuses that grpc-js makes up later. */
const afterSending: ReadonlyArray<Row> = [
  [4, /^Deadline exceeded/, timedOut],
  [14, /^Connection dropped$/, closed],
  [14, /^(?:read|write) E[A-Z]+$/, closed],
  [14, /^Write (?:error: |failed with error )/, closed],
  [14, /^Channel closed before call started$/, closed],
  [13, /^Write error: /, closed],
  [13, /^Received RST_STREAM with code \d+ triggered by internal client error: /, closed],
  // The server reset the stream, or Node did so for a connection that was cut.
  [1, /^Call cancelled$/, closed],
  [
    14,
    /^Stream refused by server$/,
    new Reason.ServiceUnavailable({ message: "the server refused to take the call" })
  ],
  [
    8,
    /^Bandwidth exhausted or memory limit exceeded$/,
    new Reason.RateLimited({ message: "the server is overrun" })
  ],
  [7, /^Protocol not secure enough$/, noGrpc],
  [8, /^Received message larger than max \(\d+ vs \d+\)$/, tooLarge],
  [8, /^Received message that decompresses to a size larger than \d+$/, tooLarge]
]

/** Statuses that grpc-js makes up for an answer that it cannot follow. */
const notUnderstood: ReadonlyArray<readonly [code: number, text: RegExp]> = [
  [13, /^Received RST_STREAM with code \d+/],
  [13, /^Failed to decompress (?:gzip|deflate)-encoded message$/],
  [2, /^No status information received$/]
]

const HTTP_STATUS = /^Received HTTP status code (\d{3})$/

/** The failure that an outcome means; none for exactly one message with status 0. */
export const failureOf = (where: Where, outcome: Outcome): Failure | undefined => {
  const { code, details } = outcome
  const http = HTTP_STATUS.exec(details)
  if (http !== null) return httpFailure(where, Number(http[1]), outcome.retryAfter)
  if (!outcome.answered) {
    const row = beforeSending.find(([known, text]) => known === code && text.test(details))
    if (row !== undefined) return TransportError.because(where, row[2])
  }
  const row =
    code === 0 ? undefined : afterSending.find(([known, text]) => known === code && text.test(details))
  const foreign = outcome.contentType !== undefined && !outcome.contentType.startsWith("application/grpc")
  // A web page read as a frame has a nonsense length, so that grpc-js calls it too large.
  if (foreign && (row === undefined || row[2] === tooLarge)) {
    return notAnAnswer(where, "a web page or the like, not the answer of a gRPC server")
  }
  if (row !== undefined) return TransportError.because(where, row[2])
  if (notUnderstood.some(([known, text]) => known === code && text.test(details))) {
    return notAnAnswer(where, "the answer broke off or was not gRPC", code)
  }
  if (!Number.isInteger(code) || code < 0)
    return notAnAnswer(where, "the status of the answer is not a number")
  if (code !== 0) return new GrpcStatus({ code, details })
  if (outcome.messages === 1) return undefined
  return notAnAnswer(where, outcome.messages === 0 ? "success without a message" : "more than one message")
}

/** The response, or the failure that the outcome means. */
export const result = <I, O>(
  where: Where,
  method: GrpcMethod<I, O>,
  outcome: Outcome
): Effect.Effect<O, Failure> => {
  const failure = failureOf(where, outcome)
  if (failure !== undefined) return Effect.fail(failure)
  const decoded = method.decode(outcome.message ?? new Uint8Array())
  return decoded._tag === "Some"
    ? Effect.succeed(decoded.value)
    : Effect.fail(notAnAnswer(where, "the bytes of the answer are not the message"))
}
