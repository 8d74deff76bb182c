import { SessionRef } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { Effect, Layer, type Redacted } from "effect"

export const program = (password: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const robot = yield* Robot
    const session = yield* robot.auth({ username: "user", password })
    const live = yield* SessionRef.make(robot, session)
    return yield* live.token // valid now, or renewed once for everybody who waits
  }).pipe(
    Effect.tapErrorTag("TemporarilyLockedOut", (error) =>
      Effect.logWarning("locked out for", error.retryAfter)
    ),
    Effect.scoped
  )

/** Needs a `FileSystem`, such as that of `@effect/platform-node`. */
export const spot = (url: string, roots: string) =>
  Robot.rootCertificates(roots).pipe(
    Effect.map((rootCertificates) => Robot.layer({ url, rootCertificates })),
    Layer.unwrap
  )
