/** The demo's other process: finds the session that was stored, and uses it. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { SessionRef, SessionStore } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { SqliteSessionStore } from "@latchkey/store"
import { Console, Effect, FileSystem, Layer } from "effect"
import { guardedService } from "./guardedService.ts"

const [url = "", roots = "", path = "", account = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const robot = yield* Robot
  const store = yield* SessionStore
  const { session } = yield* Effect.fromOption(yield* store.find({ provider: robot.name, account }))
  const live = yield* SessionRef.open(robot, session.key)
  yield* live.use((it) => robot.call(it, guardedService, undefined))
  yield* Console.log(`still signed in: the robot serves ${session.key.account} in process ${process.pid}`)
})

const layer = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const rootCertificates = yield* fs.readFileString(roots)
    return Layer.merge(Robot.layer({ url, rootCertificates }), SqliteSessionStore.layer({ path }))
  })
)

NodeRuntime.runMain(program.pipe(Effect.provide(layer), Effect.scoped, Effect.provide(NodeServices.layer)))
