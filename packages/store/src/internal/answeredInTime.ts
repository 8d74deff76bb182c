/**
 * Whether what is asked of a server is answered in time.
 *
 * The time is that of the machine, not of `Clock`: no test moves what is outside. `Effect.timeout` would run two fibers, and
 * cost more than most answers.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** The longest that a timer can run: about 24 days. */
export const MAX_MILLIS = 2 ** 31 - 1

/** Fails with `late` after so many milliseconds, also where it cannot be interrupted; what was asked is interrupted, and not waited for. */
export const answeredInTime = <A, E, E2>(
  asked: Effect.Effect<A, E>,
  millis: number,
  late: E2
): Effect.Effect<A, E | E2> =>
  Effect.contextWith((context) =>
    Effect.callback((resume) => {
      const fiber = Effect.runForkWith(context)(asked)
      const timer = setTimeout(
        () => {
          resume(Effect.fail(late))
          fiber.interruptUnsafe()
        },
        Math.min(millis, MAX_MILLIS)
      )
      fiber.addObserver((exit) => {
        clearTimeout(timer)
        resume(exit)
      })
      return Fiber.interrupt(fiber)
    })
  )
