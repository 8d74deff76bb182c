import { Sessions } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { SqliteSessionStore } from "@latchkey/store"
import { Config, Effect, Layer } from "effect"

export const program = Effect.gen(function* () {
  const robot = yield* Robot
  const sessions = yield* Sessions
  const account = yield* Config.String("ROBOT_USERNAME")
  const secret = yield* Config.Redacted("ROBOT_PASSWORD")
  const login = robot.auth({ username: account, password: secret })
  const live = yield* sessions.signIn(robot, { account, secret, login })
  return yield* live.token // valid now, or renewed once for everybody who waits
}).pipe(
  Effect.tapError((error) => Effect.logWarning(error.message)),
  Effect.catchTag("TemporarilyLockedOut", (error) => Effect.delay(Effect.fail(error), error.retryAfter))
)

// Which robot is signed in to, and where that is remembered, is decided here and nowhere else.
export const layer = Layer.merge(
  Robot.layerConfig({ url: Config.String("ROBOT_URL"), rootCertificates: Config.String("ROBOT_ROOTS") }),
  Sessions.layer.pipe(Layer.provideMerge(SqliteSessionStore.layer()))
)

if (process.argv[1] === import.meta.filename) {
  await Effect.runPromise(program.pipe(Effect.tap(Effect.log), Effect.provide(layer)))
}
