/** The process that renews is paused for much longer than its lease, and goes on as if nothing had happened. */
import { Effect, Fiber } from "effect"
import type { Moment } from "./moments.ts"
import { heldUp, stage, tally, type Verdict, type World } from "./Stage.ts"
import type { Place } from "./places.ts"
import type { StoreName } from "./stores.ts"

/** That of `SessionRef`, in milliseconds. */
export const LEASE = 1_500

/** What somebody has signed in meanwhile is not overwritten. What was saved before is what its callers asked for. */
const superseded = {
  "has the lease": { calls: 0, holder: "2.1" },
  "has marked": { calls: 1, holder: "2.1" },
  "request sent": { calls: 1, holder: "2.1" },
  "answer arrived": { calls: 1, holder: "2.1" },
  saved: { calls: 1, holder: "1.2" }
} as const satisfies Readonly<Record<Moment, unknown>>

export const sleepingHolder = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place,
  moment: Moment,
  options: { readonly isSuperseded: boolean; readonly millis: number }
): Effect.fn.Return<Verdict, never, World> {
  const it = yield* stage(store, place)
  const { caller, ledger, stored } = it
  const others = [yield* caller(0), yield* caller(1)] as const
  const { answer, goOn, holder, reached } = yield* heldUp(it, moment, "SIGSTOP")
  if (options.isSuperseded) yield* others[0].tell({ do: "adopt", grant: ledger.signIn() })
  const meanwhile = yield* Effect.forkScoped(
    Effect.forEach(others, ({ get }) => get(5), { concurrency: "unbounded" })
  )
  yield* Effect.sleep(options.millis)
  yield* goOn
  const { said } = yield* answer
  yield* Fiber.join(meanwhile)
  const all = [holder, ...others]
  yield* Effect.forEach(all, ({ tell }) => tell({ do: "reload" }))
  const last = yield* Effect.forEach(all, ({ get }) => get(1))
  const label = options.isSuperseded ? "2.1" : "1.2"
  const end = options.isSuperseded ? superseded[moment] : { calls: 1, holder: "1.2" }
  return {
    seen: {
      reached,
      calls: ledger.calls,
      reuses: ledger.reuses,
      holder: said,
      finally: tally(last),
      stored: yield* stored
    },
    promised: {
      reached: true,
      calls: end.calls,
      reuses: 0,
      holder: [end.holder],
      finally: { [label]: all.length },
      stored: label
    }
  }
})

/** A renewal that takes that long, of a process that lives: everybody waits for it. */
export const slowRenewal = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place,
  millis: number
): Effect.fn.Return<Verdict, never, World> {
  const it = yield* stage(store, place)
  const { caller, ledger, stored } = it
  const others = [yield* caller(0), yield* caller(1)]
  const { answer, goOn } = yield* heldUp(it, "request sent", "waiting")
  const meanwhile = yield* Effect.forkScoped(
    Effect.forEach(others, ({ get }) => get(5), { concurrency: "unbounded" })
  )
  yield* Effect.sleep(millis)
  yield* goOn
  const answers = [yield* answer, ...(yield* Fiber.join(meanwhile))]
  return {
    seen: { calls: ledger.calls, reuses: ledger.reuses, answers: tally(answers), stored: yield* stored },
    promised: { calls: 1, reuses: 0, answers: { "1.2": 11 }, stored: "1.2" }
  }
})
