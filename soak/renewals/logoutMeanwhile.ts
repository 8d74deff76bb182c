/** Somebody signs out in another process while the session is being renewed. */
import { Effect } from "effect"
import type { Moment } from "./moments.ts"
import { heldUp, stage, type Verdict, type World } from "./Stage.ts"
import type { Place } from "./places.ts"
import type { StoreName } from "./stores.ts"

export const logoutMeanwhile = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place,
  moment: Moment
): Effect.fn.Return<Verdict, never, World> {
  const it = yield* stage(store, place)
  const { caller, ledger, stored } = it
  const other = yield* caller(0)
  const { answer, goOn, holder, reached } = yield* heldUp(it, moment, "waiting")
  const loggedOut = yield* other.tell({ do: "logout" })
  yield* goOn
  const { said } = yield* answer
  // What it knows by itself, it may have been given before the logout.
  yield* holder.tell({ do: "reload" })
  const last = yield* holder.get(1)
  return {
    seen: {
      reached,
      loggedOut,
      isGivenWhatCameLater: moment !== "saved" && said.includes("1.2"),
      finally: last.said.includes("1.2"),
      reuses: ledger.reuses,
      stored: yield* stored,
      living: ledger.living
    },
    promised: {
      reached: true,
      loggedOut: ["forgotten"],
      isGivenWhatCameLater: false,
      finally: false,
      reuses: 0,
      stored: "nothing",
      living: []
    }
  }
})
