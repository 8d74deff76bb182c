/** What is said to a robot, in which order, and what is made of it. Token and password are unwrapped here, for the wire. */
import { FailedPrecondition, TransportError } from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import { Closed } from "@latchkey/core/TransportError"
import { type GrpcChannel, GrpcStatus } from "@latchkey/grpc"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { RobotService } from "../Robot.ts"
import type { RobotId } from "../RobotId.ts"
import type { CallError, Credentials, SignInError } from "../SignIn.ts"
import * as Answer from "./answer.ts"
import { shown } from "./shown.ts"
import * as WhichRobot from "./whichRobot.ts"
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
  /** The serial number of the robot that is there now. */
  readonly whoAnswers: (timeout: Duration.Duration) => Effect.Effect<string, CallError>
  /** The same; fails if the session is of another one. */
  readonly ownerOf: (
    session: Session,
    timeout: Duration.Duration
  ) => Effect.Effect<string, CallError | FailedPrecondition>
  /** Sends the proof to the robot that `who` finds, if it finds one. */
  readonly exchange: <E>(
    who: Effect.Effect<string, E>,
    proof: Proof,
    timeout: Duration.Duration
  ) => Effect.Effect<Won, SignInError | E>
  readonly call: <I, O>(
    service: RobotService<I, O>,
    input: I,
    token: Token | undefined,
    timeout: Duration.Duration
  ) => Effect.Effect<O, CallError>
  readonly askIdWith: (token: Token, timeout: Duration.Duration) => Effect.Effect<RobotId, CallError>
}

export interface Options {
  readonly provider: string
  readonly instance: string
  readonly clientName: string
  readonly timeout: Duration.Duration
  readonly serialNumber: string | undefined
}

export const make = Effect.fnUntraced(function* (
  channel: GrpcChannel.GrpcChannel,
  { clientName, instance, provider, serialNumber, timeout: patience }: Options
): Effect.fn.Return<Conversation, never, Scope.Scope> {
  const where = { provider, instance }

  const send = <I, O>(
    { authority, method }: RobotService<I, O>,
    input: I,
    secrets: ReadonlyArray<string>,
    token: Token | undefined,
    timeout: Duration.Duration
  ): Effect.Effect<O, CallError> =>
    Effect.mapError(channel.unary(method, input, { authority, timeout, ...(token && { token }) }), (error) =>
      error._tag === "GrpcStatus"
        ? GrpcStatus.toAuthError(
            where,
            new GrpcStatus.GrpcStatus({ code: error.code, details: shown(error.details, secrets) })
          )
        : error
    )

  const robotId = Effect.fnUntraced(function* (timeout: Duration.Duration, token?: Token) {
    const secrets = token === undefined ? [] : [Redacted.value(token)]
    const header = yield* Wire.header(clientName)
    const response = yield* send(Wire.robotIdService, { header }, secrets, token, timeout)
    return yield* Answer.robotId(where, secrets, response)
  })

  const which = yield* WhichRobot.make<CallError>({
    ...where,
    serialNumber,
    patience,
    losses: channel.losses,
    call: robotId
  })

  const exchange = Effect.fnUntraced(function* <E>(
    who: Effect.Effect<string, E>,
    proof: Proof,
    timeout: Duration.Duration
  ): Effect.fn.Return<Won, SignInError | E> {
    const serialNumber = yield* who
    const token = "token" in proof ? proof.token : undefined
    const secret = Redacted.value("token" in proof ? proof.token : proof.password)
    const form =
      "token" in proof
        ? { username: "", password: "", token: secret }
        : { username: proof.username, password: secret, token: "" }
    const header = yield* Wire.header(clientName)
    const response = yield* send(Wire.authService, { header, ...form }, [secret], token, timeout)
    const won = yield* Answer.token({ provider, instance: serialNumber }, [secret], response)
    // A connection lost in between may have led the second call to another robot.
    if ((yield* which.serialNumber(timeout)) !== serialNumber) {
      return yield* TransportError.because(
        where,
        new Closed({
          message: "the connection was lost, and the address now leads to another robot; sign in again"
        })
      )
    }
    return { token: won, serialNumber }
  })

  return {
    askId: which.ask,
    askIdWith: (token, timeout) => robotId(timeout, token),
    whoAnswers: which.serialNumber,
    ownerOf: Effect.fnUntraced(function* ({ key }, timeout) {
      const serialNumber = yield* which.serialNumber(timeout)
      if (key.provider === provider && key.instance === serialNumber) return serialNumber
      return yield* new FailedPrecondition({
        ...where,
        message: `the session is of ${key.provider} ${key.instance}, which is not what answers here; nothing of it was sent`,
        precondition: "OtherInstance"
      })
    }),
    exchange,
    call: (service, input, token, timeout) =>
      send(service, input, token === undefined ? [] : [Redacted.value(token)], token, timeout)
  }
})
