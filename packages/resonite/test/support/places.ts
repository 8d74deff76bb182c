import { ConfigProvider, Context, Effect, Layer } from "effect"
import { once } from "node:events"
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type Options, Resonite } from "../../src/index.ts"

/** A directory for the test alone. */
export const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "latchkey-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

/** An empty file, with whatever directory it needs. */
export const touch = (path: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, "")
    return path
  })

/** Anybody but root, for whom there are no permissions. */
export const asNobody = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.getuid?.() === 0
    ? Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid?.(65_534)),
        () => effect,
        () => Effect.sync(() => process.seteuid?.(0))
      )
    : effect

/** Nothing but these variables. A record that is changed later changes what they are. */
export const environment = (variables: Record<string, string>): ConfigProvider.ConfigProvider =>
  ConfigProvider.fromEnvRecord(variables)

export const within = (variables: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, environment(variables))

/** A client, living as long as the test. */
export const client = (options: Options = {}) =>
  Effect.map(Layer.build(Resonite.layer(options)), Context.get(Resonite))

const stop = async (server: Server): Promise<void> => {
  server.close()
  await once(server, "close")
}

/** A server on a socket, of whatever kind. */
export const listening = (path: string, server: Server = createServer()) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      let accepted = 0
      server.on("connection", (socket: Socket) => {
        accepted++
        sockets.add(socket)
        socket.on("error", () => {})
        socket.once("close", () => sockets.delete(socket))
        socket.resume()
      })
      await mkdir(dirname(path), { recursive: true })
      server.listen({ path })
      await once(server, "listening")
      return { accepted: Effect.sync(() => accepted), sockets }
    }),
    ({ sockets }) =>
      Effect.promise(() => {
        for (const socket of sockets) socket.destroy()
        return stop(server)
      })
  )

/** What a game leaves behind that was killed: a socket, and nobody who listens. */
export const deadSocket = (path: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    const server = createServer()
    server.listen({ path: `${path}.new` })
    await once(server, "listening")
    await rename(`${path}.new`, path)
    await stop(server)
    return path
  })
