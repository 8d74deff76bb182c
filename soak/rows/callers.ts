/** Many processes with many callers each find the session ended at the same moment. */
import { callersAtOnce } from "../renewals/callersAtOnce.ts"
import { played } from "../renewals/played.ts"

const sizes = [
  [8, 50],
  [32, 20]
] as const

export const callers = (rounds: number) =>
  played({
    what: "times 8 processes with 50 callers, or 32 with 20, at once",
    rounds,
    concurrency: 1,
    scenes: (store, place) =>
      sizes.map(([processes, times]) => ({
        name: `${processes} x ${times}`,
        play: callersAtOnce(store, place, processes, times)
      }))
  })
