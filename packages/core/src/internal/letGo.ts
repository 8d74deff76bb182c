/** How an answer whose body nobody wants is let go: nobody waits for it, and no connection does. */
import * as Effect from "effect/Effect"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"

/** Begins to read, and is interrupted at once: that ends the request. How reading would have gone does not matter. */
export const letGo = (response: HttpClientResponse): Effect.Effect<void> =>
  Effect.raceFirst(Effect.interruptible(Effect.exit(Stream.runDrain(response.stream))), Effect.void).pipe(
    Effect.asVoid
  )
