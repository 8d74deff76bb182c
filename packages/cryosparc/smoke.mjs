// Run by `npm run pack-check` in an empty project: the packed client looks for an instance where there is none.
import { CryoSparc } from "@latchkey/cryosparc"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import assert from "node:assert/strict"

const program = Effect.gen(function* () {
  const cryosparc = yield* CryoSparc
  return yield* Effect.flip(
    cryosparc.login({ email: "ada@example.com", password: Redacted.make("a password") })
  )
}).pipe(Effect.provide(CryoSparc.layer({ url: "127.0.0.1:2" }).pipe(Layer.provide(FetchHttpClient.layer))))

const error = await Effect.runPromise(program)
assert.equal(error._tag, "TransportError")
assert.equal(error.reason._tag, "ConnectionFailed")
