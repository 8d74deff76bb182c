/** Some service of the robot that wants a user's token; what it answers is of no interest here. */
import type { RobotService } from "@latchkey/robot"
import { Effect, Option } from "effect"

const path = "/bosdyn.api.DirectoryService/ListServiceEntries"

export const guardedService: RobotService<void, Uint8Array> = {
  authority: "api.spot.robot",
  method: { path, encode: () => new Uint8Array(), decode: Option.some }
}

export const services = {
  [guardedService.authority]: { [path]: () => Effect.succeed(new Uint8Array()) }
}
