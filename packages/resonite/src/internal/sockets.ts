/** Which sockets there are. */
import { TransportError } from "@latchkey/core/AuthError"
import { AmbiguousSocket, ConnectionFailed, SocketNotFound } from "@latchkey/core/TransportError"
import { GrpcStatus } from "@latchkey/grpc"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readdir, stat } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { DIRECTORY, SOCKET } from "./environment.ts"
import { PATTERN, type Where } from "./where.ts"

/** The paths of the sockets among the names in a directory, in lexicographic order. */
export const matches = (directory: string, names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names
    .filter((name) => /^resonite-[^]*\.sock$/.test(name))
    .toSorted()
    .map((name) => join(directory, name))

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/**
 * Why nobody can be reached there, as a system says at once; `""` where somebody is. That is found out by connecting, and
 * by nothing else.
 */
const trouble = (path: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const socket = connect({ path })
    const end = (code: string) => {
      socket.destroy()
      resume(Effect.succeed(code))
    }
    socket.once("connect", () => end(""))
    socket.on("error", (error) => end(codeOf(error)))
    return Effect.sync(() => socket.destroy())
  })

/** As it may be shown, and whole: no system has longer ones. */
const shown = (path: string): string => GrpcStatus.cleaned(path, 4096)

const notFound = (where: Where, directory: string, error?: unknown): TransportError => {
  const code = codeOf(error)
  const name = shown(directory)
  const why =
    code === ""
      ? `nothing matches ${PATTERN} in ${name}`
      : code === "ENOENT"
        ? `there is no directory ${name} to look for ${PATTERN} in`
        : `${name} cannot be searched for ${PATTERN} (${code})`
  const message = `${why}; start the game with the mod, or set ${SOCKET} or ${DIRECTORY}`
  return TransportError.because(where, new SocketNotFound({ message }))
}

/** Says which ones are of no use: a game that was killed leaves its socket behind. */
const ambiguous = Effect.fnUntraced(function* (
  where: Where,
  directory: string,
  paths: ReadonlyArray<string>
): Effect.fn.Return<never, TransportError> {
  const troubles = yield* Effect.forEach(paths, trouble, { concurrency: "unbounded" })
  const those = (what: string, codes: ReadonlyArray<string>): string => {
    const found = paths.filter((_, index) => codes.includes(troubles[index] ?? ""))
    return found.length === 0 ? "" : `; ${what}, it seems: ${found.map(shown).join(", ")}`
  }
  // Any other trouble does not keep a socket from being in use.
  const dead = those("left behind by games that have ended", ["ECONNREFUSED", "ENOTSOCK"])
  const foreign = those("of another user", ["EACCES", "EPERM"])
  const message = `several sockets match ${PATTERN} in ${shown(directory)}: ${paths.map(shown).join(", ")}; set ${SOCKET} to one of them${dead}${foreign}`
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
  const paths = matches(directory, names)
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
            new ConnectionFailed({ message: `${shown(path)} is not a socket: name the one of the game` })
          )
        )
      : Effect.succeed(path)
  )
