import { Resonite } from "@latchkey/resonite"
import { Game, ResoniteTest } from "@latchkey/resonite/testing"
import { Effect, Redacted } from "effect"

export const aLogoutInTheGame = Effect.gen(function* () {
  const game = yield* Game
  const resonite = yield* Resonite
  const before = yield* resonite.login({ credential: "ada", password: Redacted.make("correct-horse") })
  yield* game.logoutInGame
  const after = yield* resonite.status()
  return [before.loggedIn, after.loggedIn]
}).pipe(Effect.provide(ResoniteTest.layer()))
