import type { Session, SessionRef } from "@latchkey/core"
import { Robot, type RobotService } from "@latchkey/robot"
import { Effect } from "effect"

/** Runs with the session as it is; where the robot refuses it early, with a renewed one, once. */
export const callWith = Effect.fn("callWith")(function* <I, O, E>(
  live: SessionRef.SessionRef<E>,
  service: RobotService<I, O>,
  input: I
) {
  const robot = yield* Robot
  return yield* live.use((session: Session) => robot.call(session, service, input))
})
