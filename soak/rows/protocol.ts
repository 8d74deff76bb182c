import { guards, protocol as protocolOf } from "../../packages/core/src/internal/renewalProtocol.ts"
import { explore } from "../../packages/core/test/support/explore.ts"
import { nothing, rulesOf, type Settings, startOf } from "../../packages/core/test/support/renewalWorld.ts"
import type { Line } from "../line.ts"

const two = { processes: 2, rotates: true, forgives: false, attempts: 2, rounds: 1 }

/** More may go wrong at once than there is time for in the tests. */
const scenarios: Readonly<Record<string, Settings>> = {
  "a death, a sleep, a lost answer, a refusal and a logout": {
    ...two,
    stock: { ...nothing, crashes: 1, lapses: 1, lostAnswers: 1, refusals: 1, logouts: 1 }
  },
  "a death, a sleep, a store that fails and a logout": {
    ...two,
    stock: { ...nothing, crashes: 1, lapses: 1, storeFailures: 1, logouts: 1 }
  },
  "three: a death, two sleeps and a lost answer": {
    ...two,
    processes: 3,
    attempts: 1,
    stock: { ...nothing, crashes: 1, lapses: 2, lostAnswers: 1 }
  }
}

/** Everything that programs can do to one session. */
export const protocol = async (): Promise<Line> => {
  const figures: Record<string, string> = {}
  const broken = { "scenarios in which a promise is broken": 0 }
  let count = 0
  for (const [name, settings] of Object.entries(scenarios)) {
    const { counterExample, worlds } = explore(startOf(settings), rulesOf(protocolOf(guards), settings))
    figures[name] = `${worlds} worlds`
    count += worlds
    if (counterExample === undefined) continue
    broken["scenarios in which a promise is broken"]++
    console.error(counterExample)
  }
  return { what: "worlds of the protocol, each with all that can happen next", count, broken, figures }
}
