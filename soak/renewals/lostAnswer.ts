/** The service is asked, and no answer comes. */
import { Deferred, Effect } from "effect"
import { unusedPort } from "../../packages/store/test/postgresServer.ts"
import { held } from "./Authority.ts"
import { stage, tally, type Verdict, type World } from "./Stage.ts"
import type { Place } from "./places.ts"
import type { StoreName } from "./stores.ts"

const CALLERS = 10

/** What comes in place of an answer; for a service that spends no token, what that is called, and what the next call brings. */
const losses = {
  "closed before": { failure: "TransportError.Closed", next: "1.2" },
  "closed after": { failure: "TransportError.Closed", next: "1.3" },
  "no answer in time": { failure: "TransportError.TimedOut", next: "1.2" }
} as const

export type Loss = keyof typeof losses

export const kindsOfLoss = ["closed before", "closed after", "no answer in time"] as const

/** A spent token is not sent again by anybody; one that was not is, by whoever asks after the pause. */
export const lostAnswer = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place,
  loss: Loss,
  rotates: boolean
): Effect.fn.Return<Verdict, never, World> {
  const { bytes, caller, faults, ledger } = yield* stage(store, place, { rotates })
  const first = yield* caller(0, { timeout: 1_000 })
  const second = yield* caller(1)
  const before = yield* bytes
  const call = held()
  yield* Effect.addFinalizer(() => Deferred.succeed(call.letGo, undefined))
  faults.push(loss === "no answer in time" ? call : loss)
  const { failure, next: brought } = rotates
    ? { failure: "RefreshUncertain", next: "RefreshUncertain" }
    : losses[loss]
  const lost = yield* first.get(CALLERS)
  const isAsBefore = (yield* bytes) === before
  const next = yield* second.get(CALLERS)
  return {
    seen: {
      lost: tally([lost]),
      isAsBefore,
      next: tally([next]),
      calls: ledger.calls,
      reuses: ledger.reuses
    },
    promised: {
      lost: { [failure]: CALLERS },
      isAsBefore: true,
      next: { [brought]: CALLERS },
      calls: rotates ? 1 : 2,
      reuses: 0
    }
  }
})

/** Where nothing was sent, nothing is spent. */
export const nobodyListens = Effect.fnUntraced(function* (
  store: StoreName,
  place: Place
): Effect.fn.Return<Verdict, never, World> {
  const { bytes, caller, ledger } = yield* stage(store, place)
  const before = yield* bytes
  const first = yield* caller(0, { url: `http://127.0.0.1:${yield* unusedPort}` })
  const second = yield* caller(1)
  const failed = yield* first.get(CALLERS)
  const isAsBefore = (yield* bytes) === before
  const next = yield* second.get(CALLERS)
  return {
    seen: {
      failed: tally([failed]),
      isAsBefore,
      next: tally([next]),
      calls: ledger.calls,
      reuses: ledger.reuses
    },
    promised: {
      failed: { "TransportError.ConnectionFailed": CALLERS },
      isAsBefore: true,
      next: { "1.2": CALLERS },
      calls: 1,
      reuses: 0
    }
  }
})
