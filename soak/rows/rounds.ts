/** Processes contend for one renewal and sleep through parts of it. */
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { isDeepStrictEqual } from "node:util"
import type { Line } from "../line.ts"
import { contention } from "../renewals/contention.ts"
import { places } from "../renewals/places.ts"

const AT_ONCE = 500

export const rounds = async (count: number): Promise<Line> => {
  const broken = { "double renewals": 0, "not the same for everybody at the end": 0 }
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = Effect.gen(function* () {
      const { address } = Option.getOrThrow(yield* places.sqlite)
      return yield* contention("sqlite", address, from, Math.min(AT_ONCE, count - from))
    })
    const verdicts = await Effect.runPromise(Effect.scoped(some).pipe(Effect.provide(TestClock.layer())))
    for (const [n, { promised, seen }] of verdicts.entries()) {
      if (isDeepStrictEqual(seen, promised)) continue
      const isDouble = !isDeepStrictEqual(seen["double renewals"], promised["double renewals"])
      broken[isDouble ? "double renewals" : "not the same for everybody at the end"]++
      console.error(`round ${from + n}: ${JSON.stringify(seen)}`)
    }
  }
  return { what: "rounds with pauses of up to ten leases", count, broken }
}
