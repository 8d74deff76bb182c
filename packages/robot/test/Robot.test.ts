import { it } from "@effect/vitest"
import { RobotTest } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.effect, RobotTest.layer)
