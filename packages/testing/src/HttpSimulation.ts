/**
 * What every simulated service over HTTP has in common, whether its requests come through memory or over a real server.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { HttpFaults } from "./HttpFaults.ts"
import type { HttpHandler, HttpRequest } from "./HttpHandler.ts"

/**
 * What is known only where the requests arrive: an `HttpServer` and an `HttpMemory` are such a place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Arrivals {
  readonly requests: Effect.Effect<ReadonlyArray<HttpRequest>>
  readonly cancelled: Effect.Effect<number>
  readonly setListening: (listening: boolean) => Effect.Effect<void>
}

/**
 * A test's side of the line to a service.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  /** Whether anything is there. When nothing is, connections are refused. */
  readonly setReachable: (reachable: boolean) => Effect.Effect<void>
  /** Every request that arrived, oldest first, secrets included. */
  readonly requests: Effect.Effect<ReadonlyArray<HttpRequest>>
  /** How many requests the client gave up. */
  readonly cancelled: Effect.Effect<number>
  /** What shall go wrong next. */
  readonly faults: HttpFaults
}

/**
 * A service that nothing serves yet, and what a test can do to it once something does.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpSimulation<out Control> {
  readonly handler: HttpHandler
  readonly faults: HttpFaults
  readonly control: (server: Arrivals) => Control
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const line = ({ cancelled, requests, setListening }: Arrivals, faults: HttpFaults): Line => ({
  setReachable: setListening,
  requests,
  cancelled,
  faults
})
