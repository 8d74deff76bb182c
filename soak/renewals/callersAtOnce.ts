/** Many processes with many callers each find the session ended at the same moment. */
import { Deferred, Effect } from "effect"
import { held } from "./Authority.ts"
import { stage, tally, type Verdict, type World } from "./Stage.ts"
import type { Place } from "./places.ts"
import type { StoreName } from "./stores.ts"

export const callersAtOnce = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place,
  processes: number,
  callers: number,
  /** How long the renewal takes, in milliseconds. */
  latency = 100
): Effect.fn.Return<Verdict, never, World> {
  const { caller, faults, ledger, stored } = yield* stage(store, place)
  const call = held()
  faults.push(call)
  yield* Deferred.await(call.arrived).pipe(
    Effect.andThen(Effect.sleep(latency)),
    Effect.andThen(Deferred.succeed(call.letGo, undefined)),
    Effect.forkScoped
  )
  const all = yield* Effect.all(
    Array.from({ length: processes }, (_, n) => caller(n)),
    { concurrency: "unbounded" }
  )
  const answers = yield* Effect.forEach(all, ({ get }) => get(callers), { concurrency: "unbounded" })
  const seen = {
    calls: ledger.calls,
    reuses: ledger.reuses,
    answers: tally(answers),
    stored: yield* stored,
    living: ledger.living
  }
  const promised = {
    calls: 1,
    reuses: 0,
    answers: { "1.2": processes * callers },
    stored: "1.2",
    living: ["1.2"]
  }
  return { seen, promised }
})
