import type { HttpHandler } from "@latchkey/testing/HttpHandler"
import type { HttpFaults } from "@latchkey/testing/HttpFaults"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpClient } from "effect/http"
import { type Options, TrustAuthX, TrustAuthXRoles } from "../../src/index.ts"

const ORIGIN = "https://api.trustauthx.com"

export const sample = {
  apiKey: "ak_main",
  secretKey: Redacted.make("sk_main_0123456789abcdef"),
  orgId: "org_main"
}

export const build = (options: Options, client: HttpClient.HttpClient) =>
  Effect.map(
    Layer.build(TrustAuthX.layer(options).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client)))),
    (context) => ({
      trustauthx: Context.get(context, TrustAuthX),
      roles: Context.get(context, TrustAuthXRoles)
    })
  )

/** Clients of whatever answers, in memory, living as long as the test. */
export const over = Effect.fnUntraced(function* (
  handler: HttpHandler,
  options: Partial<Options> = {},
  faults?: HttpFaults
) {
  const memory = yield* HttpMemory.make({ origin: ORIGIN, handler, ...(faults && { faults }) })
  const services = yield* build({ ...sample, ...options }, memory.client)
  return { ...services, ...memory }
})
