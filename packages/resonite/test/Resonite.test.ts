import { it } from "@effect/vitest"
import { ResoniteTest } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.effect, ResoniteTest.layer)
