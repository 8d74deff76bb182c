/** The store goes away and comes back during a renewal. */
import { restartable } from "../renewals/places.ts"
import { played } from "../renewals/played.ts"
import { closedByHolder, reopened } from "../renewals/reopened.ts"

export const restarts = (rounds: number) =>
  played({
    what: "stores restarted or closed during a renewal",
    rounds,
    // The server behind them is one.
    concurrency: 1,
    places: restartable,
    scenes: (store, place) => [
      { name: "reopened", play: reopened(store, place) },
      { name: "closed by the holder", play: closedByHolder(store, place) }
    ]
  })
