/** Which bytes go to the robot: methods, authorities and the header of every request (contract, sections 1 and 2.1). */
import { GrpcMethod } from "@latchkey/grpc"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { GetAuthTokenRequest, GetAuthTokenResponse } from "../gen/bosdyn/api/auth.ts"
import type { RequestHeader } from "../gen/bosdyn/api/header.ts"
import { RobotIdRequest, RobotIdResponse } from "../gen/bosdyn/api/robot_id.ts"
import type { RobotService } from "../Robot.ts"

const timestamp = {}
const any = {}
const requestHeader = { 1: timestamp }
const commonError = { 3: any }
const responseHeader = { 1: requestHeader, 2: timestamp, 3: timestamp, 4: commonError, 5: any }

/** The robot's proxy routes by the authority, and the certificate is checked against it, not against the address. */
export const authService: RobotService<GetAuthTokenRequest, GetAuthTokenResponse> = {
  authority: "auth.spot.robot",
  method: GrpcMethod.make("/bosdyn.api.AuthService/GetAuthToken", GetAuthTokenRequest, GetAuthTokenResponse, {
    merge: { 1: responseHeader }
  })
}

export const robotIdService: RobotService<RobotIdRequest, RobotIdResponse> = {
  authority: "id.spot.robot",
  method: GrpcMethod.make("/bosdyn.api.RobotIdService/GetRobotId", RobotIdRequest, RobotIdResponse, {
    merge: { 1: responseHeader, 2: { 4: { 1: {} } } }
  })
}

const NANOS_PER_SECOND = 1_000_000_000n

/** Seconds are rounded down and the nanoseconds are never negative, before 1970 too. */
export const toTimestamp = (nanos: bigint): { readonly seconds: bigint; readonly nanos: number } => {
  const rest = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND
  return { seconds: (nanos - rest) / NANOS_PER_SECOND, nanos: Number(rest) }
}

/** Stamped with the local time, and with the wish that the robot keep the request out of its log: it holds secrets. */
export const header = (clientName: string): Effect.Effect<RequestHeader> =>
  Effect.map(Clock.currentTimeNanos, (now) => ({
    requestTimestamp: toTimestamp(now),
    clientName,
    disableRpcLogging: true
  }))
