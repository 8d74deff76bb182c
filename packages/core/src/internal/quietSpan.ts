/**
 * The span of a request that holds a secret. What the client's own span ends with, whenever a status is bad, holds the whole
 * request; this one holds a few attributes, and no failure.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { isHttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"

export interface Options {
  /** Whether the far end is told the trace. */
  readonly propagate: boolean
}

/** None where the program wants none: for this request, or at all. */
export const traced = <E, R>(
  request: HttpClientRequest.HttpClientRequest,
  send: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientResponse, E, R>,
  options: Options
): Effect.Effect<HttpClientResponse, E, R> => {
  const quiet = (it: HttpClientRequest.HttpClientRequest) =>
    Effect.provideService(send(it), HttpClient.TracerDisabledWhen, () => true)
  return Effect.flatMap(isUnwanted(request), (unwanted) =>
    unwanted ? quiet(request) : spanned(request, quiet, options)
  )
}

const isUnwanted = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<boolean> =>
  Effect.zipWith(
    Tracer.DisablePropagation,
    HttpClient.TracerDisabledWhen,
    (all, when) => all || when(request)
  )

const spanned: typeof traced = (request, send, options) =>
  Effect.useSpan(`http.client ${request.method}`, { kind: "client" }, (span) => {
    span.attribute("http.request.method", request.method)
    const url = URL.parse(request.url)
    if (url !== null) {
      span.attribute("server.address", url.hostname)
      if (url.port !== "") span.attribute("server.port", Number(url.port))
      span.attribute("url.scheme", url.protocol.slice(0, -1))
      span.attribute("url.path", url.pathname)
    }
    return Effect.flatMap(HttpClient.TracerPropagationEnabled, (allowed) =>
      send(
        options.propagate && allowed
          ? HttpClientRequest.setHeaders(request, HttpTraceContext.toHeaders(span))
          : request
      )
    ).pipe(
      Effect.tap(({ status }) => Effect.sync(() => span.attribute("http.response.status_code", status))),
      Effect.tapError((error) => Effect.sync(() => span.attribute("error.type", nameOf(error)))),
      Effect.exit,
      // The exit leaves the span as a value: it ends well, whatever the exit is.
      Effect.map((exit) => () => exit)
    )
  }).pipe(Effect.flatMap((outcome) => outcome()))

const nameOf = (error: unknown): string => {
  const it = isHttpClientError(error) ? error.reason : error
  return Predicate.hasProperty(it, "_tag") && typeof it._tag === "string" ? it._tag : "unknown"
}
