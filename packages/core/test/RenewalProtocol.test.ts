/** All that several processes can do to one session, walked through to the end. */
import { assert, describe, it } from "@effect/vitest"
import { begin, type Guards, guards, protocol } from "../src/internal/renewalProtocol.ts"
import { explore } from "./support/explore.ts"
import {
  nothing,
  rulesOf,
  type Settings,
  soundStore,
  startOf,
  type Step,
  type Stock,
  type StoreGuards
} from "./support/renewalWorld.ts"

const settings = (stock: Partial<Stock>, rest: Partial<Settings> = {}): Settings => ({
  processes: 2,
  rotates: true,
  forgives: false,
  attempts: 2,
  rounds: 1,
  ...rest,
  stock: { ...nothing, ...stock }
})

/** Few enough worlds for every run of the tests; `npm run soak -- protocol` walks through more. */
const scenarios: Readonly<Record<string, Settings>> = {
  "nothing goes wrong, twice over": settings({}, { rounds: 2 }),
  "the store fails one alone, whom the service has refused": settings(
    { refusals: 1, storeFailures: 1 },
    { processes: 1 }
  ),
  "the service forgives a lost answer": settings({ lostAnswers: 1 }, { forgives: true }),
  "the service forgives one lost answer, and two are lost": settings({ lostAnswers: 2 }, { forgives: true }),
  "the service forgives, an answer is lost, and the service refuses": settings(
    { lostAnswers: 1, refusals: 1 },
    { forgives: true }
  ),
  "the session comes to its end, and a holder sleeps": settings({ ends: 1, lapses: 1 }),
  "the session comes to its end, and a holder dies": settings({ ends: 1, crashes: 1 }),
  "one dies and one sleeps past its lease": settings({ crashes: 1, lapses: 1 }),
  "the service forgives, and one dies or sleeps": settings({ crashes: 1, lapses: 1 }, { forgives: true }),
  "an answer is lost, and a holder sleeps": settings({ lostAnswers: 1, lapses: 1 }),
  "somebody logs out, and in again": settings({ logouts: 1, logins: 1 }),
  "the service spends no tokens": settings({ lostAnswers: 1, crashes: 1, lapses: 1 }, { rotates: false }),
  "the service refuses, and the store fails": settings({ refusals: 1, storeFailures: 1 }),
  "somebody logs out, and a holder sleeps": settings({ logouts: 1, lapses: 1 }),
  "the store fails, and a holder sleeps": settings({ storeFailures: 1, lapses: 1 }),
  "somebody logs out while the store fails": settings({ logouts: 1, storeFailures: 1 }),
  "both sleep past their leases, twice over": settings({ lapses: 2 }, { rounds: 2 }),
  "somebody signs in anew, and a holder sleeps": settings({ logins: 1, lapses: 1 }, { rounds: 2 }),
  "three, and somebody logs out": settings({ logouts: 1 }, { processes: 3, attempts: 1 }),
  "three, and an answer is lost": settings({ lostAnswers: 1, lapses: 1 }, { processes: 3, attempts: 1 }),
  "three, of whom one dies and one sleeps": settings({ crashes: 1, lapses: 1 }, { processes: 3, attempts: 1 })
}

/** The fewest moves to something broken, in the first scenario in which something is. */
const counterExample = (step: Step, store: StoreGuards = soundStore): string | undefined => {
  for (const scenario of Object.values(scenarios)) {
    const found = explore(startOf(scenario), rulesOf(step, scenario, store)).counterExample
    if (found !== undefined) return found
  }
  return undefined
}

const never = () => false
const always = () => true

/** Each guard replaced by what a mistake would make of it. */
const mistakes: { readonly [G in keyof Guards]: ReadonlyArray<Guards[G]> } = {
  isNews: [never, always],
  isWon: [never],
  isOver: [never, always],
  isMarked: [
    never,
    always,
    (memory, lease, version) => guards.isMarked({ ...memory, harmless: undefined }, lease, version)
  ],
  isForgiven: [never, always, ({ forgives }) => forgives, (_, isRepeated) => !isRepeated],
  mustMark: [never, always],
  leavesDoubt: [never, always],
  isOrphan: [never]
}

describe("P01, P10, P42, S01: the protocol of a renewal", () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`keeps every promise when ${name}`, { timeout: 120_000 }, () => {
      const { counterExample: broken, worlds } = explore(
        startOf(scenario),
        rulesOf(protocol(guards), scenario)
      )

      assert.isUndefined(broken, broken)
      assert.isAbove(worlds, 50)
    })
  }

  it("shows what went wrong as moves that a person can follow", () => {
    const broken = counterExample(protocol({ ...guards, isMarked: never })) ?? ""
    const lines = broken.split("\n")
    assert.isAbove(lines.length, 10)
    for (const line of lines.slice(0, -1)) assert.match(line, /^ {1,2}\d+\. (Ada|Bob|the|somebody) \S/)
    assert.match(lines.at(-1) ?? "", /^ {5}\S/)
  })

  it("throws for an event that nobody waits for", () => {
    const { state } = begin<string, string, string>({ due: "v1", rotates: true, forgives: false }, {})
    assert.throws(() => protocol(guards)(state, { _tag: "Saved", version: "v2" }))
  })
})

describe("a guard that is not there is missed", () => {
  for (const [name, replacements] of Object.entries(mistakes)) {
    for (const [n, replacement] of replacements.entries()) {
      it(`${name}, mistake ${n + 1}`, { timeout: 120_000 }, () => {
        const broken = counterExample(protocol({ ...guards, [name]: replacement }))
        assert.isDefined(broken)
      })
    }
  }

  for (const name of [
    "leasesAreExclusive",
    "putChecksFence",
    "putChecksVersion",
    "markChecksFence",
    "removeChecksVersion"
  ] as const) {
    it(`of the store: ${name}`, { timeout: 120_000 }, () => {
      assert.isDefined(counterExample(protocol(guards), { ...soundStore, [name]: false }))
    })
  }
})
