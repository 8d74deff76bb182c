/** A Synmetrix in a process of its own: prints where it is, and stops when its standard input ends. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { SynmetrixEmulator } from "@latchkey/synmetrix/testing"
import { Console, Effect } from "effect"
import { once } from "node:events"

const program = Effect.gen(function* () {
  const { url } = yield* SynmetrixEmulator
  yield* Console.log(url)
  process.stdin.resume()
  yield* Effect.promise(() => once(process.stdin, "end"))
}).pipe(Effect.provide(SynmetrixEmulator.layer()))

NodeRuntime.runMain(program)
