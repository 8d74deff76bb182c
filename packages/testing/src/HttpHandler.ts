/**
 * What a web server does, written once for the client in memory and for the real server.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * A request as it came in.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpRequest {
  readonly method: string
  /** Without the query, such as `/login`. */
  readonly path: string
  /** With its question mark; empty where there is none. */
  readonly query: string
  /** Names in lower case. Contains the caller's token, if one was sent. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/**
 * An answer. Its length is stated by whoever sends it.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * Answers any request. One that dies, or whose answer cannot be sent, is answered with status 500, without a word.
 *
 * @category models
 * @since 0.1.0
 */
export type HttpHandler = (request: HttpRequest) => Effect.Effect<HttpResponse>

const encoder = new TextEncoder()

/**
 * @category constructors
 * @since 0.1.0
 */
export const text = (status: number, contentType: string, body: string): HttpResponse => ({
  status,
  headers: { "content-type": contentType },
  body: encoder.encode(body)
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const json = (status: number, value: unknown): HttpResponse =>
  text(status, "application/json", JSON.stringify(value))

/**
 * An answer without a body.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty = (status: number, headers: Readonly<Record<string, string>> = {}): HttpResponse => ({
  status,
  headers,
  body: new Uint8Array()
})
