/**
 * An `HttpClient` without a network: the handler answers in the same process, and time is Effect's clock.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { HttpFaults } from "./HttpFaults.ts"
import type { HttpHandler, HttpRequest, HttpResponse } from "./HttpHandler.ts"
import { beginning, HttpOutcome, outcome } from "./internal/httpOutcome.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The only one there is, such as `http://localhost:39000`. */
  readonly origin: string
  readonly handler: HttpHandler
  /** Default: none. */
  readonly faults?: HttpFaults
}

/**
 * @category models
 * @since 0.1.0
 */
export interface HttpMemory {
  /** Follows no redirect, and keeps no cookie. */
  readonly client: HttpClient.HttpClient
  /** Every request that arrived, in that order. */
  readonly requests: Effect.Effect<ReadonlyArray<HttpRequest>>
  /** How many requests the client gave up. */
  readonly cancelled: Effect.Effect<number>
  /** Whether anything is there. When nothing is, every connection is cut, and further ones are refused. */
  readonly setListening: (listening: boolean) => Effect.Effect<void>
}

/** As Node says it: a client finds the cause by the code. */
const broken = (code: string) => Object.assign(new Error(`no connection: ${code}`), { code })

const failed = (request: HttpClientRequest.HttpClientRequest, cause: Error) =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })

const NO_BODY = new Set([204, 205, 304])

const received = (
  request: HttpClientRequest.HttpClientRequest,
  response: HttpResponse,
  body: ReadableStream<Uint8Array> | undefined
) => {
  const { headers, status } = response
  return HttpClientResponse.fromWeb(
    request,
    new Response(NO_BODY.has(status) ? null : (body ?? new Uint8Array(response.body)), { status, headers })
  )
}

/** What came through, and then the end of the connection. */
const cutShort = (response: HttpResponse): ReadableStream<Uint8Array> => {
  let sent = false
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (sent) return controller.error(broken("UND_ERR_SOCKET"))
      sent = true
      controller.enqueue(beginning(response))
    }
  })
}

/**
 * A client that is connected to its handler by nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<HttpMemory> =>
  Effect.sync(() => {
    const origin = new URL(options.origin).origin
    const requests: Array<HttpRequest> = []
    let cancelled = 0
    let listening = true
    /** What becomes of the requests that wait for their answers. */
    let gone = Deferred.makeUnsafe<HttpOutcome>()

    const client = HttpClient.make((request, url) =>
      Effect.gen(function* () {
        if (url.origin !== origin) return yield* failed(request, broken("ENOTFOUND"))
        if (!listening) return yield* failed(request, broken("ECONNREFUSED"))
        const { body } = request
        if (body._tag !== "Empty" && body._tag !== "Uint8Array") {
          const description = "there is no way to send such a body in memory: encode it first"
          const reason = new HttpClientError.EncodeError({ request, description })
          return yield* new HttpClientError.HttpClientError({ reason })
        }
        const arrived: HttpRequest = {
          method: request.method,
          path: url.pathname,
          query: url.search,
          headers: new Map([["host", url.host], ...Object.entries(request.headers)]),
          body: body._tag === "Empty" ? new Uint8Array() : body.body
        }
        requests.push(arrived)
        const result = yield* outcome(options.handler, options.faults, arrived).pipe(
          Effect.raceFirst(Deferred.await(gone)),
          Effect.onInterrupt(() =>
            Effect.sync(() => {
              cancelled++
            })
          )
        )
        switch (result._tag) {
          case "Answered":
            return received(request, result.response, undefined)
          case "Cut":
            return yield* failed(request, broken("UND_ERR_SOCKET"))
          case "CutShort":
            return received(request, result.response, cutShort(result.response))
        }
      })
    )
    return {
      client,
      requests: Effect.sync(() => [...requests]),
      cancelled: Effect.sync(() => cancelled),
      setListening: (value) =>
        Effect.sync(() => {
          listening = value
          if (value) return
          Deferred.doneUnsafe(gone, Effect.succeed(HttpOutcome.Cut()))
          gone = Deferred.makeUnsafe()
        })
    }
  })
