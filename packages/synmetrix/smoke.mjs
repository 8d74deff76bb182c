// Run by `npm run pack-check` in an empty project: the packed client looks for a server where there is none.
import { Synmetrix } from "@latchkey/synmetrix"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import assert from "node:assert/strict"

const program = Effect.gen(function* () {
  const synmetrix = yield* Synmetrix
  return yield* Effect.flip(
    synmetrix.login({ email: "ada@example.com", password: Redacted.make("a password") })
  )
}).pipe(
  Effect.provide(Synmetrix.layer({ url: "http://127.0.0.1:2" }).pipe(Layer.provide(FetchHttpClient.layer)))
)

const error = await Effect.runPromise(program)
assert.equal(error._tag, "TransportError")
assert.equal(error.reason._tag, "ConnectionFailed")
