import { it } from "@effect/vitest"
import { TestClock } from "effect/testing"
import { RobotTest } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.effect, RobotTest.layer, TestClock.setTime(1_795_329_626_777))
