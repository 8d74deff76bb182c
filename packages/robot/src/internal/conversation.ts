/** What is said to a robot, in which order, and what is made of it. Token and password are unwrapped here, for the wire. */
import { PermissionDenied, TransportError } from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import { Closed } from "@latchkey/core/TransportError"
import type { GrpcChannel } from "@latchkey/grpc"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { RobotService } from "../Robot.ts"
import type { RobotId } from "../RobotId.ts"
import type { CallError, Credentials, SessionError, SignInError } from "../SignIn.ts"
import * as Answer from "./answer.ts"
import * as Identity from "./identity.ts"
import * as Recipient from "./recipient.ts"
import * as Sending from "./sending.ts"
import { shown } from "./shown.ts"
import { statusName } from "./statusName.ts"
import * as Wire from "./wire.ts"

type Token = Redacted.Redacted<string>

/** Either form of a request for a token; never both. */
export type Proof = Credentials | { readonly token: Token }

export interface Won {
  readonly token: Token
  readonly serialNumber: string
}

export interface Conversation {
  readonly askId: (timeout: Duration.Duration) => Effect.Effect<RobotId, CallError>
  readonly askIdWith: (
    session: Session,
    token: Token,
    timeout: Duration.Duration
  ) => Effect.Effect<RobotId, SessionError<CallError>>
  /** Sends the proof, if it is for the robot that is there: a session's own token goes to the session's robot only. */
  readonly exchange: (
    proof: Proof,
    session: Session | undefined,
    timeout: Duration.Duration
  ) => Effect.Effect<Won, SignInError>
  readonly call: <I, O>(
    session: Session,
    token: Token,
    service: RobotService<I, O>,
    input: I,
    timeout: Duration.Duration
  ) => Effect.Effect<O, SessionError<CallError>>
}

export interface Options {
  readonly provider: string
  readonly instance: string
  readonly clientName: string
  readonly timeout: Duration.Duration
  /** No other robot gets a secret. */
  readonly serialNumber: string | undefined
}

export const make = Effect.fnUntraced(function* (
  channel: GrpcChannel.GrpcChannel,
  { clientName, instance, provider, serialNumber: only, timeout: patience }: Options
): Effect.fn.Return<Conversation, never, Scope.Scope> {
  const where = { provider, instance }

  const send = Sending.make(channel, where)

  const robotId = Effect.fnUntraced(function* (timeout: Duration.Duration, token?: Token) {
    const secrets = token === undefined ? [] : [Redacted.value(token)]
    const told: Sending.Manner["told"] = ({ details }) => shown(details, secrets)
    const header = yield* Wire.header(clientName)
    const response = yield* send(Wire.robotIdService, { header }, { token, timeout, told })
    return yield* Identity.robotId(where, secrets, response)
  })

  /** No token was sent, so that there can be no verdict on one. */
  const askId = (timeout: Duration.Duration): Effect.Effect<RobotId, CallError> =>
    Effect.mapError(robotId(timeout), (error) =>
      error._tag === "InvalidToken"
        ? new PermissionDenied({
            ...where,
            message:
              "the robot wants a token even to say who it is, and none is sent to a robot that has not said it; ask whoever runs its proxy to let this call through"
          })
        : error
    )

  const { isMisled, recipient } = yield* Recipient.make(channel, {
    ...where,
    patience,
    only,
    ask: askId
  })

  return {
    askId,
    askIdWith: (session, token, timeout) =>
      Effect.andThen(recipient(Wire.robotIdService.authority, session, timeout), robotId(timeout, token)),
    exchange: Effect.fnUntraced(function* (proof, session, timeout) {
      const { authority } = Wire.authService
      const token = "token" in proof ? proof.token : undefined
      const secret = Redacted.value("token" in proof ? proof.token : proof.password)
      const form =
        "token" in proof
          ? { username: "", password: "", token: secret }
          : { username: proof.username, password: secret, token: "" }
      const robot = yield* recipient(authority, session, timeout)
      const { serialNumber } = robot
      const header = yield* Wire.header(clientName)
      const told: Sending.Manner["told"] = ({ details }) => shown(details, [secret])
      const response = yield* send(Wire.authService, { header, ...form }, { token, timeout, told })
      const won = yield* Answer.token({ provider, instance: serialNumber }, [secret], response)
      if (yield* isMisled(authority, robot, timeout)) {
        return yield* TransportError.because(
          where,
          new Closed({
            message: "the connection was lost, and the address now leads to another robot; sign in again"
          })
        )
      }
      return { token: won, serialNumber }
    }),
    call: (session, token, service, input, timeout) =>
      Effect.andThen(
        recipient(service.authority, session, timeout),
        // What the caller said may hold secrets of its own, and the robot may repeat it.
        send(service, input, { token, timeout, told: ({ code }) => statusName(code) })
      )
  }
})
