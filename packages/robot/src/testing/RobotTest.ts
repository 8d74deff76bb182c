/**
 * `Robot` in memory: no I/O, driven by the test clock.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import { GrpcMemory } from "@latchkey/grpc/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Operations from "../internal/operations.ts"
import { type Options as RobotOptions, Robot } from "../Robot.ts"
import * as Spot from "./Spot.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Spot.Options {
  /** The client's own options. */
  readonly client?: Pick<RobotOptions, "serialNumber" | "clientName" | "timeout" | "renewAfter">
}

/** What errors call the robot; nothing is there. */
const INSTANCE = "https://robot.invalid"

/**
 * A robot, and a client of it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Robot | Spot.Spot, InvalidRequest> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { control, faults, handlers } = yield* Spot.make(options)
      const channel = yield* GrpcMemory.make({ provider: "robot", instance: INSTANCE, handlers, faults })
      let cuts = 0
      const disconnect = Effect.sync(() => {
        cuts++
      })
      const client = yield* Operations.make(
        { ...channel, connections: Effect.map(channel.connections, (count) => count + cuts) },
        INSTANCE,
        options.client ?? {}
      )
      return Context.make(Robot, client).pipe(Context.add(Spot.Spot, control(disconnect)))
    })
  )
