/**
 * `CryoSparc` in memory: no I/O, driven by the test clock.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { CryoSparc, type Options as CryoSparcOptions } from "../CryoSparc.ts"
import * as Instance from "./Instance.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Omit<Instance.Options, "prefix"> {
  /** The client's own options. */
  readonly client?: Pick<CryoSparcOptions, "timeout">
}

/** Where an instance is by default; nothing is there. */
const ORIGIN = "http://localhost:39000"

/**
 * An instance, and a client of it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<CryoSparc | Instance.Instance, InvalidRequest> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { control, faults, handler } = yield* Instance.make(options)
      const memory = yield* HttpMemory.make({ origin: ORIGIN, handler, faults })
      return CryoSparc.layer({ url: ORIGIN, ...options.client }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, memory.client)),
        Layer.merge(Layer.succeed(Instance.Instance, control(memory)))
      )
    })
  )
