/** Subscribers of one session's events. A subscription ends with the session's scope. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { SessionEvent } from "../SessionRef.ts"

/** How many events a slow reader may be behind before it loses the oldest. */
const EVENTS_KEPT = 256

type Subscriber = Queue.Queue<SessionEvent, Cause.Done>

export class Subscribers {
  readonly #queues = new Set<Subscriber>()
  #isWatched = false

  tell(event: SessionEvent): void {
    for (const queue of this.#queues) Queue.offerUnsafe(queue, event)
  }

  changes(scope: Scope.Scope): Stream.Stream<SessionEvent> {
    return Stream.callback<SessionEvent>(
      (queue) =>
        Effect.acquireRelease(
          Effect.suspend(() => {
            this.#queues.add(queue)
            if (this.#isWatched && scope.state._tag !== "Closed") return Effect.void
            this.#isWatched = true
            return Scope.addFinalizer(scope, this.#end)
          }),
          () => Effect.sync(() => this.#queues.delete(queue))
        ),
      { bufferSize: EVENTS_KEPT, strategy: "sliding" }
    )
  }

  readonly #end = Effect.suspend(() =>
    Effect.forEach(this.#queues, (queue) => Queue.end(queue), { discard: true })
  )
}
