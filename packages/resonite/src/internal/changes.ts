/** Which answers are news. The game tells nobody of a change: it must be asked, again and again. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { AuthStatus } from "../AuthStatus.ts"
import type { StatusError } from "../SignIn.ts"

type Outcome = Result.Result<AuthStatus, StatusError>

export const DEFAULT_INTERVAL = Duration.seconds(2)

/** Texts may differ from one failure to the next and mean the same. */
const kind = (error: StatusError): string => {
  if (error._tag === "TransportError") return error.reason._tag
  return error._tag === "FailedPrecondition" ? error.precondition : error._tag
}

const isSame = (one: Outcome, other: Outcome): boolean =>
  Result.isSuccess(one) && Result.isSuccess(other)
    ? Equal.equals(one.success, other.success)
    : Result.isFailure(one) && Result.isFailure(other) && kind(one.failure) === kind(other.failure)

/** Asks only when somebody wants the next element. An interval that cannot be one is the only element. */
export const make = (
  ask: Effect.Effect<AuthStatus, StatusError>,
  interval: Effect.Effect<Duration.Duration, InvalidRequest>
): Stream.Stream<Outcome> =>
  interval.pipe(
    Effect.map((every) => Stream.fromEffectSchedule(Effect.result(ask), Schedule.spaced(every))),
    Effect.catch((error) => Effect.succeed(Stream.succeed<Outcome>(Result.fail(error)))),
    Stream.unwrap,
    Stream.changesWith(isSame)
  )
