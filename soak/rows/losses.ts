/** No answer comes from the service, or nobody listens there. */
import { kindsOfLoss, lostAnswer, nobodyListens } from "../renewals/lostAnswer.ts"
import { played } from "../renewals/played.ts"

export const losses = (rounds: number) =>
  played({
    what: "renewals without an answer",
    rounds,
    scenes: (store, place) => [
      ...[true, false].flatMap((rotates) =>
        kindsOfLoss.map((loss) => ({
          name: `${loss}, ${rotates ? "rotating" : "not rotating"}`,
          play: lostAnswer(store, place, loss, rotates)
        }))
      ),
      { name: "nobody listens", play: nobodyListens(store, place) }
    ]
  })
