import { it } from "@effect/vitest"
import { TestClock } from "effect/testing"
import { SynmetrixTest } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.effect, "in memory", SynmetrixTest.layer, TestClock.setTime(1_795_328_785_777))
