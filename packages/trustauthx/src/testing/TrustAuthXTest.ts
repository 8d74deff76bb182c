/**
 * `TrustAuthX` in memory: no I/O, driven by the test clock.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { type Options as ClientOptions, TrustAuthX } from "../TrustAuthX.ts"
import type { TrustAuthXRoles } from "../TrustAuthXRoles.ts"
import * as Authority from "./Authority.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Authority.Options {
  /** Options of the client. Default: those of the application `ak_main` with the organization `org_main`. */
  readonly client?: Partial<Omit<ClientOptions, "url" | "plainHttp">>
}

/** Where it is by default; nothing is there. */
const ORIGIN = "https://api.trustauthx.com"

/**
 * The keys of the application `ak_main`.
 *
 * @category constants
 * @since 0.1.0
 */
export const application: Pick<ClientOptions, "apiKey" | "secretKey"> & { readonly orgId: string } = {
  apiKey: "ak_main",
  secretKey: Redacted.make("sk_main_0123456789abcdef"),
  orgId: "org_main"
}

/**
 * A service, and both clients of it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<TrustAuthX | TrustAuthXRoles | Authority.Authority, InvalidRequest> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { control, faults, handler } = yield* Authority.make(options)
      const memory = yield* HttpMemory.make({ origin: ORIGIN, handler, faults })
      return TrustAuthX.layer({ ...application, ...options.client }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, memory.client)),
        Layer.merge(Layer.succeed(Authority.Authority, control(memory)))
      )
    })
  )
