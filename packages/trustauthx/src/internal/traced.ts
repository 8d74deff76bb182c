/** What a span of this service is called. Without a stack: the failures have their own. */
import * as Effect from "effect/Effect"

export const traced = <A, E, R>(operation: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withSpan(effect, `TrustAuthX.${operation}`, { captureStackTrace: false })
