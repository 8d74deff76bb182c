import { it } from "@effect/vitest"
import { RobotEmulator } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.live, RobotEmulator.layer)
