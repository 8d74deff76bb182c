/** Who hears of each new copy. A slow reader gets the latest; all of them end with the scope. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

export interface Subscribers<A> {
  readonly tell: (news: A) => void
  readonly end: Effect.Effect<void>
  readonly stream: Stream.Stream<A>
}

export const make = <A>(): Subscribers<A> => {
  const queues = new Set<Queue.Queue<A, Cause.Done>>()
  let ended = false
  return {
    tell: (news) => {
      for (const queue of queues) Queue.offerUnsafe(queue, news)
    },
    end: Effect.suspend(() => {
      ended = true
      return Effect.forEach(queues, (queue) => Queue.end(queue), { discard: true })
    }),
    stream: Stream.callback<A>(
      (queue) =>
        Effect.acquireRelease(
          Effect.suspend((): Effect.Effect<unknown> => {
            if (ended) return Queue.end(queue)
            queues.add(queue)
            return Effect.void
          }),
          () => Effect.sync(() => queues.delete(queue))
        ),
      { bufferSize: 1, strategy: "sliding" }
    )
  }
}
