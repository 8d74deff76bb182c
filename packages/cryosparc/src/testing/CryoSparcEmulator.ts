/**
 * A protocol-true instance on loopback, in plain http. For tests, demos and other programs.
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
import { CryoSparc, type Options as CryoSparcOptions } from "../CryoSparc.ts"
import * as Instance from "./Instance.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Instance.Options {
  /** Default: a free one. */
  readonly port?: number
  /** The other options of the client in the layer. */
  readonly client?: Omit<CryoSparcOptions, "url">
  /** What the client speaks through. Default: `fetch`. */
  readonly http?: Layer.Layer<HttpClient.HttpClient>
}

/**
 * What another program needs to reach the emulator.
 *
 * @category services
 * @since 0.1.0
 */
export class CryoSparcEmulator extends Context.Service<
  CryoSparcEmulator,
  {
    /** `http://127.0.0.1:PORT`, and the prefix where there is one. */
    readonly url: string
    readonly server: HttpServer.HttpServer
  }
>()("@latchkey/cryosparc/testing/CryoSparcEmulator") {
  /** The emulator, the instance in it, and a client of it. */
  static readonly layer = (
    options: Options = {}
  ): Layer.Layer<CryoSparcEmulator | Instance.Instance | CryoSparc, InvalidRequest> =>
    Layer.unwrap(
      Effect.map(make(options), (context) =>
        CryoSparc.layer({ url: Context.get(context, CryoSparcEmulator).url, ...options.client }).pipe(
          Layer.provide(options.http ?? FetchHttpClient.layer),
          Layer.merge(Layer.succeedContext(context))
        )
      )
    )
}

const make = Effect.fnUntraced(function* (options: Options) {
  const { control, faults, handler } = yield* Instance.make(options)
  const server = yield* HttpServer.make({
    handler,
    faults,
    ...(options.port !== undefined && { port: options.port })
  })
  return Context.make(CryoSparcEmulator, { url: `${server.url}${options.prefix ?? ""}`, server }).pipe(
    Context.add(Instance.Instance, control(server))
  )
})
