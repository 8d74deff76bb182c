/**
 * Where the socket of a running game is.
 *
 * The game makes one per process: a new one with every start. So it is looked for anew whenever a connection is made.
 *
 * @since 0.1.0
 */
import { TransportError } from "@latchkey/core/AuthError"
import { SocketNotFound } from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import { place, SOCKET } from "./internal/environment.ts"
import { only } from "./internal/sockets.ts"
import { where } from "./internal/where.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The path. Taken as it is; an empty one counts as not given. */
  readonly socket?: string
}

/**
 * Finds the socket: `socket`; else `RESONITE_IO_SOCKET`; else the only `resonite-*.sock` in `RESONITE_IO_SOCKET_DIR`; else
 * the only one in `~/.resonite-io`. The variables are read from `Config` at that moment, and empty ones are skipped.
 *
 * A path that is given is not looked at. Fails with `SocketNotFound` where nothing matches, and with `AmbiguousSocket`,
 * which names them all, where several do.
 *
 * @category combinators
 * @since 0.1.0
 */
export const find = (options: Options = {}): Effect.Effect<string, TransportError> => {
  const { socket } = options
  if (socket !== undefined && socket !== "") return Effect.succeed(socket)
  const here = where(socket)
  return place.pipe(
    Effect.mapError(() =>
      TransportError.because(
        here,
        new SocketNotFound({
          message: `where the sockets are cannot be read from the configuration; set ${SOCKET}`
        })
      )
    ),
    Effect.flatMap((found) =>
      "socket" in found ? Effect.succeed(found.socket) : only(here, found.directory)
    )
  )
}
