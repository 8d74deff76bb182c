import type { HttpHandler, HttpResponse } from "@latchkey/testing/HttpHandler"
import { json } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { Context, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import { CryoSparc, type Options } from "../../src/index.ts"

const ORIGIN = "http://localhost:39000"

/** A client of whatever answers, in memory, living as long as the test. */
export const over = Effect.fnUntraced(function* (handler: HttpHandler, options?: Partial<Options>) {
  const memory = yield* HttpMemory.make({ origin: options?.url ?? ORIGIN, handler })
  const cryosparc = yield* build({ url: ORIGIN, ...options }, memory.client)
  return { cryosparc, requests: memory.requests }
})

export const build = (options: Options, client: HttpClient.HttpClient) =>
  Effect.map(
    Layer.build(CryoSparc.layer(options).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client)))),
    (context) => Context.get(context, CryoSparc)
  )

export const description = json(200, { paths: { "/auth/token": { post: { summary: "login" } } } })

/** Describes its API, and answers this to every sign-in. */
export const answering =
  (answer: HttpResponse): HttpHandler =>
  (request) =>
    Effect.succeed(request.method === "GET" ? description : answer)
