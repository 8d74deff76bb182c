/**
 * The statuses that grpc-js makes up for what goes wrong on the way, in the same shape in which it passes on those that
 * the server sent. One is known by its whole text, from the first character; a text that merely contains a number or a
 * word of these never is. The sentences are those of grpc-js 1.14.7.
 */
import * as Reason from "@latchkey/core/TransportError"
import { constants } from "node:os"
import { cleaned } from "../GrpcStatus.ts"

const closed = new Reason.Closed({ message: "the connection ended: the server may have acted on it" })
export const tooLarge = new Reason.MessageTooLarge({
  message: "the answer is larger than the limit of the channel"
})
const timedOut = new Reason.TimedOut({ message: "no answer came in time" })
export const lost = new Reason.ConnectionFailed({ message: "the connection was lost before the call began" })
const noGrpc = new Reason.ConnectionFailed({
  message: "what answers there is not a gRPC server, or not over TLS: check the address and the port"
})
const certificate = (message: string) => new Reason.CertificateRejected({ message })

type Row = readonly [code: number, text: RegExp, reason: Reason.TransportErrorReason]

/** The system's own words, up to its error. What follows is not read: a server can write such a text too. */
const NO_SOCKET = /^No connection established\. Last error: Error: connect (E[A-Z0-9]+) /

/** As it may be shown, and whole: no system has longer ones. */
export const shown = (path: string): string => cleaned(path, 4096)

/** Why the Unix socket that was dialled could not be connected to; none for any other failure. */
export const noSocket = (
  code: number,
  text: string,
  socket: string
): Reason.TransportErrorReason | undefined => {
  const error = code === 14 ? NO_SOCKET.exec(text)?.[1] : undefined
  if (error === undefined || !(error in constants.errno)) return undefined
  const path = shown(socket)
  switch (error) {
    case "ENOENT":
      return new Reason.SocketNotFound({ message: `there is no socket ${path}: is the service running?` })
    case "ECONNREFUSED":
      return new Reason.ConnectionFailed({
        message: `nothing listens at ${path}: is the service running, and is that its socket?`
      })
    case "EACCES":
    case "EPERM":
      return new Reason.ConnectionFailed({
        message: `no permission to use the socket ${path}: is it of another user?`
      })
  }
  return new Reason.ConnectionFailed({ message: `the socket ${path} cannot be reached (${error})` })
}

/** Statuses that grpc-js makes up before anything was sent. */
export const beforeSending: ReadonlyArray<Row> = [
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
  // A proxy's failure is all that has no words of its own.
  [
    14,
    /^No connection established\. Last error: undefined\b/,
    new Reason.ConnectionFailed({
      message: "the proxy did not answer, or did not connect: check https_proxy, or do without the proxy"
    })
  ],
  [14, /^No connection established/, noGrpc],
  [13, /^Failed to start HTTP\/2 stream with error /, lost],
  // The guard of the line.
  [14, /^Getting metadata from plugin failed with error: lost$/, lost]
]

/** Statuses that grpc-js makes up later. */
export const afterSending: ReadonlyArray<Row> = [
  [4, /^Deadline exceeded/, timedOut],
  [14, /^Connection dropped$/, closed],
  [14, /^(?:read|write) E[A-Z]+$/, closed],
  [14, /^Write (?:error: |failed with error )/, closed],
  [14, /^Channel closed before call started$/, closed],
  [13, /^Write error: /, closed],
  // The server could not make sense of the headers of one call, and so took leave of all.
  [13, /^Received RST_STREAM with code 9$/, closed],
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
export const notUnderstood: ReadonlyArray<readonly [code: number, text: RegExp]> = [
  [13, /^Received RST_STREAM with code \d+/],
  [13, /^Failed to decompress (?:gzip|deflate)-encoded message$/],
  [2, /^No status information received$/]
]
