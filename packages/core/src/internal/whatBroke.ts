/** Why no answer came: the one place that knows what runtimes call it. */
import type { HttpClientError } from "effect/http/HttpClientError"
import * as Predicate from "effect/Predicate"
import { InvalidResponse, TransportError } from "../AuthError.ts"
import type { Where } from "../HttpExchange.ts"
import * as Reason from "../TransportError.ts"

/** A cause has a cause, and one that tried several addresses has one for each. */
const DEEPEST = 8

/** Codes, and the names of what has none. */
const codes = (cause: unknown, depth = 0): ReadonlyArray<unknown> => {
  if (depth > DEEPEST) return []
  const several = Predicate.hasProperty(cause, "errors") && Array.isArray(cause.errors) ? cause.errors : []
  return [
    Predicate.hasProperty(cause, "code") ? cause.code : undefined,
    Predicate.hasProperty(cause, "name") ? cause.name : undefined,
    ...several.flatMap((it) => codes(it, depth + 1)),
    ...(Predicate.hasProperty(cause, "cause") ? codes(cause.cause, depth + 1) : [])
  ]
}

const refused = () =>
  new Reason.ConnectionFailed({
    message: "nothing answers there; is the service running, are host and port right?"
  })

const misspoken = () =>
  new Reason.ConnectionFailed({
    message:
      "what answers does not speak this protocol; is it http where https was meant, or the other way round?"
  })

const unnamed = () =>
  new Reason.NameNotResolved({ message: "the name of the host has no address; is it spelled right?" })

const untrusted = () =>
  new Reason.CertificateRejected({
    message:
      "the certificate is not of a known authority, or not for this host; give the HTTP client the right root"
  })

const late = () => new Reason.TimedOut({ message: "no answer in time" })

const closed = () =>
  new Reason.Closed({
    message: "the connection ended before the answer did; whether the request was heard is not known"
  })

/** By the beginning of the code. The first that fits. */
const table: ReadonlyArray<readonly [RegExp, () => Reason.TransportErrorReason]> = [
  [
    /^(?:UND_ERR_CONNECT_TIMEOUT|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/,
    refused
  ],
  [/^(?:ENOTFOUND|EAI_)/, unnamed],
  [/^(?:CERT_|ERR_TLS_CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA$|HOSTNAME_MISMATCH$)/, untrusted],
  [/^(?:EPROTO$|ERR_SSL_|HPE_|HTTPParserError$)/, misspoken],
  [/^(?:ETIMEDOUT$|UND_ERR_(?:HEADERS|BODY)_TIMEOUT$)/, late]
]

/** `Closed` where nothing is known: then it may have been heard. */
export const reason = (cause: unknown): Reason.TransportErrorReason => {
  const known = codes(cause)
  return (
    table.find(([code]) => known.some((it) => typeof it === "string" && code.test(it)))?.[1] ?? closed
  )()
}

/** The client's own error holds the request, and with it whatever is secret in it: nothing of it is kept. */
export const whatBroke = (where: Where, error: HttpClientError): TransportError | InvalidResponse =>
  error.reason._tag === "EmptyBodyError"
    ? new InvalidResponse({ ...where, message: "the answer is empty" })
    : TransportError.because(where, reason(error.reason.cause))

export const tooLate = (where: Where): TransportError => TransportError.because(where, late())
