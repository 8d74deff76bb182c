/**
 * `Resonite` in memory: no I/O, driven by the test clock.
 *
 * @since 0.1.0
 */
import { type InvalidRequest, TransportError } from "@latchkey/core/AuthError"
import { Closed, SocketNotFound } from "@latchkey/core/TransportError"
import { GrpcMemory } from "@latchkey/grpc/testing"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Operations from "../internal/operations.ts"
import { where } from "../internal/where.ts"
import { type Options as ResoniteOptions, Resonite } from "../Resonite.ts"
import * as Game from "./Game.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Game.Options {
  /** The client's own options. */
  readonly client?: Pick<ResoniteOptions, "timeout">
}

/**
 * A game, and a client of it. While it is stopped there is no socket.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Resonite | Game.Game, InvalidRequest> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { control, faults, handlers } = yield* Game.make(options)
      const here = where(undefined)
      const channel = yield* GrpcMemory.make({ ...here, handlers, faults })
      const cut = TransportError.because(
        here,
        new Closed({ message: "the game ended in the middle of the call" })
      )
      /** Fails when the game stops; none while it is stopped. */
      let running: Deferred.Deferred<never, TransportError> | undefined = Deferred.makeUnsafe()
      const gone = TransportError.because(here, new SocketNotFound({ message: "the game is not running" }))
      const client = yield* Operations.make(
        {
          ...channel,
          unary: (method, input, call) =>
            Effect.suspend(() =>
              running === undefined
                ? Effect.fail(gone)
                : Effect.raceFirst(channel.unary(method, input, call), Deferred.await(running))
            )
        },
        here,
        options.client ?? {}
      )
      const start = Effect.sync(() => {
        running ??= Deferred.makeUnsafe()
      })
      const stop = Effect.suspend(() => {
        const ended = running
        running = undefined
        return ended === undefined ? Effect.void : Effect.asVoid(Deferred.fail(ended, cut))
      })
      return Context.make(Resonite, client).pipe(
        Context.add(Game.Game, control({ start, stop, startAnew: start }))
      )
    })
  )
