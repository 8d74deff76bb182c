/** The process that renews is killed. */
import { Effect } from "effect"
import type { Age } from "./authorityProvider.ts"
import type { Moment } from "./moments.ts"
import { heldUp, stage, tally, type Verdict, type World } from "./Stage.ts"
import type { Place } from "./places.ts"
import type { StoreName } from "./stores.ts"

const CALLERS = 10

/** Once it has marked the token nobody can know whether it was spent, until the new one is saved. */
const ends = {
  "has the lease": { calls: 1, answer: "1.2", stored: "1.2" },
  "has marked": { calls: 0, answer: "RefreshUncertain", stored: "1.1" },
  "request sent": { calls: 1, answer: "RefreshUncertain", stored: "1.1" },
  "answer arrived": { calls: 1, answer: "RefreshUncertain", stored: "1.1" },
  saved: { calls: 1, answer: "1.2", stored: "1.2" }
} as const satisfies Readonly<Record<Moment, unknown>>

export interface Delayed extends Verdict {
  /** From the death to the answers of all other processes, in milliseconds. */
  readonly delay: number
  /** Whether they were given the new token. */
  readonly isServed: boolean
}

export const deadHolder = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place,
  moment: Moment,
  age: Age = "ended"
): Effect.fn.Return<Delayed, never, World> {
  const it = yield* stage(store, place, { age })
  const { caller, ledger, stored } = it
  const others = [yield* caller(0), yield* caller(1)] as const
  const { reached, since } = yield* heldUp(it, moment, "SIGKILL")
  const answers = yield* Effect.forEach(others, ({ get }) => get(CALLERS), { concurrency: "unbounded" })
  const end = ends[moment]
  const before = { calls: ledger.calls, reuses: ledger.reuses, stored: yield* stored }
  yield* others[0].tell({ do: "adopt", grant: ledger.signIn() })
  yield* others[1].tell({ do: "reload" })
  const after = yield* Effect.forEach(others, ({ get }) => get(1))
  const answer = age === "due" && end.answer === "RefreshUncertain" ? "1.1" : end.answer
  return {
    delay: Math.max(...answers.map(({ now }) => now)) - since,
    isServed: end.answer === "1.2",
    seen: { reached, ...before, answers: tally(answers), afterANewLogin: tally(after) },
    promised: {
      reached: true,
      calls: end.calls,
      reuses: 0,
      stored: end.stored,
      answers: { [answer]: others.length * CALLERS },
      afterANewLogin: { "2.1": others.length }
    }
  }
})
