// Run by `npm run pack-check` in an empty project: the packed client looks for the service where there is none.
import { TrustAuthX } from "@latchkey/trustauthx"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import assert from "node:assert/strict"

const program = Effect.gen(function* () {
  const trustauthx = yield* TrustAuthX
  assert.equal(
    yield* trustauthx.generateUrl(),
    "https://app.trustauthx.com/widget/login/?org_id=an_organization"
  )
  return yield* Effect.flip(trustauthx.validateAccessToken(Redacted.make("a token")))
}).pipe(
  Effect.provide(
    TrustAuthX.layer({
      apiKey: "a_key",
      secretKey: Redacted.make("a secret"),
      orgId: "an_organization",
      url: "http://127.0.0.1:2",
      inMemory: false
    }).pipe(Layer.provide(FetchHttpClient.layer))
  )
)

const error = await Effect.runPromise(program)
assert.equal(error._tag, "TransportError")
assert.equal(error.reason._tag, "ConnectionFailed")
