import { assert } from "@effect/vitest"
import { InvalidToken } from "@latchkey/core"
import { Effect } from "effect"

/** The check that a token does not pass. */
export const refuses = <A, E, R>(
  check: InvalidToken["check"],
  effect: Effect.Effect<A, E, R>
): Effect.Effect<InvalidToken, A, R> =>
  Effect.map(Effect.flip(effect), (error) => {
    if (!(error instanceof InvalidToken)) return assert.fail(`no InvalidToken: ${JSON.stringify(error)}`)
    assert.strictEqual(error.check, check)
    return error
  })
