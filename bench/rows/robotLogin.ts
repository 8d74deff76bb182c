/** Signing in to a robot, beside the same call made with nothing but grpc-js and the same messages. */
import * as grpc from "@grpc/grpc-js"
import { Robot } from "@latchkey/robot"
import { Effect, ManagedRuntime, Redacted } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import {
  GetAuthTokenRequest,
  GetAuthTokenResponse,
  GetAuthTokenResponse_Status
} from "../../packages/robot/src/gen/bosdyn/api/auth.ts"
import { CommonError_Code } from "../../packages/robot/src/gen/bosdyn/api/header.ts"
import { type Row, timedInFlight } from "../measure.ts"

const LOGINS = 1000
const username = "user"
const password = Redacted.make("correct-horse")
const authority = "auth.spot.robot"
const path = "/bosdyn.api.AuthService/GetAuthToken"
const TIMEOUT_MILLIS = 30_000

const startRobot = async () => {
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL("../robot.ts", import.meta.url))],
    {
      stdio: ["pipe", "pipe", "inherit"]
    }
  )
  for await (const line of createInterface(child.stdout)) {
    const { rootCertificates, url }: { rootCertificates: string; url: string } = JSON.parse(line)
    return { rootCertificates, url, stop: () => child.stdin.end() }
  }
  throw new Error("the robot did not start")
}

/** Everything that the contract asks of the call, by hand. */
const bareClient = (url: string, rootCertificates: string) => {
  const client = new grpc.Client(
    new URL(url).host,
    grpc.credentials.createSsl(Buffer.from(rootCertificates)),
    {
      "grpc.ssl_target_name_override": authority,
      "grpc.default_authority": authority,
      "grpc.enable_http_proxy": 0
    }
  )
  const login = () =>
    new Promise<string>((resolve, reject) => {
      const now = Date.now()
      client.makeUnaryRequest(
        path,
        (request: GetAuthTokenRequest) => Buffer.from(GetAuthTokenRequest.encode(request).finish()),
        (bytes: Buffer) => GetAuthTokenResponse.decode(bytes),
        {
          header: {
            requestTimestamp: { seconds: BigInt(Math.floor(now / 1000)), nanos: (now % 1000) * 1_000_000 },
            clientName: "bench",
            disableRpcLogging: true
          },
          username,
          password: Redacted.value(password),
          token: ""
        },
        new grpc.Metadata(),
        { deadline: now + TIMEOUT_MILLIS },
        (error, answer) => {
          if (error) return reject(error)
          const isGood =
            answer?.header?.error?.code === CommonError_Code.CODE_OK &&
            answer.status === GetAuthTokenResponse_Status.STATUS_OK
          return isGood ? resolve(answer.token) : reject(new Error("refused"))
        }
      )
    })
  return { login, close: () => client.close() }
}

const row = async (count: number, target: number): Promise<Row> => {
  const robot = await startRobot()
  const bare = bareClient(robot.url, robot.rootCertificates)
  const runtime = ManagedRuntime.make(Robot.layer(robot))
  const service = await runtime.runPromise(Robot)
  return {
    name: `sign in to a robot over TLS, ${count} in flight`,
    limit: { name: "limit: bare grpc-js", measure: () => timedInFlight(LOGINS, count, bare.login) },
    candidates: [
      {
        name: "Robot.auth",
        target,
        measure: () =>
          timedInFlight(LOGINS, count, () => Effect.runPromise(service.auth({ username, password })))
      }
    ],
    close: async () => {
      await runtime.dispose()
      bare.close()
      robot.stop()
    }
  }
}

export const rows = async (): Promise<ReadonlyArray<Row>> => [await row(1, 1.1), await row(64, 1.15)]
