/** Another process signs out while the session is being renewed, at every moment of it. */
import { logoutMeanwhile } from "../renewals/logoutMeanwhile.ts"
import { moments } from "../renewals/moments.ts"
import { played } from "../renewals/played.ts"

export const logouts = (rounds: number) =>
  played({
    what: "logouts during a renewal",
    rounds,
    scenes: (store, place) =>
      moments.map((moment) => ({ name: moment, play: logoutMeanwhile(store, place, moment) }))
  })
