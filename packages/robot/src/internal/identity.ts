/** Who answered `GetRobotId`. */
import { InvalidResponse } from "@latchkey/core/AuthError"
import { GrpcStatus } from "@latchkey/grpc"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { RobotIdResponse } from "../gen/bosdyn/api/robot_id.ts"
import { RobotId } from "../RobotId.ts"
import { headerError, type HeaderError, type Where } from "./answer.ts"

const decode = Schema.decodeUnknownOption(RobotId)

/** People and terminals will see it. */
const harmless = <T extends Readonly<Record<K, string>>, K extends string>(
  texts: T,
  ...names: Array<K>
): T => ({
  ...texts,
  ...Object.fromEntries(names.map((name) => [name, GrpcStatus.cleaned(texts[name])]))
})

/** Without a serial number a robot is nobody: sessions could not be told apart. */
export const robotId = (
  where: Where,
  secrets: ReadonlyArray<string>,
  response: RobotIdResponse
): Effect.Effect<RobotId, HeaderError> => {
  const error = headerError(where, secrets, response.header)
  if (error !== undefined) return Effect.fail(error)
  const said = response.robotId
  const id = decode(
    said && {
      ...harmless(said, "species", "version", "nickname", "computerSerialNumber"),
      softwareRelease: said.softwareRelease && harmless(said.softwareRelease, "name", "type")
    }
  )
  if (Option.isSome(id)) return Effect.succeed(id.value)
  const message = "the robot gave no usable serial number"
  return Effect.fail(new InvalidResponse({ ...where, message }))
}
