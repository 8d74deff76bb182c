// Run by `npm run pack-check` in an empty project: the packed client looks for a game where there is none.
import { Resonite } from "@latchkey/resonite"
import { Effect } from "effect"
import assert from "node:assert/strict"

const program = Effect.gen(function* () {
  const resonite = yield* Resonite
  return yield* Effect.flip(resonite.status())
}).pipe(Effect.provide(Resonite.layer({ socket: "/nowhere/resonite-1.sock" })))

const error = await Effect.runPromise(program)
assert.equal(error._tag, "TransportError")
assert.equal(error.reason._tag, "SocketNotFound")
