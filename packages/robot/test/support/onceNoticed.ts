import { Effect } from "effect"

const isClosed = (error: { readonly _tag: string; readonly reason?: { readonly _tag: string } }): boolean =>
  error._tag === "TransportError" && error.reason?._tag === "Closed"

/** A connection that was cut may be noticed by nobody before it is used: once for each of the two services. */
export const onceNoticed = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { while: (error) => isClosed(error), times: 2 })
