/** What becomes of a request, whatever carries it. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { validateHeaderName, validateHeaderValue } from "node:http"
import type { HttpFault, HttpFaults } from "../HttpFaults.ts"
import { empty, type HttpHandler, type HttpRequest, type HttpResponse, text } from "../HttpHandler.ts"

export type HttpOutcome = Data.TaggedEnum<{
  Answered: { readonly response: HttpResponse }
  /** The connection is cut instead of an answer. */
  Cut: {}
  /** The connection is cut half way through the body. */
  CutShort: { readonly response: HttpResponse }
}>

export const HttpOutcome = Data.taggedEnum<HttpOutcome>()

const BLANK = 0x20

const PAGE = "<!doctype html><title>Not what you wanted</title>"

const half = (body: Uint8Array): Uint8Array => body.subarray(0, Math.floor(body.length / 2))

const answered = (response: HttpResponse): HttpOutcome => HttpOutcome.Answered({ response })

/** `handled` runs only where the fault says so. */
const faulty = (fault: HttpFault, handled: Effect.Effect<HttpResponse>): Effect.Effect<HttpOutcome> => {
  const changed = (change: (response: HttpResponse) => HttpResponse) =>
    Effect.map(handled, (response) => answered(change(response)))
  switch (fault._tag) {
    case "Delay":
      return Effect.delay(Effect.map(handled, answered), fault.duration)
    case "DropBefore":
      return Effect.succeed(HttpOutcome.Cut())
    case "DropAfter":
      return Effect.as(handled, HttpOutcome.Cut())
    case "ResetBody":
      return Effect.map(handled, (response) => HttpOutcome.CutShort({ response }))
    case "Silent":
      return Effect.never
    case "Status":
      return Effect.succeed(answered(empty(fault.status, fault.headers)))
    case "Html":
      return Effect.succeed(answered(text(fault.status ?? 200, "text/html", PAGE)))
    case "Redirect":
      return Effect.succeed(answered(empty(fault.status ?? 302, { location: fault.location })))
    case "NoContent":
      return Effect.succeed(answered(empty(204)))
    case "Truncated":
      return changed((response) => ({ ...response, body: half(response.body) }))
    case "ContentType":
      return changed((response) => ({
        ...response,
        headers: { ...response.headers, "content-type": fault.contentType }
      }))
    case "Oversized":
      return changed((response) => ({ ...response, body: new Uint8Array(fault.bytes).fill(BLANK) }))
  }
}

const FRAMING = new Set(["connection", "content-length", "keep-alive", "trailer", "transfer-encoding"])

/** Throws for what one carrier or the other could not send. */
const sendable = (result: HttpOutcome): HttpOutcome => {
  if (result._tag === "Cut") return result
  const { headers, status } = result.response
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError("no such status")
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    if (FRAMING.has(name.toLowerCase())) throw new RangeError("the carrier frames the answer by itself")
  }
  return result
}

const broken = Effect.succeed(empty(500))

/** What throws, dies or cannot be sent is answered with status 500, without a word. */
export const outcome = (
  handler: HttpHandler,
  faults: HttpFaults | undefined,
  request: HttpRequest
): Effect.Effect<HttpOutcome> => {
  const handled = Effect.catchDefect(
    Effect.suspend(() => handler(request)),
    () => broken
  )
  const fault = faults === undefined ? Effect.succeedNone : faults.take(request.path)
  return Effect.flatMap(
    fault,
    Option.match({ onNone: () => Effect.map(handled, answered), onSome: (some) => faulty(some, handled) })
  ).pipe(
    Effect.map(sendable),
    Effect.catchDefect(() => Effect.map(broken, answered))
  )
}

/** What comes through of an answer that is cut short. */
export const beginning = ({ body }: HttpResponse): Uint8Array => half(body)
