/**
 * A protocol-true TrustAuthX on loopback, in plain http, with a login page for browsers. For tests, demos and other programs.
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
import { type Options as ClientOptions, TrustAuthX } from "../TrustAuthX.ts"
import type { TrustAuthXRoles } from "../TrustAuthXRoles.ts"
import * as Authority from "./Authority.ts"
import { application } from "./TrustAuthXTest.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Authority.Options {
  /** Default: a free one. */
  readonly port?: number
  /** Options of the client in the layer. Default: those of the application `ak_main` with the organization `org_main`. */
  readonly client?: Partial<Omit<ClientOptions, "url" | "hostedUrl">>
  /** What the client speaks through. Default: `fetch`. */
  readonly http?: Layer.Layer<HttpClient.HttpClient>
}

/**
 * What another program needs to reach the emulator.
 *
 * @category services
 * @since 0.1.0
 */
export class TrustAuthXEmulator extends Context.Service<
  TrustAuthXEmulator,
  {
    /** `http://127.0.0.1:PORT`, for `url` and for `hostedUrl`. */
    readonly url: string
    readonly server: HttpServer.HttpServer
  }
>()("@latchkey/trustauthx/testing/TrustAuthXEmulator") {
  /** The emulator, the service in it, and both clients of it. */
  static readonly layer = (
    options: Options = {}
  ): Layer.Layer<TrustAuthXEmulator | Authority.Authority | TrustAuthX | TrustAuthXRoles, InvalidRequest> =>
    Layer.unwrap(
      Effect.map(make(options), (context) => {
        const { url } = Context.get(context, TrustAuthXEmulator)
        return TrustAuthX.layer({ ...application, ...options.client, url, hostedUrl: url }).pipe(
          Layer.provide(options.http ?? FetchHttpClient.layer),
          Layer.merge(Layer.succeedContext(context))
        )
      })
    )
}

const make = Effect.fnUntraced(function* (options: Options) {
  const { control, faults, handler } = yield* Authority.make(options)
  const server = yield* HttpServer.make({
    handler,
    faults,
    ...(options.port !== undefined && { port: options.port })
  })
  return Context.make(TrustAuthXEmulator, { url: server.url, server }).pipe(
    Context.add(Authority.Authority, control(server))
  )
})
