/**
 * A protocol-true Synmetrix deployment on loopback, in plain http. For tests, demos and other programs.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as HttpServer from "@latchkey/testing/HttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { type Options as SynmetrixOptions, Synmetrix } from "../Synmetrix.ts"
import * as AuthServer from "./AuthServer.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends AuthServer.Options {
  /** Default: a free one. */
  readonly port?: number
  /** The other options of the client in the layer. */
  readonly client?: Omit<SynmetrixOptions, "url">
  /** What the client speaks through. Default: `fetch`. */
  readonly http?: Layer.Layer<HttpClient.HttpClient>
}

/**
 * What another program needs to reach the emulator.
 *
 * @category services
 * @since 0.1.0
 */
export class SynmetrixEmulator extends Context.Service<
  SynmetrixEmulator,
  {
    /** `http://127.0.0.1:PORT`: that of a client, and what `/v1/graphql` is below. */
    readonly url: string
    readonly server: HttpServer.HttpServer
  }
>()("@latchkey/synmetrix/testing/SynmetrixEmulator") {
  /** The emulator, the server in it, a client of it, and the `HttpClient` that it speaks through. */
  static readonly layer = (
    options: Options = {}
  ): Layer.Layer<
    SynmetrixEmulator | AuthServer.AuthServer | Synmetrix | HttpClient.HttpClient,
    InvalidRequest
  > =>
    Layer.unwrap(
      Effect.map(make(options), (context) =>
        Synmetrix.layer({ url: Context.get(context, SynmetrixEmulator).url, ...options.client }).pipe(
          Layer.provideMerge(options.http ?? FetchHttpClient.layer),
          Layer.merge(Layer.succeedContext(context))
        )
      )
    )
}

const make = Effect.fnUntraced(function* (options: Options) {
  const { control, faults, handler } = yield* AuthServer.make(options)
  const server = yield* HttpServer.make({
    handler,
    faults,
    ...(options.port !== undefined && { port: options.port })
  })
  return Context.make(SynmetrixEmulator, { url: server.url, server }).pipe(
    Context.add(AuthServer.AuthServer, control(server))
  )
})
