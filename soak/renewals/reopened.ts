/** The store goes away and comes back while a renewal is out: its server, or what a process has opened of its files. */
import { Effect, Fiber } from "effect"
import { heldUp, stage, tally, type Verdict, type World } from "./Stage.ts"
import type { Place } from "./places.ts"
import type { StoreName } from "./stores.ts"

const CALLERS = 10

export const reopened = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place
): Effect.fn.Return<Verdict, never, World> {
  const it = yield* stage(store, place)
  const { caller, ledger, stored } = it
  const others = [yield* caller(0), yield* caller(1)]
  const { answer, goOn, holder } = yield* heldUp(it, "request sent", "waiting")
  yield* Effect.scoped(caller(3))
  yield* place.restart
  const asked = yield* Effect.forkScoped(
    Effect.forEach([...others, yield* caller(3)], ({ get }) => get(CALLERS, { patient: true }), {
      concurrency: "unbounded"
    })
  )
  yield* goOn
  yield* answer
  const answers = yield* Fiber.join(asked)
  // A save that had failed is made up for, without another call.
  const last = yield* holder.get(1, { patient: true })
  return {
    seen: {
      calls: ledger.calls,
      reuses: ledger.reuses,
      holder: last.said,
      answers: tally(answers),
      stored: yield* stored
    },
    promised: {
      calls: 1,
      reuses: 0,
      holder: ["1.2"],
      answers: { "1.2": (others.length + 1) * CALLERS },
      stored: "1.2"
    }
  }
})

/** The process that renews closes everything in an orderly way: what it has asked for, it brings home. */
export const closedByHolder = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place
): Effect.fn.Return<Verdict, never, World> {
  const it = yield* stage(store, place)
  const { caller, ledger, stored } = it
  const other = yield* caller(0)
  const { goOn, holder } = yield* heldUp(it, "request sent", "waiting")
  const closing = yield* Effect.forkScoped(holder.tell({ do: "close" }))
  yield* goOn
  const closed = yield* Fiber.join(closing)
  const answer = yield* other.get(CALLERS)
  return {
    seen: {
      closed,
      calls: ledger.calls,
      reuses: ledger.reuses,
      answer: tally([answer]),
      stored: yield* stored
    },
    promised: { closed: [], calls: 1, reuses: 0, answer: { "1.2": CALLERS }, stored: "1.2" }
  }
})
