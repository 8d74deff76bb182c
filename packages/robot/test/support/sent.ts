import { Effect } from "effect"
import { GetAuthTokenRequest } from "../../src/gen/bosdyn/api/auth.ts"
import { authService, robotIdService } from "../../src/internal/wire.ts"
import { Spot } from "../../src/testing.ts"
import { identity } from "./wire.ts"

export const AUTH = authService.method.path

export const ROBOT_ID = robotIdService.method.path

/** Says who it is, as every robot does before it is told a secret. */
export const identified = { [ROBOT_ID]: () => Effect.succeed(identity("BD-1")) }

/** The requests for a token that the robot has handled, with their messages decoded. */
export const sent = Effect.gen(function* () {
  const spot = yield* Spot
  const requests = yield* spot.requests
  return requests
    .filter(({ path }) => path === AUTH)
    .map((request) => ({ ...request, body: GetAuthTokenRequest.decode(request.message) }))
})

/** How often the robot was asked who it is. */
export const idRequests = Effect.gen(function* () {
  const spot = yield* Spot
  return (yield* spot.requests).filter(({ path }) => path === ROBOT_ID).length
})
