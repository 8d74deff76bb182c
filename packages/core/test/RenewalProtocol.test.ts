import { assert, describe, it } from "@effect/vitest"
import { guards, protocol } from "../src/internal/renewalProtocol.ts"
import { explore } from "./support/explore.ts"
import { nothing, rulesOf, startOf, type Settings } from "./support/renewalWorld.ts"

const plain = { processes: 2, rotates: true, forgives: false, attempts: 2, stock: nothing } satisfies Settings

describe("x", () => {
  const all: Record<string, Settings> = {
    none: plain,
    crash: { ...plain, stock: { ...nothing, crashes: 1, lapses: 1 } },
    lost: { ...plain, stock: { ...nothing, lapses: 1, lostAnswers: 1 } },
    logout: { ...plain, stock: { ...nothing, lapses: 1, logouts: 1, logins: 1 } },
    store: { ...plain, stock: { ...nothing, lapses: 1, storeFailures: 1 } },
    all: {
      ...plain,
      stock: {
        crashes: 1,
        lapses: 1,
        lostAnswers: 1,
        refusals: 1,
        storeFailures: 1,
        logouts: 1,
        logins: 0,
        ends: 0
      }
    },
    three: { ...plain, processes: 3, attempts: 1, stock: { ...nothing, lapses: 1, crashes: 1 } }
  }
  for (const [name, settings] of Object.entries(all))
    it(
      name,
      () => {
        const t = performance.now()
        const r = explore(startOf(settings), rulesOf(protocol(guards), settings))
        console.log(name, r.worlds, Math.round(performance.now() - t), "ms")
        if (r.counterExample) console.log(r.counterExample)
        assert.isUndefined(r.counterExample)
      },
      600000
    )
})
