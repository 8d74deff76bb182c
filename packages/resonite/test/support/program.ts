/** Uses a game, and leaves its scope. Whatever is left behind would keep this process from ending. */
import { Resonite } from "@latchkey/resonite"
import { Effect, Stream } from "effect"

const [socket = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const resonite = yield* Resonite
  yield* resonite.status()
  yield* Effect.forkScoped(Stream.runDrain(resonite.changes({ interval: "1 hour" })))
  // Nothing is ever answered: it is the scope that ends it.
  yield* Effect.forkScoped(resonite.logout({ timeout: "1 hour" }), { startImmediately: true })
})

await program.pipe(Effect.scoped, Effect.provide(Resonite.layer({ socket })), Effect.runPromise)
process.stdout.write("scope closed")
