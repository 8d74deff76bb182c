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
 * What goes wrong. A server that cannot be reached at all is not a fault of one request: see `setListening` of
 * `HttpServer` and `HttpMemory`.
 *
 * @category models
 * @since 0.1.0
 */
export type HttpFault = Data.TaggedEnum<{
  /** The handler runs only after that time. */
  Delay: { readonly duration: Duration.Input }
  /** The connection is cut before the handler runs. */
  DropBefore: {}
  /** The connection is cut after the handler ran: the change is made, its answer is lost. */
  DropAfter: {}
  /** The connection is cut in the middle of the handler's answer. */
  ResetBody: {}
  /** Nothing is ever answered; the handler does not run. */
  Silent: {}
  /** This status with an empty body, and these headers, instead of the handler's answer. */
  Status: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** A web page. Default status: 200. */
  Html: { readonly status?: number }
  /** Default status: 302. */
  Redirect: { readonly location: string; readonly status?: number }
  /** Status 204. */
  NoContent: {}
  /** The handler's answer, with the second half of its body missing in a proper frame. */
  Truncated: {}
  /** The handler's answer under this content type. */
  ContentType: { readonly contentType: string }
  /** The handler's answer, whose body is that many blanks. */
  Oversized: { readonly bytes: number }
}>

/**
 * @category constructors
 * @since 0.1.0
 */
export const HttpFault = Data.taggedEnum<HttpFault>()

/**
 * @category models
 * @since 0.1.0
 */
export interface HttpFaults {
  /** Appends a fault. With a `path`, only requests to that path take it; `times` is 1 unless told. */
  readonly push: (
    fault: HttpFault,
    options?: { readonly path?: string; readonly times?: number }
  ) => Effect.Effect<void>
  /** Takes the first fault that fits. */
  readonly take: (path: string) => Effect.Effect<Option.Option<HttpFault>>
  /** How many faults were not taken yet. */
  readonly pending: Effect.Effect<number>
  readonly clear: Effect.Effect<void>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<HttpFaults> = Effect.gen(function* () {
  const queue = yield* Ref.make<
    ReadonlyArray<{ readonly fault: HttpFault; readonly path: string | undefined }>
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
