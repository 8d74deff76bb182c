/** Which question is under way: one at a time, for whoever waits; taken back when nobody waits any more. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

export interface Outcome<A, E> {
  /** What the question was about; it may not be what one wants to know. */
  readonly about: string
  /** Whether it was under way before. */
  readonly joined: boolean
  readonly exit: Exit.Exit<A, E>
}

interface Question<A, E> {
  readonly about: string
  readonly answer: Deferred.Deferred<A, E>
  fiber: Fiber.Fiber<A, E> | undefined
  waiting: number
}

/** Joins the question under way, whatever it is about, or asks. Asking goes on until the scope ends. */
export const make = Effect.fnUntraced(function* <A, E>(): Effect.fn.Return<
  (about: string, ask: Effect.Effect<A, E>) => Effect.Effect<Outcome<A, E>>,
  never,
  Scope.Scope
> {
  const scope = yield* Effect.scope
  let current: Question<A, E> | undefined

  const start = (mine: Question<A, E>, ask: Effect.Effect<A, E>): Effect.Effect<void> =>
    ask.pipe(
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

  const leave = (mine: Question<A, E>): Effect.Effect<void> =>
    Effect.suspend(() => {
      mine.waiting--
      if (mine.waiting > 0 || mine.fiber === undefined || Deferred.isDoneUnsafe(mine.answer))
        return Effect.void
      if (current === mine) current = undefined
      return Fiber.interrupt(mine.fiber)
    })

  return (about, ask) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const before = current
        const mine = before ?? { about, answer: Deferred.makeUnsafe<A, E>(), fiber: undefined, waiting: 0 }
        current = mine
        mine.waiting++
        return (before === undefined ? start(mine, ask) : Effect.void).pipe(
          Effect.andThen(restore(Effect.exit(Deferred.await(mine.answer)))),
          Effect.map((exit) => ({ about: mine.about, joined: before !== undefined, exit })),
          Effect.ensuring(leave(mine))
        )
      })
    )
})
