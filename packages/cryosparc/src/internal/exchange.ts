/** One request and the text of its answer. */
import { TransportError } from "@latchkey/core/AuthError"
import { MessageTooLarge } from "@latchkey/core/TransportError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import type { LoginError } from "../CryoSparc.ts"
import * as Answer from "./answer.ts"
import type { Where } from "./arguments.ts"
import { whatBroke } from "./whatBroke.ts"

const MiB = 1024 * 1024

/** The description of a large API is megabytes long; the answer to a sign-in is a line. */
const MAX_BYTES: Readonly<Record<Answer.Step, number>> = { description: 16 * MiB, login: MiB }

/** A client may add to the query by itself: that leads nowhere else. */
const whither = (url: string): string => {
  const { origin, pathname } = URL.parse(url) ?? {}
  return `${origin}${pathname}`
}

const body = Effect.fnUntraced(function* (where: Where, response: HttpClientResponse, maxBytes: number) {
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
  return yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)),
    catch: () => Answer.unreadable(where)
  })
})

/** Leaves no connection waiting for a body that nobody reads. A span of the client's would hold the request: none. */
export const make = (client: HttpClient.HttpClient, where: Where) => {
  const scoped = HttpClient.withScope(client)
  return (step: Answer.Step, request: HttpClientRequest): Effect.Effect<string, LoginError> =>
    Effect.gen(function* () {
      const response = yield* scoped.execute(request).pipe(
        // A client that was told to take a bad status for a failure.
        Effect.catch((error) =>
          error.reason._tag === "StatusCodeError"
            ? Effect.succeed(error.reason.response)
            : Effect.fail(whatBroke(where, error))
        )
      )
      if (response.url !== "" && whither(response.url) !== whither(request.url)) {
        return yield* Answer.redirected(where)
      }
      const now = yield* Clock.currentTimeMillis
      const refused = Answer.refusal(where, step, response.status, response.headers, now)
      if (refused !== undefined) return yield* refused
      if (!Answer.isJson(response.headers["content-type"])) return yield* Answer.unreadable(where)
      return yield* body(where, response, MAX_BYTES[step])
    }).pipe(
      Effect.scoped,
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
    )
}
