import { Effect } from "effect"

/** Lets sockets and timers do their work until something holds; the test's own time limit ends it. */
export const until = (holds: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(holds, (does) =>
    does
      ? Effect.void
      : Effect.andThen(
          Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))),
          until(holds)
        )
  )
