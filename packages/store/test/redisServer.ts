/**
 * A Redis for tests: the one that `LATCHKEY_TEST_REDIS_URL` names, else the one at 127.0.0.1:6379, else a private one where
 * `redis-server` is installed. Where there is none, `hasRedis` is false, and a line says so.
 */
import { NodeRedis } from "@effect/platform-node"
import { Context, Effect, Layer } from "effect"
import { Redis } from "effect/persistence"
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { connect, createServer } from "node:net"
import { join } from "node:path"
import { findProgram } from "../../../test/support/programs.ts"
import { temporaryDirectory } from "./support.ts"

/** What `NodeRedis.layer` and other processes are told. */
export type Address =
  | { readonly url: string }
  | { readonly socket: { readonly path: string; readonly tls: false } }

const program = findProgram("redis-server")

const answersPing = (host: string, port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 }, () => socket.write("PING\r\n"))
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.on("data", (data) => end(data.toString().startsWith("+PONG")))
    socket.on("error", () => end(false))
    socket.on("timeout", () => end(false))
    socket.on("close", () => end(false))
  })

const named = process.env["LATCHKEY_TEST_REDIS_URL"]
const shared =
  named || ((await answersPing("127.0.0.1", 6379)) ? "redis://127.0.0.1:6379" : undefined) || undefined

/** Whether `redisServer` can be had. */
export const hasRedis = shared !== undefined || program !== undefined

/** Whether `privateRedis` can be had. */
export const hasPrivateRedis = program !== undefined

if (!hasRedis) {
  process.stderr.write("SKIPPED: what needs a Redis. There is none; `npm run services` installs one\n")
} else if (!hasPrivateRedis) {
  process.stderr.write(
    "SKIPPED: what stops and starts a Redis. There is no `redis-server`; `npm run services` installs it\n"
  )
}

export interface PrivateRedis {
  readonly address: Address
  /** Ends it, unless it has ended, and waits for that. */
  readonly stop: (signal?: NodeJS.Signals) => Effect.Effect<void>
  /** On the same place, with what it has kept there. */
  readonly start: Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
}

/** A server of one's own on a Unix socket, ended with the scope. It keeps nothing, unless `settings` say otherwise. */
export const privateRedis = Effect.fnUntraced(function* (settings: Record<string, string> = {}) {
  const directory = yield* temporaryDirectory
  const path = join(directory, "redis.sock")
  const all = { port: "0", unixsocket: path, dir: directory, save: "", ...settings }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  let child: ChildProcess | undefined

  const signal = (name: NodeJS.Signals) => Effect.sync(() => void child?.kill(name))
  const stop = (name: NodeJS.Signals = "SIGKILL") =>
    Effect.promise(
      () =>
        new Promise<void>((resolve) => {
          if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resolve()
          child.on("close", () => resolve())
          child.kill(name)
        })
    )
  const start = Effect.promise(
    () =>
      new Promise<void>((resolve, reject) => {
        const started = spawn(program ?? "redis-server", args, { stdio: ["ignore", "pipe", "inherit"] })
        let said = ""
        child = started
        started.on("error", reject)
        started.on("close", () => reject(new Error(`redis-server has ended:\n${said}`)))
        started.stdout.setEncoding("utf8").on("data", (text: string) => {
          said += text
          if (said.includes("ready to accept connections")) resolve()
        })
      })
  )

  yield* Effect.addFinalizer(() => stop())
  yield* start
  const address: Address = { socket: { path, tls: false } }
  const server: PrivateRedis = { address, signal, start, stop }
  return server
})

/** A port of 127.0.0.1 that was free a moment ago. */
const freePort = Effect.promise(
  () =>
    new Promise<number>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address()
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
)

/** Where the tests' Redis is; a private one is ended with the scope. */
export const redisServer = Effect.gen(function* () {
  if (shared !== undefined) return { url: shared }
  const port = yield* freePort
  yield* privateRedis({ bind: "127.0.0.1", port: String(port) })
  return { url: `redis://127.0.0.1:${port}` }
})

/** A connection of one's own, closed with the scope. */
export const connected = (address: Address) =>
  Effect.map(Layer.build(Layer.fresh(NodeRedis.layer(address))), (context) =>
    Context.get(context, Redis.Redis)
  )

/** A prefix that nobody else uses; what is kept under it is removed with the scope. */
export const ownPrefix = Effect.fnUntraced(function* (address: Address) {
  const prefix = `latchkey-test-${randomUUID()}`
  const redis = yield* connected(address)
  const keys = Effect.gen(function* () {
    const found: Array<string> = []
    let cursor = "0"
    do {
      const [next, some] = yield* redis.send<readonly [string, ReadonlyArray<string>]>(
        ...(["SCAN", cursor, "MATCH", `{${prefix}}*`, "COUNT", "1000"] as const)
      )
      found.push(...some)
      cursor = next
    } while (cursor !== "0")
    return found.toSorted()
  })
  yield* Effect.addFinalizer(() =>
    Effect.orDie(
      Effect.flatMap(keys, (found) => (found.length === 0 ? Effect.void : redis.send("DEL", ...found)))
    )
  )
  return { address, keys, prefix, redis }
})
