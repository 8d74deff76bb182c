/**
 * How long an operation may take: the same everywhere, unless somebody says otherwise.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Where } from "./HttpExchange.ts"
import { InvalidRequest } from "./AuthError.ts"

/**
 * 30 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_DEADLINE: Duration.Duration = Duration.seconds(30)

/**
 * What was given, or else `otherwise`. Fails with `InvalidRequest` of `timeout` for anything but a duration of more than 0 that has
 * an end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  where: Where,
  given: Duration.Input | undefined,
  otherwise: Duration.Duration = DEFAULT_DEADLINE
): Effect.Effect<Duration.Duration, InvalidRequest> => {
  if (given === undefined) return Effect.succeed(otherwise)
  const deadline = Duration.fromInput(given)
  return Option.isSome(deadline) && Duration.isPositive(deadline.value) && Duration.isFinite(deadline.value)
    ? Effect.succeed(deadline.value)
    : Effect.fail(
        new InvalidRequest({
          ...where,
          message: 'timeout must be a duration of more than 0, such as "30 seconds"',
          field: "timeout"
        })
      )
}
