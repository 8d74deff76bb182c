import { assert, describe, it } from "@effect/vitest"
import * as HttpHandler from "@latchkey/testing/HttpHandler"
import * as HttpServer from "@latchkey/testing/HttpServer"
import { Effect, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { Jwt, JwtKey } from "../src/index.ts"
import { selfMade, userOf, verifier } from "../../../examples/18_verify-a-token.ts"
import { jwk } from "./support/issuer.ts"
import * as Keys from "./support/keys.ts"
import { refuses } from "./support/refuses.ts"

describe("README", () => {
  it.live("verifying what an issuer signed", () =>
    Effect.gen(function* () {
      const { url } = yield* HttpServer.make({
        handler: ({ path }) =>
          Effect.succeed(
            path === "/.well-known/jwks.json"
              ? HttpHandler.json(200, { keys: [jwk("one")] })
              : HttpHandler.empty(404)
          )
      })
      const pem = Keys.pkcs8(Keys.pair("ES256").privateKey)
      const key = yield* JwtKey.fromPem({ algorithm: "ES256", pem, id: "one" })
      const claims = {
        iss: url,
        aud: ["https://api.example.com"],
        exp: Math.floor(Date.now() / 1000) + 600,
        sub: "ada",
        scope: "read"
      }
      const made = yield* verifier(url)
      const access = yield* Jwt.sign(claims, key, { header: { typ: "at+jwt" } })
      assert.deepStrictEqual(yield* userOf(made, access), { sub: "ada", scope: "read" })
      yield* refuses("Type", userOf(made, yield* Jwt.sign(claims, key)))
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.effect("signing with a shared secret", () =>
    Effect.gen(function* () {
      const { claims } = yield* selfMade(Redacted.make(Keys.text))
      assert.strictEqual(claims.sub, "job-7")
    })
  )
})
