/**
 * `Synmetrix` in memory: no I/O, driven by the test clock.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { type Options as SynmetrixOptions, Synmetrix } from "../Synmetrix.ts"
import * as AuthServer from "./AuthServer.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends AuthServer.Options {
  /** The client's own options. */
  readonly client?: Omit<SynmetrixOptions, "url" | "plainHttp">
  /** What is put around the client in memory, such as a jar for cookies. Default: nothing. */
  readonly around?: (client: HttpClient.HttpClient) => HttpClient.HttpClient
}

/** Nothing is there. */
const ORIGIN = "http://localhost:3000"

/**
 * A server, a client of it, and the `HttpClient` that reaches it and nothing else: its GraphQL is at `/v1/graphql` of the client's
 * `instance`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Synmetrix | AuthServer.AuthServer | HttpClient.HttpClient, InvalidRequest> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { control, faults, handler } = yield* AuthServer.make(options)
      const memory = yield* HttpMemory.make({ origin: ORIGIN, handler, faults })
      const client = options.around?.(memory.client) ?? memory.client
      return Synmetrix.layer({ url: ORIGIN, ...options.client }).pipe(
        Layer.provideMerge(Layer.succeed(HttpClient.HttpClient, client)),
        Layer.merge(Layer.succeed(AuthServer.AuthServer, control(memory)))
      )
    })
  )
