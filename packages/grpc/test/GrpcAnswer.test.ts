/** One row per thing that grpc-js 1.14.7 reports: robot contract, section 2.6. */
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { failureOf } from "../src/internal/answer.ts"
import type { Outcome } from "../src/internal/outcome.ts"

const where = { provider: "test", instance: "one" }

const outcome = (fields: Partial<Outcome>): Outcome => ({
  code: 0,
  details: "",
  answered: false,
  isTheirs: false,
  contentType: undefined,
  retryAfter: undefined,
  messages: 0,
  message: undefined,
  ...fields
})

const SOCKET = "/run/a b: (c). d/resonite.sock"

const verdict = (fields: Partial<Outcome>, socket?: string): string => {
  const failure = failureOf(where, outcome(fields), socket)
  if (failure === undefined) return "Success"
  switch (failure._tag) {
    case "TransportError":
      return failure.reason._tag
    case "GrpcStatus":
      return `GrpcStatus ${failure.code}`
    case "InvalidResponse":
      return failure.code === undefined ? failure._tag : `${failure._tag} ${failure.code}`
    default:
      return failure._tag
  }
}

type Row = readonly [code: number, details: string, verdict: string]

const connection = (error: string) => `No connection established. Last error: ${error}. Resolution note: `

/** Nothing came from the far end. */
const unanswered: ReadonlyArray<Row> = [
  [14, "Name resolution failed for target dns:robot.invalid:443", "NameNotResolved"],
  [14, connection("Error: connect ECONNREFUSED 127.0.0.1:4290"), "ConnectionFailed"],
  [14, connection("Error: connect ECONNREFUSED /run/ENOENT/certificate.sock"), "ConnectionFailed"],
  [14, connection("Error: connect EHOSTUNREACH 192.168.80.3:443"), "ConnectionFailed"],
  [14, connection("Error: connect ETIMEDOUT 192.168.80.3:443"), "ConnectionFailed"],
  [14, connection("Error: read ECONNRESET"), "ConnectionFailed"],
  [
    14,
    connection(
      "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames: Host: auth.spot.robot. is not in the cert's altnames: DNS:other"
    ),
    "CertificateRejected"
  ],
  [14, connection("Error: unable to verify the first certificate"), "CertificateRejected"],
  [14, connection("Error: unable to get local issuer certificate"), "CertificateRejected"],
  [
    14,
    connection(
      "Error: unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca"
    ),
    "CertificateRejected"
  ],
  [14, connection("Error: self-signed certificate"), "CertificateRejected"],
  [14, connection("Error: self-signed certificate in certificate chain"), "CertificateRejected"],
  [14, connection("Error: certificate has expired"), "CertificateRejected"],
  [14, connection("Error: certificate is not yet valid"), "CertificateRejected"],
  [14, connection("Error: certificate signature failure"), "CertificateRejected"],
  [14, connection("Error: unsuitable certificate purpose"), "CertificateRejected"],
  [14, connection("Error: CA signature digest algorithm too weak"), "CertificateRejected"],
  [
    14,
    connection(
      "Error: 80A9:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:355:"
    ),
    "ConnectionFailed"
  ],
  [
    14,
    connection(
      "Error: 80A9B4E1:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../x.c:1590:"
    ),
    "ConnectionFailed"
  ],
  [14, connection("Protocol error (2026-11-22T09:00:00.429Z)"), "ConnectionFailed"],
  [
    14,
    connection("Error: Client network socket disconnected before secure TLS connection was established"),
    "ConnectionFailed"
  ],
  [14, connection("undefined"), "ConnectionFailed"],
  [14, "No connection established", "ConnectionFailed"],
  [14, "Getting metadata from plugin failed with error: lost", "ConnectionFailed"],
  [13, "Failed to start HTTP/2 stream with error The session has been destroyed", "ConnectionFailed"],
  [4, "Deadline exceeded after 1.001s,Waiting for LB pick", "TimedOut"],
  [4, "Deadline exceeded after 1.000s,remote_addr=192.168.80.3:443", "TimedOut"],
  [14, "Connection dropped", "Closed"],
  [14, "read ECONNRESET", "Closed"],
  [14, "read ETIMEDOUT", "Closed"],
  [14, "Write error: write EPIPE", "Closed"],
  [14, "Write failed with error write after end", "Closed"],
  [14, "Channel closed before call started", "Closed"],
  [13, "Write error: write after end", "Closed"],
  [13, "Received RST_STREAM with code 9", "Closed"],
  [1, "Call cancelled", "Closed"],
  [14, "Stream refused by server", "ServiceUnavailable"],
  [8, "Bandwidth exhausted or memory limit exceeded", "RateLimited"],
  [7, "Protocol not secure enough", "ConnectionFailed"],
  [13, "Received RST_STREAM with code 2 (Internal server error)", "InvalidResponse 13"],
  [13, "Received RST_STREAM with code 0 (Call ended without gRPC status)", "InvalidResponse 13"],
  [13, "Received RST_STREAM with code 2 triggered by internal client error: Session closed", "Closed"],
  [13, "Received RST_STREAM with code 1", "InvalidResponse 13"]
]

/** Response headers came. */
const answered: ReadonlyArray<Row> = [
  ...Array.from({ length: 16 }, (_, i): Row => [i + 1, "", `GrpcStatus ${i + 1}`]),
  [99, "", "GrpcStatus 99"],
  [Number.NaN, "", "InvalidResponse"],
  [1.5, "", "InvalidResponse"],
  [-1, "", "InvalidResponse"],
  // Texts that contain what a made-up status would say, but are not one.
  [14, "upstream on port 4290: 401, 429, 502 and 504", "GrpcStatus 14"],
  [1, "HTTP status code 401", "GrpcStatus 1"],
  [14, "proxy: Received HTTP status code 429", "GrpcStatus 14"],
  [14, "Received HTTP status code 4290", "GrpcStatus 14"],
  [14, "backend: Connection dropped", "GrpcStatus 14"],
  [14, "No connection established. Last error: Error: connect ECONNREFUSED 10.0.0.1:80", "GrpcStatus 14"],
  [14, "No connection established. Last error: Error: connect ENOENT /run/x", "GrpcStatus 14"],
  [8, "Received message larger than max", "GrpcStatus 8"],
  [8, "quota: 429 of 500 used", "GrpcStatus 8"],
  [4, "the backend was slow", "GrpcStatus 4"],
  [12, "No message received", "GrpcStatus 12"],
  [2, "Exception calling application: boom", "GrpcStatus 2"],
  // What grpc-js makes up although something came.
  [4, "Deadline exceeded after 1.000s,remote_addr=127.0.0.1:443", "TimedOut"],
  [14, "Connection dropped", "Closed"],
  [8, "Received message larger than max (104857601 vs 104857600)", "MessageTooLarge"],
  [8, "Received message that decompresses to a size larger than 1000", "MessageTooLarge"],
  [13, "Failed to decompress gzip-encoded message", "InvalidResponse 13"],
  [13, "Received RST_STREAM with code 0 (Call ended without gRPC status)", "InvalidResponse 13"],
  [2, "No status information received", "InvalidResponse 2"]
]

/** What a server says in the very words of grpc-js, in an answer without a message. */
const theirs: ReadonlyArray<Row> = [
  [16, "Received HTTP status code 401", "GrpcStatus 16"],
  [14, "Received HTTP status code 429", "GrpcStatus 14"],
  [14, "Connection dropped", "GrpcStatus 14"],
  [1, "Call cancelled", "GrpcStatus 1"],
  [4, "Deadline exceeded after 1.000s", "GrpcStatus 4"],
  [8, "Received message larger than max (2 vs 1)", "GrpcStatus 8"],
  [13, "Received RST_STREAM with code 1", "GrpcStatus 13"],
  [0, "", "InvalidResponse"],
  // This one grpc-js does make of such an answer: one without a status.
  [2, "Received HTTP status code 200", "InvalidResponse 200"]
]

const http: ReadonlyArray<readonly [status: number, verdict: string, code?: number]> = [
  [200, "InvalidResponse 200"],
  [301, "UnexpectedRedirect"],
  [302, "UnexpectedRedirect"],
  [307, "UnexpectedRedirect"],
  [400, "InvalidResponse 400", 13],
  [401, "InvalidToken", 16],
  [403, "PermissionDenied", 7],
  [404, "NotImplemented", 12],
  [415, "InvalidResponse 415"],
  [429, "RateLimited", 14],
  [500, "ServerError"],
  [501, "ServerError"],
  [502, "ServiceUnavailable", 14],
  [503, "ServiceUnavailable", 14],
  [504, "ServiceUnavailable", 14]
]

const wait = (retryAfter: string | undefined) => {
  const failure = failureOf(
    where,
    outcome({ code: 14, details: "Received HTTP status code 429", retryAfter })
  )
  if (failure?._tag !== "TransportError" || failure.reason._tag !== "RateLimited")
    return assert.fail(failure?._tag)
  return failure.reason.retryAfter
}
/** What the system says when a Unix socket cannot be connected to. */
const said = (error: string, text = SOCKET, socket: string | undefined = SOCKET) =>
  failureOf(where, outcome({ code: 14, details: connection(`Error: connect ${error} ${text}`) }), socket)

const reason = (error: string) => {
  const failure = said(error)
  return failure?._tag === "TransportError" ? failure.reason._tag : failure?._tag
}

describe("what an outcome means", () => {
  for (const [code, details, expected] of unanswered) {
    it(`unanswered ${code} ${details}: ${expected}`, () => {
      assert.strictEqual(verdict({ code, details }), expected)
    })
  }

  for (const [code, details, expected] of answered) {
    it(`answered ${code} ${details}: ${expected}`, () => {
      for (const socket of [undefined, SOCKET]) {
        assert.strictEqual(
          verdict({ code, details, answered: true, contentType: "application/grpc" }, socket),
          expected
        )
      }
    })
  }

  for (const [code, details, expected] of theirs) {
    it(`theirs ${code} ${details}: ${expected}`, () => {
      assert.strictEqual(
        verdict({ code, details, answered: true, isTheirs: true, contentType: "application/grpc" }),
        expected
      )
    })
  }

  it("an HTTP status with another number than grpc-js gives it is the server's", () => {
    assert.strictEqual(
      verdict({ code: 13, details: "Received HTTP status code 401", answered: true }),
      "GrpcStatus 13"
    )
  })

  for (const [status, expected, code = 2] of http) {
    it(`HTTP ${status}: ${expected}`, () => {
      for (const contentType of [undefined, "text/html", "application/grpc"]) {
        assert.strictEqual(
          verdict({ code, details: `Received HTTP status code ${status}`, answered: true, contentType }),
          expected
        )
      }
    })
  }

  describe("what is wrong with a Unix socket", () => {
    it("is told apart, by the path that was dialled", () => {
      const failures = ["ENOENT", "ECONNREFUSED", "EACCES", "EINVAL", "EAGAIN"].map((code) => said(code))
      for (const failure of failures) assert.include(failure?.message, SOCKET)
      assert.strictEqual(new Set(failures.map((failure) => failure?.message)).size, failures.length)
      assert.strictEqual(reason("ENOENT"), "SocketNotFound")
      for (const error of ["ECONNREFUSED", "EACCES", "EINVAL", "EAGAIN"]) {
        assert.strictEqual(reason(error), "ConnectionFailed")
      }
      assert.deepStrictEqual(said("EINVAL", `${SOCKET} - Local (undefined:undefined)`), said("EINVAL"))
      assert.deepStrictEqual(said("EPERM"), said("EACCES"))
    })

    it("is said of a Unix socket only", () => {
      for (const error of ["ENOENT", "ECONNREFUSED", "EACCES"]) {
        const elsewhere = failureOf(
          where,
          outcome({ code: 14, details: connection(`Error: connect ${error} 127.0.0.1:42`) })
        )
        assert.deepInclude(elsewhere, { _tag: "TransportError" })
        assert.notStrictEqual(elsewhere?.message, said(error)?.message)
        assert.notInclude(elsewhere?.message, "127.0.0.1")
      }
    })

    it("is never in the words of a server whose answer looks as if none had come", () => {
      for (const error of ["ENOENT", "EACCES", "EAGAIN", "EHUNTER", "EHUNTER2"]) {
        const failure = said(error, "/hunter2")
        assert.notInclude(JSON.stringify(failure).toLowerCase(), "hunter")
        assert.strictEqual(failure?.message.includes(SOCKET), !error.startsWith("EHUNTER"))
      }
      const details = connection("Error: connect ENOENT /hunter2")
      assert.strictEqual(verdict({ code: 13, details }, SOCKET), "GrpcStatus 13")
      assert.strictEqual(verdict({ code: 14, details, answered: true }, SOCKET), "GrpcStatus 14")
    })

    it("names the path without what cannot be seen", () => {
      const failure = said("ENOENT", "", "/run/\u202egnp.\u{e0041}sock")
      assert.include(failure?.message, "/run/gnp.sock")
    })
  })

  it("a rate limit keeps the wait that the proxy asks for, and ignores one that is no number of seconds", () => {
    assert.deepStrictEqual(wait("7"), Duration.seconds(7))
    assert.isUndefined(wait(undefined))
    assert.isUndefined(wait("-7"))
    assert.isUndefined(wait("Wed, 21 Oct 2015 07:28:00 GMT"))
  })

  it("success is exactly one message with status 0", () => {
    const grpc = { answered: true, contentType: "application/grpc+proto" }
    assert.strictEqual(verdict({ ...grpc, messages: 1 }), "Success")
    assert.strictEqual(verdict({ ...grpc, messages: 0 }), "InvalidResponse")
    assert.strictEqual(verdict({ ...grpc, messages: 2 }), "InvalidResponse")
  })

  it("a web page with HTTP status 200 is not too large, and not a success", () => {
    const page = { answered: true, contentType: "text/html; charset=utf-8" }
    const nonsense = "Received message larger than max (1752460652 vs 104857600)"
    assert.strictEqual(verdict({ ...page, code: 8, details: nonsense }), "InvalidResponse")
    assert.strictEqual(verdict({ ...page, code: 0, messages: 1 }), "InvalidResponse")
    assert.strictEqual(verdict({ ...page, code: 14, details: "Connection dropped" }), "Closed")
  })
})
