import { it } from "@effect/vitest"
import { TrustAuthXTest } from "../src/testing.ts"
import { roleSuite } from "./support/roleSuite.ts"

roleSuite(it.effect, "in memory", TrustAuthXTest.layer, true)

roleSuite(it.effect, "in memory, kept in SQLite", TrustAuthXTest.layer, false)
