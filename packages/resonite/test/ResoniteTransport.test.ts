import { assert, describe, it } from "@effect/vitest"
import { TransportError } from "@latchkey/core/AuthError"
import { Closed } from "@latchkey/core/TransportError"
import { GrpcChannel } from "@latchkey/grpc"
import { GrpcFaults, GrpcServer } from "@latchkey/grpc/testing"
import { Duration, Effect, Exit, Fiber, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import { execFile } from "node:child_process"
import { chmod, stat } from "node:fs/promises"
import { createServer as createHttp } from "node:http"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Resonite } from "../src/index.ts"
import * as Operations from "../src/internal/operations.ts"
import { only } from "../src/internal/sockets.ts"
import { where } from "../src/internal/where.ts"
import { Game, ResoniteEmulator } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { asNobody, client, deadSocket, listening, temporary, touch } from "./support/places.ts"
import { inFlight, LOGIN, LOGOUT, STATUS } from "./support/sent.ts"
import { until } from "../../../test/support/until.ts"
import { bytes } from "./support/wire.ts"

const { GrpcFault } = GrpcFaults

const ada = { credential: "ada", password: Redacted.make("correct-horse") }

/** A client that looks into the directory of the emulator, and the connections that it makes and loses. */
const watched = Effect.gen(function* () {
  const { directory } = yield* ResoniteEmulator
  const here = where(undefined)
  const channel = yield* GrpcChannel.make({
    ...here,
    target: { _tag: "UnixSocket", path: only(here, directory) }
  })
  const connections = (count: number) => until(Effect.map(channel.connections, (now) => now === count))
  return { resonite: yield* Operations.make(channel, here, {}), connections }
})

describe("resonite-31: what stands in the way of a connection", () => {
  it.live("is told apart, and named", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const forbidden = join(root, "forbidden")
      yield* listening(forbidden)
      yield* Effect.promise(() => chmod(forbidden, 0o000))
      const cases = {
        missing: [join(root, "missing"), "SocketNotFound"],
        dead: [yield* deadSocket(join(root, "dead")), "ConnectionFailed"],
        plain: [yield* touch(join(root, "plain")), "ConnectionFailed"],
        directory: [root, "ConnectionFailed"],
        forbidden: [forbidden, "ConnectionFailed"],
        long: [join(root, "x".repeat(108)), "ConnectionFailed"]
      } as const
      const texts = new Map<string, string>()
      for (const [name, [socket, reason]] of Object.entries(cases)) {
        const resonite = yield* client({ socket })
        const calls = Effect.all([
          failsBecause(reason, resonite.status()),
          failsBecause(reason, resonite.login(ada))
        ])
        const [{ instance, message }, login] = yield* name === "forbidden" ? asNobody(calls) : calls
        assert.strictEqual(login.message, message)
        assert.strictEqual(instance, socket)
        assert.include(message, socket)
        texts.set(name, message.replaceAll(socket, "PATH"))
      }
      assert.strictEqual(texts.get("plain"), texts.get("directory"))
      assert.strictEqual(new Set(texts.values()).size, 5)
    })
  )

  it.live("a path that cannot be one is no socket", () =>
    Effect.gen(function* () {
      const resonite = yield* client({ socket: "/tmp/line\nbreak" })
      assert.include((yield* failsBecause("SocketNotFound", resonite.status())).message, "/tmp/linebreak")
    })
  )

  it.live("a relative path is one from the working directory", () =>
    Effect.gen(function* () {
      const resonite = yield* client({ socket: "nowhere.sock" })
      const { message } = yield* failsBecause("SocketNotFound", resonite.status())
      assert.include(message, join(process.cwd(), "nowhere.sock"))
    })
  )
})

describe("resonite-32: what is not the mod", () => {
  const strangers = {
    "HTTP/1.1": () => createHttp((_, response) => response.end("<html></html>")),
    garbage: () =>
      createServer((socket) => socket.write("no HTTP at all, and a long line of it\n".repeat(99))),
    "a hang-up": () => createServer((socket) => socket.destroy())
  }

  for (const [name, server] of Object.entries(strangers)) {
    it.live(`${name} is typed, at once`, () =>
      Effect.gen(function* () {
        const socket = join(yield* temporary, "socket")
        yield* listening(socket, server())
        const resonite = yield* client({ socket, timeout: "20 seconds" })
        for (const call of [resonite.status(), resonite.login(ada), resonite.logout()]) {
          const [took] = yield* Effect.timed(failsBecause("ConnectionFailed", call))
          assert.isBelow(Duration.toSeconds(took), 10)
        }
      })
    )
  }

  it.effect("resonite-06: the time that connecting took is not given to the login again", () =>
    Effect.gen(function* () {
      const given: Array<number> = []
      const lost = TransportError.because(where(undefined), new Closed({ message: "lost" }))
      const channel: GrpcChannel.GrpcChannel = {
        connections: Effect.succeed(0),
        connect: () => Effect.sleep("20 seconds"),
        unary: (_, __, options) =>
          Effect.suspend(() => {
            given.push(Duration.toSeconds(Duration.fromInputUnsafe(options?.timeout ?? 0)))
            return Effect.fail(lost)
          })
      }
      const resonite = yield* Operations.make(channel, where(undefined), { timeout: "50 seconds" })
      const login = yield* Effect.forkChild(failsBecause("Closed", resonite.login(ada)))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(login)
      assert.deepStrictEqual(given, [30])
    })
  )

  it.live("a login that was not sent is not said to have succeeded", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const here = where(undefined)
      const made = (path: string | Effect.Effect<never>) =>
        GrpcChannel.make({ ...here, target: { _tag: "UnixSocket", path } }).pipe(
          Scope.provide(scope),
          Effect.flatMap((channel) => Operations.make(channel, here, { timeout: 300 }))
        )
      const nowhere = yield* made(Effect.never)
      const ended = yield* made("socket")
      const silent = join(yield* temporary, "socket")
      yield* listening(silent)
      const dialling = yield* client({ socket: silent, timeout: 300 })
      for (const resonite of [nowhere, dialling]) {
        const login = yield* failsBecause("TimedOut", resonite.login(ada))
        assert.strictEqual(login.message, (yield* failsBecause("TimedOut", resonite.logout())).message)
      }
      yield* Scope.close(scope, Exit.void)
      const login = yield* failsBecause("Closed", ended.login(ada))
      assert.strictEqual(login.message, (yield* failsBecause("Closed", ended.logout())).message)
    })
  )

  it.live("silence is TimedOut, at the deadline", () =>
    Effect.gen(function* () {
      const socket = join(yield* temporary, "socket")
      yield* listening(socket)
      const resonite = yield* client({ socket })
      for (const call of [resonite.status({ timeout: 500 }), resonite.login(ada, { timeout: 500 })]) {
        const [took] = yield* Effect.timed(failsBecause("TimedOut", call))
        assert.isTrue(Duration.toMillis(took) >= 490 && Duration.toMillis(took) < 2000, Duration.format(took))
      }
    })
  )

  it.live("a game that is silent is TimedOut, and the call is cancelled there", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      const server = yield* (yield* ResoniteEmulator).server
      yield* resonite.status()
      yield* game.faults.push(GrpcFault.Silent(), { times: 2 })
      yield* failsBecause("TimedOut", resonite.status({ timeout: 300 }))
      yield* failsBecause("TimedOut", resonite.login(ada, { timeout: 300 }))
      yield* until(Effect.map(server.cancelled, (cancelled) => cancelled === 2))
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )
})

describe("a game that comes and goes", () => {
  it.live("resonite-33: stopped and started again on the same path, the next call succeeds", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { socket } = yield* ResoniteEmulator
      const path = yield* socket
      const resonite = yield* client({ socket: path })
      yield* resonite.login(ada)
      const silent = yield* inFlight(resonite.status())
      yield* game.stop
      yield* failsBecause("Closed", Fiber.join(silent))
      yield* failsBecause("SocketNotFound", resonite.status())
      yield* game.start
      assert.strictEqual(yield* socket, path)
      assert.isTrue((yield* resonite.status()).loggedIn, "it was to be remembered")
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-34: restarted under another name, it is found, also by the same client", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { socket } = yield* ResoniteEmulator
      const path = yield* socket
      const { connections, resonite } = yield* watched
      yield* resonite.login({ ...ada, rememberMe: false })
      yield* game.restart
      yield* connections(2)
      assert.notStrictEqual(yield* socket, path)
      assert.isFalse((yield* resonite.status()).loggedIn, "it was not to be remembered")
      assert.isFalse((yield* (yield* Resonite).status()).loggedIn)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-34: two games at once are ambiguous for a client that connects now", () =>
    Effect.gen(function* () {
      const { directory } = yield* ResoniteEmulator
      const resonite = yield* Resonite
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* listening(join(directory, "resonite-other.sock"))
          yield* failsBecause("AmbiguousSocket", resonite.status())
        })
      )
      assert.isFalse((yield* resonite.status()).loggedIn)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )
})

describe("a connection", () => {
  it.live("resonite-35: an interruption cancels the call at the game, and a status works after it", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      const server = yield* (yield* ResoniteEmulator).server
      for (const [index, [path, call]] of [
        [LOGIN, resonite.login(ada)] as const,
        [LOGOUT, resonite.logout()] as const,
        [STATUS, resonite.status()] as const
      ].entries()) {
        yield* game.faults.push(GrpcFault.Silent(), { path })
        const fiber = yield* Effect.forkChild(call)
        yield* until(Effect.map(game.faults.pending, (pending) => pending === 0))
        yield* Fiber.interrupt(fiber)
        yield* until(Effect.map(server.cancelled, (cancelled) => cancelled === index + 1))
        assert.isFalse((yield* resonite.status()).loggedIn)
      }
      assert.strictEqual(yield* server.accepted, 1)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-36: a service that tells the version may fail as it likes", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      yield* game.faults.push(GrpcFault.Status({ code: 13, details: "" }), {
        path: "/resonite_io.v1.Info/GetServerInfo"
      })
      assert.isTrue((yield* resonite.login(ada)).loggedIn)
      assert.strictEqual(yield* game.faults.pending, 1)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-37: the end of the scope closes it", () =>
    Effect.gen(function* () {
      const { server, socket } = yield* ResoniteEmulator
      yield* Effect.provide(
        Effect.flatMap(Resonite, (resonite) => resonite.status()),
        Resonite.layer({ socket: yield* socket })
      )
      yield* until(Effect.flatMap(server, ({ connections }) => Effect.map(connections, (open) => open === 0)))
      assert.strictEqual(yield* (yield* server).accepted, 1)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-37: nothing is left behind that keeps a process alive", () =>
    Effect.gen(function* () {
      const { server, socket } = yield* ResoniteEmulator
      yield* (yield* Game).faults.push(GrpcFault.Silent(), { path: LOGOUT })
      const program = fileURLToPath(import.meta.resolve("./support/program.ts"))
      const path = yield* socket
      const output = yield* Effect.promise(() =>
        promisify(execFile)(process.execPath, ["--conditions=@latchkey/source", program, path], {
          timeout: 20_000
        })
      )
      assert.strictEqual(output.stdout, "scope closed")
      yield* until(Effect.flatMap(server, ({ connections }) => Effect.map(connections, (open) => open === 0)))
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-38: ten calls at once share one", () =>
    Effect.gen(function* () {
      const resonite = yield* Resonite
      const server = yield* (yield* ResoniteEmulator).server
      const calls = Array.from({ length: 10 }, () => resonite.status())
      const statuses = yield* Effect.all(calls, { concurrency: "unbounded" })
      assert.lengthOf(statuses, 10)
      assert.strictEqual(yield* server.accepted, 1)
      assert.lengthOf(yield* server.requests, 10)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-39: an answer of 8 MiB is read, one of 101 MiB is too large", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      yield* game.faults.push(GrpcFault.Garbage({ bytes: bytes(99, new Uint8Array(8 * 2 ** 20)) }))
      assert.isFalse((yield* resonite.status()).loggedIn)
      yield* game.faults.push(GrpcFault.Oversized({ bytes: 101 * 2 ** 20 }))
      yield* failsBecause("MessageTooLarge", resonite.status({ timeout: "25 seconds" }))
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("resonite-36: a server with nothing but the service will do", () =>
    Effect.gen(function* () {
      const socket = join(yield* temporary, "socket")
      yield* GrpcServer.make({
        listen: { _tag: "UnixSocket", path: socket },
        handlers: { [STATUS]: () => Effect.succeed(new Uint8Array()) }
      })
      const resonite = yield* client({ socket })
      assert.isFalse((yield* resonite.status()).loggedIn)
      yield* failsBecause("NotImplemented", resonite.login(ada))
      assert.strictEqual((yield* fails("TransportError", resonite.logout())).instance, socket)
    })
  )
})

describe("the emulator", () => {
  it.live("keeps its socket in a private directory, and takes it away", () =>
    Effect.gen(function* () {
      const { directory, socket } = yield* Effect.provide(
        Effect.gen(function* () {
          const emulator = yield* ResoniteEmulator
          const { mode } = yield* Effect.promise(() => stat(emulator.directory))
          assert.strictEqual(mode & 0o777, 0o700)
          assert.match(yield* emulator.socket, /\/resonite-\d+\.sock$/)
          return { directory: emulator.directory, socket: yield* emulator.socket }
        }),
        ResoniteEmulator.layer()
      )
      for (const path of [directory, socket]) {
        assert.isTrue((yield* Effect.exit(Effect.promise(() => stat(path))))._tag === "Failure")
      }
    })
  )

  it.live("starts once, stops more often", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      yield* game.start
      yield* game.stop
      yield* game.stop
      yield* failsBecause("SocketNotFound", resonite.status())
      yield* game.restart
      assert.isFalse((yield* resonite.status()).loggedIn)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )
})
