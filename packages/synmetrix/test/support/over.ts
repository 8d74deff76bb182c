import type { HttpHandler, HttpResponse } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { Context, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import { type Options, Synmetrix } from "../../src/index.ts"

export const ORIGIN = "http://localhost:3000"

/** A client of whatever answers, in memory, living as long as the test. */
export const over = Effect.fnUntraced(function* (handler: HttpHandler, options?: Partial<Options>) {
  const memory = yield* HttpMemory.make({ origin: new URL(options?.url ?? ORIGIN).origin, handler })
  const synmetrix = yield* build({ url: ORIGIN, ...options }, memory.client)
  return { synmetrix, requests: memory.requests }
})

export const build = (options: Options, client: HttpClient.HttpClient) =>
  Effect.map(
    Layer.build(Synmetrix.layer(options).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client)))),
    (context) => Context.get(context, Synmetrix)
  )

export const answering =
  (answer: HttpResponse): HttpHandler =>
  () =>
    Effect.succeed(answer)
