import { GrpcFaults } from "@latchkey/grpc/testing"
import { Effect } from "effect"
import * as Wire from "../../src/internal/wire.ts"
import { Game } from "../../src/testing.ts"
import { until } from "../../../../test/support/until.ts"

export const LOGIN = Wire.login.path

export const LOGOUT = Wire.logout.path

export const STATUS = Wire.status.path

/** The last request that the game has handled. */
export const lastSent = Effect.flatMap(Game, (game) =>
  Effect.map(game.requests, (requests) => requests.at(-1))
)

/** A call that the game has taken, and does not answer. */
export const inFlight = Effect.fnUntraced(function* <A, E>(call: Effect.Effect<A, E>) {
  const game = yield* Game
  yield* game.faults.push(GrpcFaults.GrpcFault.Silent())
  const fiber = yield* Effect.forkChild(call, { startImmediately: true })
  yield* until(Effect.map(game.faults.pending, (pending) => pending === 0))
  return fiber
})
