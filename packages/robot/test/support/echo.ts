import type { RobotService } from "@latchkey/robot"
import { Effect, Option } from "effect"

/** A further service of the robot, which says what it was told. */
export const echo: RobotService<string, string> = {
  authority: "api.spot.robot",
  method: {
    path: "/example.Echo/Say",
    encode: (text) => new TextEncoder().encode(text),
    decode: (bytes) => Option.some(new TextDecoder().decode(bytes))
  }
}

export const echoing = (request: { readonly message: Uint8Array }) => Effect.succeed(request.message)
