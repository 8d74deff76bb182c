/** After a failed renewal nobody tries again for a while: longer every time, and never all at once. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { AuthError } from "../AuthError.ts"
import { FIRST_PAUSE, LONGEST_PAUSE, PAUSE_JITTER } from "../Provider.ts"

/**
 * Whole milliseconds. What the server asked for is never undercut; `failures` counts those in a row, this one included.
 * Without an error: something died.
 */
export const howLongToPause = (
  error: AuthError | undefined,
  failures: number,
  longest: Duration.Duration = LONGEST_PAUSE
): Effect.Effect<number> =>
  Effect.map(Random.next, (random) => {
    const grown = Math.min(Duration.toMillis(FIRST_PAUSE) * 2 ** (failures - 1), Duration.toMillis(longest))
    return Math.ceil(Math.max(grown, askedFor(error)) * (1 + random * PAUSE_JITTER))
  })

const askedFor = (error: AuthError | undefined): number => {
  if (error?._tag === "TemporarilyLockedOut") return Duration.toMillis(error.retryAfter)
  if (error?._tag !== "TransportError" || error.reason._tag !== "RateLimited") return 0
  return error.reason.retryAfter === undefined ? 0 : Duration.toMillis(error.reason.retryAfter)
}
