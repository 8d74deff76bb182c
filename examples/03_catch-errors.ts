import { Robot } from "@latchkey/robot"
import { Duration, Effect, type Redacted } from "effect"

/** What to tell the person who is signing in. */
export const explain = Effect.fn("explain")(
  function* (username: string, password: Redacted.Redacted<string>) {
    const robot = yield* Robot
    const session = yield* robot.auth({ username, password })
    return `signed in as ${session.key.account}`
  },
  Effect.catchTags({
    InvalidLogin: () => Effect.succeed("wrong user name or password"),
    TemporarilyLockedOut: ({ retryAfter }) => Effect.succeed(`locked out for ${Duration.format(retryAfter)}`)
  }),
  Effect.catchReason("TransportError", "ConnectionFailed", () => Effect.succeed("the robot is not there")),
  Effect.catch((error) => Effect.succeed(error.isRetryable ? "try again later" : error.message))
)
