/** To which robot a secret may go, and whether it went there. */
import { FailedPrecondition } from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import type { GrpcChannel } from "@latchkey/grpc"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { RobotId } from "../RobotId.ts"
import type { CallError, SessionError } from "../SignIn.ts"
import * as WhichRobot from "./whichRobot.ts"
import { robotIdService } from "./wire.ts"

export interface Options {
  readonly provider: string
  readonly instance: string
  readonly patience: Duration.Duration
  /** No other robot gets a secret. */
  readonly only: string | undefined
  /** Asks the robot who it is, without a secret. */
  readonly ask: (timeout: Duration.Duration) => Effect.Effect<RobotId, CallError>
}

export interface Recipient {
  /** The robot to which a secret may go on that connection now. Nothing may come in between. */
  readonly recipient: (
    authority: string,
    session: Session | undefined,
    timeout: Duration.Duration
  ) => Effect.Effect<WhichRobot.Answerer, SessionError<CallError>>
  /**
   * Whether what was sent has gone to another robot: one that a connection leads to that was made in the meantime. Where
   * that cannot be found out it has not: it was the right one just before.
   */
  readonly isMisled: (
    authority: string,
    robot: WhichRobot.Answerer,
    timeout: Duration.Duration
  ) => Effect.Effect<boolean>
}

export const make = Effect.fnUntraced(function* (
  channel: GrpcChannel.GrpcChannel,
  { ask, instance, only, patience, provider }: Options
): Effect.fn.Return<Recipient, never, Scope.Scope> {
  const where = { provider, instance }

  const which = yield* WhichRobot.make<CallError>({
    ...where,
    idAuthority: robotIdService.authority,
    patience,
    connections: channel.connections,
    connect: channel.connect,
    ask
  })

  const recipient: Recipient["recipient"] = (authority, session, timeout) =>
    Effect.flatMap(which.behind(authority, timeout), (robot) => {
      const { serialNumber } = robot
      const whose =
        only !== undefined && only !== serialNumber
          ? `this client is for robot ${only}`
          : session !== undefined &&
              (session.key.provider !== provider || session.key.instance !== serialNumber)
            ? `the session is of ${session.key.provider} ${session.key.instance}`
            : undefined
      if (whose === undefined) return Effect.succeed(robot)
      const message = `${whose}, and ${serialNumber} is what answers here; no secret was sent`
      return Effect.fail(new FailedPrecondition({ ...where, message, precondition: "OtherInstance" }))
    })

  const isMisled: Recipient["isMisled"] = Effect.fnUntraced(function* (authority, robot, timeout) {
    if ((yield* channel.connections) === robot.connections) return false
    const now = yield* Effect.option(which.behind(authority, timeout))
    return Option.exists(now, ({ serialNumber }) => serialNumber !== robot.serialNumber)
  })

  return { recipient, isMisled }
})
