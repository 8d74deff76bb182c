/** Which sockets there are. */
import { TransportError } from "@latchkey/core/AuthError"
import { AmbiguousSocket, ConnectionFailed, SocketNotFound } from "@latchkey/core/TransportError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readdir, stat } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { DIRECTORY, SOCKET } from "./environment.ts"
import { PATTERN, type Where } from "./where.ts"

const isMatch = (name: string): boolean => /^resonite-[^]*\.sock$/.test(name)

/** A socket that takes longer may be anything. */
const PATIENCE = Duration.seconds(1)

/** Whether somebody listens there is found out by connecting, and by nothing else. */
const refuses = (path: string): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const socket = connect({ path })
    socket.once("connect", () => resume(Effect.succeed(false)))
    socket.on("error", () => resume(Effect.succeed(true)))
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.timeoutOption(PATIENCE),
    Effect.map((refused) => Option.getOrElse(refused, () => false))
  )

const notFound = (where: Where, directory: string, error?: unknown): TransportError => {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
  const why =
    code === ""
      ? `nothing matches ${PATTERN} in ${directory}`
      : code === "ENOENT"
        ? `there is no directory ${directory} to look for ${PATTERN} in`
        : `${directory} cannot be searched for ${PATTERN} (${code})`
  const message = `${why}; start the game with the mod, or set ${SOCKET} or ${DIRECTORY}`
  return TransportError.because(where, new SocketNotFound({ message }))
}

/** Names those that refuse a connection: a game that was killed leaves its socket behind. */
const ambiguous = Effect.fnUntraced(function* (
  where: Where,
  directory: string,
  paths: ReadonlyArray<string>
): Effect.fn.Return<never, TransportError> {
  const dead = yield* Effect.filter(paths, refuses, { concurrency: "unbounded" })
  const advice =
    dead.length === 0
      ? "all of them take connections"
      : `left behind by games that have ended, it seems: ${dead.join(", ")}`
  const message = `several sockets match ${PATTERN} in ${directory}: ${paths.join(", ")}; set ${SOCKET} to one of them; ${advice}`
  return yield* TransportError.because(where, new AmbiguousSocket({ message }))
})

/** The only one in a directory. Its name is taken literally, whatever signs are in it. */
export const only = Effect.fnUntraced(function* (
  where: Where,
  directory: string
): Effect.fn.Return<string, TransportError> {
  const names = yield* Effect.tryPromise({
    try: () => readdir(directory),
    catch: (error) => notFound(where, directory, error)
  })
  const paths = names
    .filter(isMatch)
    .toSorted()
    .map((name) => join(directory, name))
  const [path, ...others] = paths
  if (path === undefined) return yield* notFound(where, directory)
  return others.length === 0 ? path : yield* ambiguous(where, directory, paths)
})

/** Refuses what is there and cannot be a socket. The system would say no more than that nobody listens. */
export const usable = (where: Where, path: string): Effect.Effect<string, TransportError> =>
  Effect.flatMap(Effect.option(Effect.tryPromise(() => stat(path))), (found) =>
    Option.exists(found, (it) => !it.isSocket())
      ? Effect.fail(
          TransportError.because(
            where,
            new ConnectionFailed({ message: `${path} is not a socket: name the one of the game` })
          )
        )
      : Effect.succeed(path)
  )
