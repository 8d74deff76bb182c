import { assert, describe, it, vi } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer } from "effect"
import { chmod, mkdir } from "node:fs/promises"
import { userInfo } from "node:os"
import { join } from "node:path"
import { Resonite, ResoniteSocket } from "../src/index.ts"
import { matches } from "../src/internal/sockets.ts"
import { where } from "../src/internal/where.ts"
import { ResoniteEmulator } from "../src/testing.ts"
import { failsBecause } from "../../../test/support/fails.ts"
import {
  asNobody,
  client,
  deadSocket,
  environment,
  listening,
  temporary,
  touch,
  within
} from "./support/places.ts"
import { until } from "../../../test/support/until.ts"

const { find } = ResoniteSocket

const directory = (path: string) => Effect.promise(() => mkdir(path, { recursive: true }))

/** What a search in a directory fails with. */
const looking = (path: string) => Effect.flip(within({ RESONITE_IO_SOCKET_DIR: path })(find()))

/** How often a text holds another one. */
const count = (text: string, part: string): number => text.split(part).length - 1

describe("finding the socket", () => {
  it.live("resonite-26: path, socket variable, directory variable and home, in that order", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const inDirectory = yield* touch(join(root, "run", "resonite-1.sock"))
      const atHome = yield* touch(join(root, "home", ".resonite-io", "resonite-2.sock"))
      const variables = {
        RESONITE_IO_SOCKET: "from the variable",
        RESONITE_IO_SOCKET_DIR: join(root, "run"),
        HOME: join(root, "home")
      }
      const all = within(variables)
      const noSocket = within({ ...variables, RESONITE_IO_SOCKET: "" })
      const onlyHome = within({ RESONITE_IO_SOCKET_DIR: "", HOME: variables.HOME })
      assert.strictEqual(yield* all(find({ socket: "given" })), "given")
      assert.strictEqual(yield* all(find({ socket: "" })), "from the variable")
      assert.strictEqual(yield* all(find()), "from the variable")
      assert.strictEqual(yield* noSocket(find()), inDirectory)
      assert.strictEqual(yield* onlyHome(find()), atHome)
    })
  )

  it("resonite-26: failures name the socket that is given, and an empty one is none", () => {
    assert.strictEqual(where("/run/x.sock").instance, "/run/x.sock")
    assert.deepStrictEqual(where(""), where(undefined))
    assert.notStrictEqual(where("").instance, "")
  })

  it.live("resonite-26: a socket that is named is taken as it is", () =>
    Effect.gen(function* () {
      for (const socket of [" ~/x.sock ", "relative/x", "/nowhere/x.sock"]) {
        assert.strictEqual(yield* find({ socket }), socket)
        assert.strictEqual(yield* within({ RESONITE_IO_SOCKET: socket })(find()), socket)
      }
    })
  )

  it.live("resonite-26: without HOME, home is that of the password database", () =>
    Effect.gen(function* () {
      const home = join(userInfo().homedir, ".resonite-io")
      const found = yield* Effect.result(within({})(find()))
      const said = found._tag === "Success" ? found.success : found.failure.message
      assert.include(said, home)
    })
  )

  it.live("resonite-27: no match names the pattern and the directory, and home is not tried", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      yield* touch(join(root, ".resonite-io", "resonite-2.sock"))
      yield* touch(join(root, "run", "other.sock"))
      for (const path of [join(root, "run"), join(root, "nowhere"), join(root, "run", "other.sock")]) {
        const error = yield* failsBecause(
          "SocketNotFound",
          within({ RESONITE_IO_SOCKET_DIR: path, HOME: root })(find())
        )
        assert.include(error.message, "resonite-*.sock")
        assert.include(error.message, path)
        assert.include(error.message, "RESONITE_IO_SOCKET")
      }
    })
  )

  it.live("resonite-28: several matches are all named, and which of them are dead", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const live = join(root, "resonite-9.sock")
      yield* listening(live)
      const dead = yield* deadSocket(join(root, "resonite-10.sock"))
      const error = yield* failsBecause("AmbiguousSocket", within({ RESONITE_IO_SOCKET_DIR: root })(find()))
      assert.include(error.message, "resonite-*.sock")
      assert.include(error.message, "RESONITE_IO_SOCKET")
      assert.deepStrictEqual([count(error.message, live), count(error.message, dead)], [1, 2])
    })
  )

  it("resonite-28: they are named in the order of their names", () => {
    const names = ["3", "10", "1", "other", "9", "2"].map((pid) => `resonite-${pid}.sock`)
    assert.deepStrictEqual(
      matches("/run", [...names, "other.sock"]),
      ["1", "10", "2", "3", "9", "other"].map((pid) => `/run/resonite-${pid}.sock`)
    )
  })

  it.live("resonite-28: one of another user is not called dead", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      yield* Effect.promise(() => chmod(root, 0o755))
      const mine = join(root, "resonite-1.sock")
      yield* listening(mine)
      const foreign = join(root, "resonite-2.sock")
      yield* listening(foreign)
      const dead = yield* deadSocket(join(root, "resonite-3.sock"))
      for (const path of [mine, foreign, dead]) yield* Effect.promise(() => chmod(path, 0o777))
      const look = asNobody(failsBecause("AmbiguousSocket", within({ RESONITE_IO_SOCKET_DIR: root })(find())))
      const before = (yield* look).message
      assert.deepStrictEqual([count(before, mine), count(before, foreign), count(before, dead)], [1, 1, 2])
      yield* Effect.promise(() => chmod(foreign, 0o000))
      const { message } = yield* look
      assert.deepStrictEqual([count(message, mine), count(message, foreign), count(message, dead)], [1, 2, 2])
      const [, left, ...others] = message.split(dead)
      assert.notInclude(left, foreign, "it is not among the dead")
      assert.include(others.join(dead), foreign)
    })
  )

  it.live("resonite-28: a look at them leaves no connection behind", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const games = yield* Effect.forEach(["1", "2"], (pid) => listening(join(root, `resonite-${pid}.sock`)))
      yield* failsBecause("AmbiguousSocket", within({ RESONITE_IO_SOCKET_DIR: root })(find()))
      for (const { accepted, sockets } of games) {
        yield* until(Effect.map(accepted, (connections) => connections === 1))
        yield* until(Effect.sync(() => sockets.size === 0))
      }
    })
  )

  it.live("names with what cannot be seen in them are named without it", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const odd = join(root, "\u001b[31m\u202e")
      yield* touch(join(odd, "resonite-\u001b[31m1\n.sock"))
      yield* touch(join(odd, "resonite-2.sock"))
      const resonite = yield* client({ socket: odd })
      for (const { message } of [
        yield* looking(odd),
        yield* looking(join(odd, "nowhere\n")),
        yield* looking(join(odd, "resonite-\u001b[31m1\n.sock")),
        yield* Effect.flip(resonite.status())
      ]) {
        assert.notMatch(message, /[\p{C}\p{Zl}\p{Zp}]/u)
        assert.include(message, join(root, "[31m"))
      }
    })
  )

  it.live("resonite-29: one match among others is the match", () =>
    Effect.gen(function* () {
      for (const name of ["resonite-1.sock", "resonite-.sock", "resonite-a b.sock", "resonite-\n.sock"]) {
        const root = yield* temporary
        for (const other of [
          "other.sock",
          "resonite-1.sock.bak",
          "Resonite-1.sock",
          "resonite-1.SOCK",
          "resonite.sock",
          "xresonite-1.sock"
        ]) {
          yield* touch(join(root, other))
        }
        yield* touch(join(root, name))
        for (const given of [root, `${root}/`]) {
          assert.strictEqual(yield* within({ RESONITE_IO_SOCKET_DIR: given })(find()), join(root, name))
        }
      }
    })
  )

  it.live("resonite-29: the name of the directory is no pattern", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      yield* touch(join(root, "a", "resonite-1.sock"))
      const literal = yield* touch(join(root, "[ab]", "resonite-2.sock"))
      const found = within({ RESONITE_IO_SOCKET_DIR: join(root, "[ab]") })(find())
      assert.strictEqual(yield* found, literal)
      yield* directory(join(root, "*"))
      yield* failsBecause("SocketNotFound", within({ RESONITE_IO_SOCKET_DIR: join(root, "*") })(find()))
    })
  )
})

describe("resonite-30: what the environment is when a connection is made counts", () => {
  it.live("of the process", () =>
    Effect.gen(function* () {
      const { directory } = yield* ResoniteEmulator
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()))
      vi.stubEnv("RESONITE_IO_SOCKET", "/nowhere/x.sock")
      vi.stubEnv("RESONITE_IO_SOCKET_DIR", directory)
      const resonite = yield* client()
      yield* failsBecause("SocketNotFound", resonite.status())
      vi.stubEnv("RESONITE_IO_SOCKET", "")
      assert.isFalse((yield* resonite.status()).loggedIn)
      vi.stubEnv("RESONITE_IO_SOCKET_DIR", "/nowhere")
      assert.isFalse((yield* resonite.status()).loggedIn, "the connection stands")
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("of the layer, if it has one of its own", () =>
    Effect.gen(function* () {
      const { directory } = yield* ResoniteEmulator
      const variables = { RESONITE_IO_SOCKET: "/nowhere/x.sock", RESONITE_IO_SOCKET_DIR: directory }
      yield* Effect.gen(function* () {
        const resonite = yield* Resonite
        const attempt = within({ RESONITE_IO_SOCKET: "/elsewhere/x.sock" })(resonite.status())
        assert.include((yield* failsBecause("SocketNotFound", attempt)).message, "/nowhere/x.sock")
        variables.RESONITE_IO_SOCKET = ""
        assert.isFalse((yield* attempt).loggedIn)
      }).pipe(
        Effect.provide(
          Resonite.layer().pipe(Layer.provide(ConfigProvider.layer(environment(variables))), Layer.fresh)
        )
      )
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )

  it.live("of the caller, if the layer has none", () =>
    Effect.gen(function* () {
      const { directory } = yield* ResoniteEmulator
      const resonite = yield* client()
      yield* failsBecause("SocketNotFound", within({ RESONITE_IO_SOCKET: "/nowhere" })(resonite.status()))
      const status = yield* within({ RESONITE_IO_SOCKET_DIR: directory })(resonite.status())
      assert.isFalse(status.loggedIn)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )
})

describe("options as Config", () => {
  it.live("name the socket and the timeout", () =>
    Effect.gen(function* () {
      const { socket } = yield* ResoniteEmulator
      const layer = Resonite.layerConfig({
        socket: Config.String("SOCKET"),
        timeout: Config.Duration("TIMEOUT")
      }).pipe(
        Layer.provide(ConfigProvider.layer(environment({ SOCKET: yield* socket, TIMEOUT: "5 seconds" })))
      )
      const status = Effect.flatMap(Resonite, (resonite) => resonite.status())
      assert.isFalse((yield* Effect.provide(status, layer)).loggedIn)
    }).pipe(Effect.provide(ResoniteEmulator.layer()))
  )
})
