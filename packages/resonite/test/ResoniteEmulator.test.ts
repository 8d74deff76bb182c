import { it } from "@effect/vitest"
import { ResoniteEmulator } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.live, ResoniteEmulator.layer)
