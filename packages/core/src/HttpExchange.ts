/**
 * One request over HTTP and its answer, as everybody owes it who writes a provider.
 *
 * Nothing of the request shows in a span or in a failure: it holds credentials. Redirects are not followed: they would carry
 * the credentials along. An answer is read up to a limit, and no connection is left waiting for a body that nobody
 * reads. Nothing is repeated. What a status means is the provider's to say.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { InvalidResponse, TransportError } from "./AuthError.ts"
import { letGo } from "./internal/letGo.ts"
import { notFollowing } from "./internal/notFollowing.ts"
import { traced } from "./internal/quietSpan.ts"
import { tooLate, whatBroke } from "./internal/whatBroke.ts"
import { MessageTooLarge, UnexpectedRedirect } from "./TransportError.ts"

/**
 * Who is spoken to, as every failure tells it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Where {
  readonly provider: string
  readonly instance: string
}

/**
 * The beginning of an answer, whose status is no redirect's.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers.Headers
  /** Whether it says that its body is JSON. */
  readonly isJson: boolean
  /** What `Retry-After` asks for, counted from the arrival of the answer. */
  readonly retryAfter: Option.Option<Duration.Duration>
  /**
   * The body in UTF-8, read once however often it is asked for. Fails with `Closed` and `MessageTooLarge`, or where it is
   * no such text.
   */
  readonly text: Effect.Effect<string, TransportError | InvalidResponse>
}

/**
 * Sends one request; the answer is good while `judge` runs. Fails with what `judge` fails with, and with the `TransportError`
 * of what came in place of an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type HttpExchange = <A, E>(
  request: HttpClientRequest,
  judge: (answer: HttpAnswer) => Effect.Effect<A, E>,
  options?: Options
) => Effect.Effect<A, E | TransportError | InvalidResponse>

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The largest body. Default: `MAX_BYTES`. */
  readonly maxBytes?: number
}

/**
 * 1 MiB: the answers of an authority are a few lines.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BYTES: number = 1024 * 1024

/**
 * Over the HTTP client in the context. One that was made with `HttpClient.followRedirects` cannot be stopped, but is
 * found out: the answer is `UnexpectedRedirect` then.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (where: Where): Effect.Effect<HttpExchange, never, HttpClient.HttpClient> =>
  Effect.map(Effect.flatMap(HttpClient.HttpClient, withoutRedirects), (given) => {
    // What is not read to its end, or comes when its caller is just gone, ends with the scope.
    const client = HttpClient.withScope(given)
    const send = (request: HttpClientRequest) =>
      client.execute(request).pipe(
        // A client that was told to take a bad status for a failure.
        Effect.catch((error) =>
          error.reason._tag === "StatusCodeError"
            ? Effect.succeed(error.reason.response)
            : Effect.fail(whatBroke(where, error))
        )
      )
    return Effect.fnUntraced(function* (request, judge, options) {
      const response = yield* traced(request, send, { propagate: false })
      if (isElsewhere(request, response)) {
        // A client that follows by itself has sent a request of its own, which the scope does not know.
        yield* letGo(response)
        return yield* redirected(where, response.url)
      }
      if (response.status >= 300 && response.status < 400) {
        return yield* redirected(where, response.headers["location"], request.url)
      }
      const text = yield* Effect.cached(textOf(where, response, options?.maxBytes ?? MAX_BYTES))
      return yield* judge(answerOf(response, yield* Clock.currentTimeMillis, text))
    }, Effect.scoped)
  })

/**
 * The same client, told not to follow redirects by itself: `fetch` does unless told, Node's own clients do not. What else was
 * said to `fetch` in a `RequestInit` stays, be it said here or where a request is made.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutRedirects = <E, R>(
  client: HttpClient.HttpClient.With<E, R>
): Effect.Effect<HttpClient.HttpClient.With<E, Exclude<R, FetchHttpClient.RequestInit>>> =>
  Effect.map(Effect.serviceOption(FetchHttpClient.RequestInit), (given) =>
    HttpClient.transformResponse(client, (response) => notFollowing(response, Option.getOrUndefined(given)))
  )

/**
 * The failure of an operation whose time limit has passed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const timedOut = (where: Where): TransportError => tooLate(where)

/**
 * Whether a media type is JSON: `application/json`, or one of its kind, such as `application/problem+json`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isJson = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType.trim())

const answerOf = (response: HttpClientResponse, now: number, text: HttpAnswer["text"]): HttpAnswer => ({
  status: response.status,
  headers: response.headers,
  isJson: isJson(response.headers["content-type"]),
  retryAfter: Option.fromNullishOr(response.headers["retry-after"]).pipe(
    Option.flatMap((header) => Result.getSuccess(Headers.parseRetryAfter(header))),
    Option.map((parsed) => Headers.retryAfterDelay(parsed, now)),
    Option.filter((delay) => Number.isSafeInteger(Duration.toMillis(delay)))
  ),
  text
})

/** Whether the body is as long as it says: one that was packed is longer. */
const isShort = ({ headers }: HttpClientResponse, maxBytes: number): boolean =>
  headers["content-encoding"] === undefined && Number(headers["content-length"] ?? Infinity) <= maxBytes

const textOf = Effect.fnUntraced(function* (where: Where, response: HttpClientResponse, maxBytes: number) {
  if (isShort(response, maxBytes)) {
    return yield* decoded(
      where,
      yield* Effect.mapError(response.arrayBuffer, (error) => whatBroke(where, error))
    )
  }
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* response.stream.pipe(
    Stream.mapError((error) => whatBroke(where, error)),
    Stream.runForEach((chunk) => {
      size += chunk.length
      chunks.push(chunk)
      return size <= maxBytes
        ? Effect.void
        : Effect.fail(
            TransportError.because(
              where,
              new MessageTooLarge({ message: `the answer is larger than ${maxBytes} bytes` })
            )
          )
    })
  )
  return yield* decoded(where, concat(chunks, size))
})

const decoded = (where: Where, bytes: Uint8Array | ArrayBuffer) =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => new InvalidResponse({ ...where, message: "the answer is no text in UTF-8" })
  })

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** A client may add to the query by itself: that leads nowhere else. */
const whither = (url: string): string => {
  const { origin, pathname } = URL.parse(url) ?? {}
  return `${origin}${pathname}`
}

const isElsewhere = (request: HttpClientRequest, response: HttpClientResponse): boolean =>
  response.url !== "" && whither(response.url) !== whither(request.url)

/** Of the target only the origin is told: the rest may repeat what was sent. */
const redirected = (where: Where, target: string | undefined, base?: string): TransportError => {
  const origin = target === undefined ? undefined : URL.parse(target, base)?.origin
  return TransportError.because(
    where,
    new UnexpectedRedirect({
      message: `requests are sent elsewhere${origin === undefined ? "" : `, to ${origin}`}, where no credential goes; give the address that it leads to, if it is the right one`
    })
  )
}
