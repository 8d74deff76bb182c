import { it } from "@effect/vitest"
import { TrustAuthXEmulator } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.live, "over HTTP", TrustAuthXEmulator.layer)
