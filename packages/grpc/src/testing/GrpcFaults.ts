/**
 * A script of things that go wrong: a queue of faults, each taken by the next request that it fits.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"

/**
 * What goes wrong.
 *
 * @category models
 * @since 0.1.0
 */
export type GrpcFault = Data.TaggedEnum<{
  /** The handler runs only after that time. */
  Delay: { readonly duration: Duration.Input }
  /** The connection is cut before the handler runs. */
  DropBefore: {}
  /** The connection is cut after the handler ran: the change is made, its answer is lost. */
  DropAfter: {}
  /** Nothing is ever answered; the handler does not run. */
  Silent: {}
  /** This status instead of the handler's answer. */
  Status: { readonly code: number; readonly details: string }
  /** This text as `grpc-status`, whether or not it is a number. */
  RawStatus: { readonly status: string }
  /** The answer of an HTTP proxy. Default content type: `text/plain`; default body: empty. */
  Http: { readonly status: number; readonly contentType?: string; readonly body?: string }
  /** A web page with HTTP status 200. */
  Html: {}
  /** These bytes as the message, in a proper frame. */
  Garbage: { readonly bytes: Uint8Array }
  /** The handler's answer, with its last bytes missing in the frame. */
  Truncated: {}
  /** Status 0 without a message. */
  NoMessage: {}
  /** The message, and then the end, without a status. */
  NoTrailers: {}
  /** A message of that many zero bytes. */
  Oversized: { readonly bytes: number }
  /** The stream is reset with this HTTP/2 error code. */
  ResetStream: { readonly code: number }
}>

/**
 * @category constructors
 * @since 0.1.0
 */
export const GrpcFault = Data.taggedEnum<GrpcFault>()

/**
 * @category models
 * @since 0.1.0
 */
export interface GrpcFaults {
  /** Appends a fault. With a `path`, only requests to that method take it; `times` is 1 unless told. */
  readonly push: (
    fault: GrpcFault,
    options?: { readonly path?: string; readonly times?: number }
  ) => Effect.Effect<void>
  /** Takes the first fault that fits. */
  readonly take: (path: string) => Effect.Effect<Option.Option<GrpcFault>>
  /** How many faults were not taken yet. */
  readonly pending: Effect.Effect<number>
  /** Forgets what was not taken yet. */
  readonly clear: Effect.Effect<void>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<GrpcFaults> = Effect.gen(function* () {
  const queue = yield* Ref.make<
    ReadonlyArray<{ readonly fault: GrpcFault; readonly path: string | undefined }>
  >([])
  return {
    push: (fault, options) =>
      Ref.update(queue, (entries) => [
        ...entries,
        ...Array.from({ length: options?.times ?? 1 }, () => ({ fault, path: options?.path }))
      ]),
    take: (path) =>
      Ref.modify(queue, (entries) => {
        const index = entries.findIndex((entry) => entry.path === undefined || entry.path === path)
        const entry = entries[index]
        return entry === undefined
          ? [Option.none(), entries]
          : [Option.some(entry.fault), entries.toSpliced(index, 1)]
      }),
    pending: Effect.map(Ref.get(queue), (entries) => entries.length),
    clear: Ref.set(queue, [])
  }
})
