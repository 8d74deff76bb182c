import { Effect } from "effect"
import * as Wire from "../../src/internal/wire.ts"
import { Game } from "../../src/testing.ts"

export const LOGIN = Wire.login.path

export const LOGOUT = Wire.logout.path

export const STATUS = Wire.status.path

/** The last request that the game has handled. */
export const lastSent = Effect.flatMap(Game, (game) =>
  Effect.map(game.requests, (requests) => requests.at(-1))
)
