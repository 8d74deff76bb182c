import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { FetchHttpClient } from "effect/http"
import { TrustAuthXRoles } from "../src/index.ts"
import { Authority, TrustAuthXEmulator } from "../src/testing.ts"
import { body } from "./support/query.ts"
import { roleSuite } from "./support/roleSuite.ts"

roleSuite(it.live, "over HTTP", TrustAuthXEmulator.layer, true)

roleSuite(it.live, "over HTTP, kept in SQLite", TrustAuthXEmulator.layer, false)

const rolId = "rol_edt_0000000000000002"

describe("a body that goes with DELETE", () => {
  for (const [client, http] of [
    ["fetch", FetchHttpClient.layer],
    ["undici", NodeHttpClient.layerUndici],
    ["node:http", NodeHttpClient.layerNodeHttp]
  ] as const) {
    it.live(`trustauthx-38, trustauthx-39: goes out over ${client}, with its length and its type`, () =>
      Effect.gen(function* () {
        const roles = yield* TrustAuthXRoles
        const authority = yield* Authority
        const left = yield* roles.deletePermission({ rolId, permissions: { docs: "write" } })
        assert.isEmpty(left.permissions)
        yield* roles.deleteRole({ rolId })
        const requests = yield* authority.requests
        assert.deepStrictEqual(requests.map(body), [
          { org_id: "org_main", rol_id: rolId, permissions: [{ docs: "write" }] },
          { org_id: "org_main", rol_id: rolId }
        ])
        for (const { body: sent, headers, method } of requests) {
          assert.strictEqual(method, "DELETE")
          assert.strictEqual(headers.get("content-length"), String(sent.length))
          assert.match(headers.get("content-type") ?? "", /^application\/json\b/)
        }
      }).pipe(Effect.provide(TrustAuthXEmulator.layer({ http })))
    )
  }
})
