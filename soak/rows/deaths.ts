/** The process that renews is killed, at every moment of it. */
import { deadHolder } from "../renewals/deadHolder.ts"
import { moments } from "../renewals/moments.ts"
import { played } from "../renewals/played.ts"

const LIMIT = 2_000

export const deaths = (rounds: number) =>
  played({
    what: "deaths of a holder",
    rounds,
    // What is measured is their lease, not how they disturb each other.
    concurrency: 1,
    scenes: (store, place) =>
      moments.map((moment) => ({ name: moment, play: deadHolder(store, place, moment) })),
    figures: (all) => {
      const served = all.filter(({ isServed }) => isServed).map(({ delay }) => delay)
      const told = all.filter(({ isServed }) => !isServed).map(({ delay }) => delay)
      return {
        "longest until others were served": `${Math.max(...served)} ms`,
        "longest until others were told that nobody knows": `${Math.max(...told)} ms`
      }
    },
    broken: (all) => ({
      [`served later than ${LIMIT} ms`]: all.filter(({ delay, isServed }) => isServed && delay > LIMIT).length
    })
  })
