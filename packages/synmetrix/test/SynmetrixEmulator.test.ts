import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { it } from "@effect/vitest"
import { SynmetrixEmulator } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.live, "over fetch", SynmetrixEmulator.layer)

suite(it.live, "over undici", (options) =>
  SynmetrixEmulator.layer({ ...options, http: NodeHttpClient.layerUndici })
)

suite(it.live, "over node:http", (options) =>
  SynmetrixEmulator.layer({ ...options, http: NodeHttpClient.layerNodeHttp })
)
