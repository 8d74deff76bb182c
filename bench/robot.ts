/** A robot in a process of its own: prints where it is as one line of JSON, and stops when its standard input ends. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { RobotEmulator } from "@latchkey/robot/testing"
import { Console, Effect } from "effect"
import { once } from "node:events"

const program = Effect.gen(function* () {
  const { rootCertificates, url } = yield* RobotEmulator
  yield* Console.log(JSON.stringify({ rootCertificates, url }))
  process.stdin.resume()
  yield* Effect.promise(() => once(process.stdin, "end"))
}).pipe(Effect.provide(RobotEmulator.layer({ rateLimit: Infinity })))

NodeRuntime.runMain(program)
