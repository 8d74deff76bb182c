import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { it } from "@effect/vitest"
import { CryoSparcEmulator } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.live, "over fetch", CryoSparcEmulator.layer)

suite(it.live, "over undici", (options) =>
  CryoSparcEmulator.layer({ ...options, http: NodeHttpClient.layerUndici })
)

suite(it.live, "over node:http", (options) =>
  CryoSparcEmulator.layer({ ...options, http: NodeHttpClient.layerNodeHttp })
)
