/** Subscribers of one session's events. Costs nothing while there are none. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { SessionEvent } from "../SessionRef.ts"

/** How many events a slow reader may be behind before it loses the oldest. */
const EVENTS_KEPT = 256

export class Subscribers {
  readonly #queues = new Set<Queue.Enqueue<SessionEvent>>()

  tell(event: SessionEvent): void {
    for (const queue of this.#queues) Queue.offerUnsafe(queue, event)
  }

  readonly changes: Stream.Stream<SessionEvent> = Stream.callback<SessionEvent>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() => this.#queues.add(queue)),
        () => Effect.sync(() => this.#queues.delete(queue))
      ),
    { bufferSize: EVENTS_KEPT, strategy: "sliding" }
  )
}
