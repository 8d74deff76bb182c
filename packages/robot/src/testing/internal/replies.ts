/** What a simulated robot answers, as bytes. Like a real one it may, it repeats the whole request in the header. */
import {
  GetAuthTokenRequest,
  GetAuthTokenResponse,
  GetAuthTokenResponse_Status as Status
} from "../../gen/bosdyn/api/auth.ts"
import {
  CommonError_Code as Code,
  type RequestHeader,
  type ResponseHeader
} from "../../gen/bosdyn/api/header.ts"
import { RobotIdRequest, RobotIdResponse } from "../../gen/bosdyn/api/robot_id.ts"
import { toTimestamp } from "../../internal/wire.ts"
import type { Verdict } from "./accounts.ts"

const header = (options: {
  readonly type: string
  readonly message: Uint8Array
  readonly requestHeader: RequestHeader | undefined
  /** The robot's clock, in milliseconds. */
  readonly clock: number
  readonly code: (typeof Code)[keyof typeof Code]
  readonly text: string
}): ResponseHeader => {
  const time = toTimestamp(BigInt(Math.floor(options.clock)) * 1_000_000n)
  return {
    requestHeader: options.requestHeader,
    requestReceivedTimestamp: time,
    responseTimestamp: time,
    error: { code: options.code, message: options.text, data: undefined },
    request: {
      typeUrl: `type.googleapis.com/bosdyn.api.${options.type}`,
      value: Buffer.from(options.message)
    }
  }
}

const APPLICATION_TOKEN = {
  Invalid: { status: Status.STATUS_INVALID_APPLICATION_TOKEN },
  Expired: { status: Status.STATUS_EXPIRED_APPLICATION_TOKEN }
}

export const authToken = (
  message: Uint8Array,
  clock: number,
  applicationToken: keyof typeof APPLICATION_TOKEN | undefined,
  accounts: {
    readonly login: (username: string, password: string) => Verdict
    readonly renew: (token: string) => Verdict
  }
): Uint8Array => {
  const { header: requestHeader, username, password, token } = GetAuthTokenRequest.decode(message)
  const isComplete = token !== "" || (username !== "" && password !== "")
  const verdict: Verdict = !isComplete
    ? { status: Status.STATUS_UNKNOWN }
    : applicationToken !== undefined
      ? APPLICATION_TOKEN[applicationToken]
      : token !== ""
        ? accounts.renew(token)
        : accounts.login(username, password)
  return GetAuthTokenResponse.encode({
    header: header({
      type: "GetAuthTokenRequest",
      message,
      requestHeader,
      clock,
      code: isComplete ? Code.CODE_OK : Code.CODE_INVALID_REQUEST,
      text: isComplete ? "" : "neither a user name with a password nor a token was given"
    }),
    status: verdict.status,
    token: verdict.status === Status.STATUS_OK ? verdict.token : ""
  }).finish()
}

export const robotId = (message: Uint8Array, clock: number, serialNumber: string): Uint8Array => {
  const { header: requestHeader } = RobotIdRequest.decode(message)
  return RobotIdResponse.encode({
    header: header({ type: "RobotIdRequest", message, requestHeader, clock, code: Code.CODE_OK, text: "" }),
    robotId: {
      serialNumber,
      species: "spot",
      version: "V4",
      softwareRelease: {
        version: { majorVersion: 5, minorVersion: 1, patchLevel: 4 },
        name: "5.1.4",
        type: "release"
      },
      nickname: "",
      computerSerialNumber: ""
    }
  }).finish()
}
