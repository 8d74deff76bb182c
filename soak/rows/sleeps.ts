/** The process that renews is paused, up to ten leases long. */
import { moments } from "../renewals/moments.ts"
import { played } from "../renewals/played.ts"
import { LEASE, sleepingHolder, slowRenewal } from "../renewals/sleepingHolder.ts"

const LONGEST = 10 * LEASE

export const sleeps = (rounds: number) =>
  played({
    what: "pauses of a holder, and renewals as slow",
    rounds,
    concurrency: 11,
    scenes: (store, place, round) => {
      const length = () => (round === 0 ? LONGEST : Math.round(Math.random() * LONGEST))
      return [
        ...[true, false].flatMap((isSuperseded) =>
          moments.map((moment) => {
            const millis = length()
            return {
              name: `${moment}, ${millis} ms${isSuperseded ? ", superseded" : ""}`,
              play: sleepingHolder(store, place, moment, { isSuperseded, millis })
            }
          })
        ),
        { name: "slow", play: slowRenewal(store, place, length()) }
      ]
    }
  })
