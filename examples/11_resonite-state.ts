import { Resonite } from "@latchkey/resonite"
import { DateTime, Effect, Option } from "effect"

export const state = Effect.gen(function* () {
  const resonite = yield* Resonite
  const { loggedIn, sessionExpires, userId, userName } = yield* resonite.status()
  if (!loggedIn) return "nobody is signed in"
  const until = Option.match(sessionExpires, {
    onNone: () => "",
    onSome: (end) => `, until ${DateTime.formatIso(end)} or longer`
  })
  return `${userName ?? userId ?? "somebody"} is signed in${until}`
})

/** The game that runs on this machine. */
export const thisMachine = Resonite.layer()
