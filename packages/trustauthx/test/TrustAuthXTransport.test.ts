/** Real sockets, through every client that a program may give. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { TrustAuthX, TrustAuthXRoles } from "../src/index.ts"
import { Authority, TrustAuthXEmulator } from "../src/testing.ts"
import { failsBecause } from "../../../test/support/fails.ts"
import { until } from "../../../test/support/until.ts"
import { sample } from "./support/over.ts"
import { body, query } from "./support/query.ts"

const { HttpFault } = HttpFaults

const token = Redacted.make("at valid+/=&?#é")

for (const [name, http] of [
  ["fetch", FetchHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
] as const) {
  describe(`over ${name}`, () => {
    it.live("a DELETE takes its body along, with length and type", () =>
      Effect.gen(function* () {
        const roles = yield* TrustAuthXRoles
        const authority = yield* Authority
        yield* roles.deleteRole({ rolId: "rol_vwr_0000000000000003" })
        const request = (yield* authority.requests).find(({ method }) => method === "DELETE")
        assert.deepStrictEqual(body(request), { org_id: "org_main", rol_id: "rol_vwr_0000000000000003" })
        assert.strictEqual(request?.headers.get("content-type"), "application/json")
        assert.strictEqual(request?.headers.get("content-length"), String(request?.body.length))
      }).pipe(Effect.provide(TrustAuthXEmulator.layer({ http })))
    )

    it.live("a token arrives as it is, whatever it is made of, and nothing else with it", () =>
      Effect.gen(function* () {
        const trustauthx = yield* TrustAuthX
        const authority = yield* Authority
        assert.isFalse(yield* trustauthx.validateAccessToken(token))
        const [request] = yield* authority.requests
        assert.deepStrictEqual(query(request)[0], ["AccessToken", Redacted.value(token)])
        for (const header of ["authorization", "cookie", "referer", "traceparent", "b3"]) {
          assert.isFalse(request?.headers.has(header), header)
        }
      }).pipe(Effect.provide(TrustAuthXEmulator.layer({ http })))
    )

    it.live("trustauthx-57, S36: a redirect is not followed", () =>
      Effect.gen(function* () {
        const trustauthx = yield* TrustAuthX
        const authority = yield* Authority
        const { url } = yield* TrustAuthXEmulator
        yield* authority.faults.push(HttpFault.Redirect({ location: `${url}/elsewhere`, status: 307 }))
        yield* failsBecause("UnexpectedRedirect", trustauthx.revokeToken({ accessToken: token }))
        assert.lengthOf(yield* authority.requests, 1)
      }).pipe(Effect.provide(TrustAuthXEmulator.layer({ http })))
    )

    it.live("a call that is given up reaches the wire", () =>
      Effect.gen(function* () {
        const trustauthx = yield* TrustAuthX
        const authority = yield* Authority
        const fiber = yield* Effect.forkChild(trustauthx.getUser(Redacted.make("code-slow")))
        yield* until(Effect.map(authority.requests, ({ length }) => length === 1))
        yield* Fiber.interrupt(fiber)
        yield* until(Effect.map(authority.cancelled, (count) => count === 1))
      }).pipe(Effect.provide(TrustAuthXEmulator.layer({ http })))
    )

    it.live("nobody there, and a name without an address", () =>
      Effect.gen(function* () {
        const trustauthx = yield* TrustAuthX
        const authority = yield* Authority
        yield* authority.setReachable(false)
        yield* failsBecause("ConnectionFailed", trustauthx.validateAccessToken(token))
        yield* Effect.gen(function* () {
          const nowhere = yield* TrustAuthX
          yield* failsBecause("NameNotResolved", nowhere.validateAccessToken(token))
        }).pipe(
          Effect.provide(
            TrustAuthX.layer({ ...sample, url: "https://no-such-host.invalid" }).pipe(Layer.provide(http))
          )
        )
      }).pipe(Effect.provide(TrustAuthXEmulator.layer({ http })))
    )
  })
}
