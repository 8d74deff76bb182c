import { it } from "@effect/vitest"
import { TestClock } from "effect/testing"
import { CryoSparcTest } from "../src/testing.ts"
import { suite } from "./support/suite.ts"

suite(it.effect, "in memory", CryoSparcTest.layer, TestClock.setTime(1_795_329_626_777))
