/**
 * Which robot is at the other end.
 *
 * Asked once, and again only after a connection was lost: the address may then lead to another robot. However many
 * wait for the answer, one question is under way; it is taken back when nobody waits any more.
 */
import { TransportError } from "@latchkey/core/AuthError"
import { TimedOut } from "@latchkey/core/TransportError"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { RobotId } from "../RobotId.ts"

export interface WhichRobot<E> {
  /** Asks the robot, or joins the question under way. */
  readonly ask: (timeout: Duration.Duration) => Effect.Effect<RobotId, E | TransportError>
  /** Asks only if the answer is not known, or may have changed. */
  readonly serialNumber: (timeout: Duration.Duration) => Effect.Effect<string, E | TransportError>
}

interface Question<E> {
  readonly answer: Deferred.Deferred<RobotId, E>
  fiber: Fiber.Fiber<RobotId, E> | undefined
  waiting: number
}

export interface Options<E> {
  readonly provider: string
  readonly instance: string
  /** Spares the question. */
  readonly serialNumber: string | undefined
  /** What the question is given at least, so that an impatient caller does not fail it for a patient one. */
  readonly patience: Duration.Duration
  /** How many connections were lost so far. */
  readonly losses: Effect.Effect<number>
  readonly call: (timeout: Duration.Duration) => Effect.Effect<RobotId, E>
}

export const make = Effect.fnUntraced(function* <E>(
  options: Options<E>
): Effect.fn.Return<WhichRobot<E>, never, Scope.Scope> {
  const { patience } = options
  const scope = yield* Effect.scope
  let known: { readonly serialNumber: string; readonly losses: number } | undefined
  let current: Question<E> | undefined

  const question = Effect.fnUntraced(function* (timeout: Duration.Duration) {
    const losses = yield* options.losses
    const id = yield* options.call(Duration.max(timeout, patience))
    known = { serialNumber: id.serialNumber, losses }
    return id
  })

  const start = (mine: Question<E>, timeout: Duration.Duration): Effect.Effect<void> =>
    question(timeout).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (current === mine) current = undefined
          Deferred.doneUnsafe(mine.answer, exit)
        })
      ),
      Effect.forkIn(scope, { startImmediately: true }),
      Effect.map((fiber) => {
        mine.fiber = fiber
      })
    )

  const leave = (mine: Question<E>): Effect.Effect<void> =>
    Effect.suspend(() => {
      mine.waiting--
      if (mine.waiting > 0 || mine.fiber === undefined || Deferred.isDoneUnsafe(mine.answer))
        return Effect.void
      if (current === mine) current = undefined
      return Fiber.interrupt(mine.fiber)
    })

  const join = (timeout: Duration.Duration): Effect.Effect<RobotId, E> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const joined = current
        const mine = joined ?? { answer: Deferred.makeUnsafe<RobotId, E>(), fiber: undefined, waiting: 0 }
        current = mine
        mine.waiting++
        return (joined === undefined ? start(mine, timeout) : Effect.void).pipe(
          Effect.andThen(restore(Deferred.await(mine.answer))),
          Effect.ensuring(leave(mine))
        )
      })
    )

  const ask = (timeout: Duration.Duration): Effect.Effect<RobotId, E | TransportError> =>
    Duration.isGreaterThanOrEqualTo(timeout, patience)
      ? join(timeout)
      : Effect.timeoutOrElse(join(timeout), {
          duration: timeout,
          orElse: () =>
            Effect.fail(
              TransportError.because(
                options,
                new TimedOut({ message: "the robot did not say who it is in time" })
              )
            )
        })

  return {
    ask,
    serialNumber: (timeout) =>
      options.serialNumber === undefined
        ? Effect.flatMap(options.losses, (losses) =>
            known?.losses === losses
              ? Effect.succeed(known.serialNumber)
              : Effect.map(ask(timeout), (id) => id.serialNumber)
          )
        : Effect.succeed(options.serialNumber)
  }
})
