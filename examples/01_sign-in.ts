import { Sessions } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { SqliteSessionStore } from "@latchkey/store"
import { Effect, Layer, type Redacted } from "effect"

export const program = Effect.fn("program")(
  function* (username: string, password: Redacted.Redacted<string>) {
    const robot = yield* Robot
    const sessions = yield* Sessions
    const login = robot.auth({ username, password })
    const live = yield* sessions.signIn(robot, { account: username, secret: password, login })
    return yield* live.token // valid now, or renewed once for everybody who waits
  },
  Effect.tapError((error) => Effect.logWarning(error.message)),
  Effect.catchTag("TemporarilyLockedOut", (error) => Effect.delay(Effect.fail(error), error.retryAfter))
)

// What is signed in to, and where it is remembered, is decided here and nowhere else.
export const layer = Sessions.layer.pipe(Layer.provideMerge(SqliteSessionStore.layer()))
