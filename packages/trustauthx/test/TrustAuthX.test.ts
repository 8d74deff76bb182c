import { it } from "@effect/vitest"
import { TrustAuthXTest } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.effect, "in memory", TrustAuthXTest.layer)
