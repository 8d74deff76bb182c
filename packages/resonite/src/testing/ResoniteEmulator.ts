/**
 * A protocol-true game behind a Unix socket, in a private directory of its own. For tests, demos and other programs.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import { GrpcServer } from "@latchkey/grpc/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connected } from "../internal/connected.ts"
import { only } from "../internal/sockets.ts"
import { where } from "../internal/where.ts"
import { type Options as ResoniteOptions, Resonite } from "../Resonite.ts"
import * as Game from "./Game.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Game.Options {
  /** The options of the client in the layer, which looks for the socket in the directory. */
  readonly client?: Pick<ResoniteOptions, "timeout">
}

/**
 * What another program needs to reach the emulator.
 *
 * @category services
 * @since 0.1.0
 */
export class ResoniteEmulator extends Context.Service<
  ResoniteEmulator,
  {
    /** For `RESONITE_IO_SOCKET_DIR`. */
    readonly directory: string
    /** The socket of the game as it runs now, or ran last: `resonite-PID.sock` in the directory. */
    readonly socket: Effect.Effect<string>
    /** The server of the game as it runs now, or ran last. */
    readonly server: Effect.Effect<GrpcServer.GrpcServer>
  }
>()("@latchkey/resonite/testing/ResoniteEmulator") {
  /** The emulator, the game in it, and a client of it. */
  static readonly layer = (
    options: Options = {}
  ): Layer.Layer<ResoniteEmulator | Game.Game | Resonite, InvalidRequest> =>
    Layer.effectContext(make(options))
}

/** 0700, whatever the umask is. */
const privateDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "latchkey-resonite-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

const make = Effect.fnUntraced(function* (options: Options) {
  const { control, faults, handlers } = yield* Game.make(options)
  const directory = yield* privateDirectory
  const scope = yield* Effect.scope
  let pid = process.pid
  const path = () => join(directory, `resonite-${pid}.sock`)

  const run = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
    const server = yield* GrpcServer.make({
      listen: { _tag: "UnixSocket", path: path() },
      handlers,
      faults
    }).pipe(Scope.provide(own))
    return { server, end: Scope.close(own, Exit.void), isRunning: true }
  })
  let current = yield* run

  const start = Effect.suspend(() =>
    current.isRunning
      ? Effect.void
      : Effect.map(run, (next) => {
          current = next
        })
  )
  const stop = Effect.suspend(() => {
    current.isRunning = false
    return current.end
  })
  const startAnew = Effect.suspend(() => {
    pid++
    return start
  })

  const here = where(undefined)
  const client = yield* connected(here, only(here, directory), options.client ?? {})
  return Context.make(Resonite, client).pipe(
    Context.add(Game.Game, control({ start, stop, startAnew })),
    Context.add(ResoniteEmulator, {
      directory,
      socket: Effect.sync(path),
      server: Effect.sync(() => current.server)
    })
  )
})
