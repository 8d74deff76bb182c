import { assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Sessions, SessionRef, SessionStore } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { RobotEmulator, RobotTest, Spot } from "@latchkey/robot/testing"
import { SqliteSessionStore } from "@latchkey/store"
import { ConfigProvider, Effect, Equal, FileSystem, Layer, Redacted, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { TestClock } from "effect/testing"
import { fileURLToPath } from "node:url"
import * as SignIn from "./01_sign-in.ts"
import { callWith } from "./02_call-a-service.ts"
import { explain } from "./03_catch-errors.ts"
import { Turnstile } from "./05_own-provider.ts"
import * as UseAStore from "./08_use-a-store.ts"
import { guardedService, handlers } from "./demo/guardedService.ts"

const password = Redacted.make("correct-horse")

describe("the examples run", () => {
  it.live("01 signs in, and the session is on disk", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const token = yield* Effect.gen(function* () {
        const token = yield* SignIn.program("user", password)
        const store = yield* SessionStore
        assert.strictEqual((yield* store.list).length, 1)
        return token
      }).pipe(
        Effect.provide([SignIn.layer, RobotEmulator.layer()]),
        Effect.provide(
          ConfigProvider.layer(ConfigProvider.fromEnvRecord({ HOME: home, XDG_STATE_HOME: home }))
        )
      )
      assert.isNotEmpty(Redacted.value(token))
      assert.isTrue(yield* fs.exists(`${home}/latchkey/sessions.db`))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("02 calls a service of the robot, with a renewed session where the first was refused", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const live = yield* SessionRef.make(robot, yield* robot.auth({ username: "user", password }))
      yield* callWith(live, guardedService, undefined)
      assert.strictEqual(
        (yield* spot.requests).filter(({ path }) => path === guardedService.method.path).length,
        1
      )
    }).pipe(
      Effect.scoped,
      Effect.provide([RobotTest.layer({ services: handlers }), SessionStore.layerMemory])
    )
  )

  it.effect("03 tells what became of a sign-in", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* explain("user", password), "signed in as user")
      assert.strictEqual(yield* explain("user", Redacted.make("wrong")), "wrong user name or password")
      yield* Effect.forEach(Array.from({ length: 5 }), () =>
        Effect.andThen(TestClock.adjust("1 second"), explain("user", Redacted.make("wrong")))
      )
      yield* TestClock.adjust("1 second")
      assert.match(yield* explain("user", password), /^locked out for /)
    }).pipe(Effect.provide(RobotTest.layer()))
  )

  it.effect("05 is kept alive like any other provider", () =>
    Effect.gen(function* () {
      const turnstile = yield* Turnstile
      const sessions = yield* Sessions
      const code = Redacted.make("1234")
      const live = yield* sessions.signIn(turnstile, {
        account: "ada",
        secret: code,
        login: turnstile.enter("ada", code)
      })
      const first = yield* live.token
      yield* TestClock.adjust("9 minutes")
      assert.isFalse(Equal.equals(yield* live.token, first))
    }).pipe(Effect.provide([Turnstile.layer, Sessions.layer.pipe(Layer.provide(SessionStore.layerMemory))]))
  )

  it.live("08 runs on the store on disk", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/sessions.db`
      const accounts = yield* UseAStore.program.pipe(Effect.provide(SqliteSessionStore.layer({ path })))
      assert.deepStrictEqual(accounts, ["ops"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

const demo = fileURLToPath(new URL("demo.ts", import.meta.url))

/** Runs the demo as a person would, piped. */
const run = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  options: { readonly stdin?: string; readonly env?: Record<string, string> } = {}
) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const handle = yield* spawner.spawn(
    ChildProcess.make(process.execPath, ["--conditions=@latchkey/source", demo, ...args], {
      extendEnv: true,
      env: { NO_COLOR: "1", ...options.env },
      stdin: Stream.encodeText(Stream.make(options.stdin ?? ""))
    })
  )
  const [stdout, stderr, code] = yield* Effect.all(
    [
      Stream.mkString(Stream.decodeText(handle.stdout)),
      Stream.mkString(Stream.decodeText(handle.stderr)),
      handle.exitCode
    ],
    { concurrency: "unbounded" }
  )
  return { stdout, stderr, code }
})

const inAHome = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  return { HOME: home, XDG_STATE_HOME: `${home}/state` }
})

const atARobot = <A, E, R>(
  use: (args: ReadonlyArray<string>, env: Record<string, string>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const env = yield* inAHome
    const { rootCertificates, url } = yield* RobotEmulator
    yield* fs.writeFileString(`${env.HOME}/roots.pem`, rootCertificates)
    return yield* use(["--url", url, "--username", "user", "--root-certificates", `${env.HOME}/*.pem`], env)
  }).pipe(Effect.scoped, Effect.provide([RobotEmulator.layer(), NodeServices.layer]))

describe("the demo", () => {
  it.live("does what it says, and is plain when piped", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run([])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, ChildProcessSpawner.ExitCode(0))
      assert.notInclude(stdout, "\u001b")
      assert.include(stdout, "1000 fibers, 1 renewal")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("signs in to a robot that is named, with a password from standard input", () =>
    atARobot((args, env) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { code, stdout } = yield* run([...args, "--password-stdin"], { stdin: "correct-horse\n", env })
        assert.strictEqual(code, ChildProcessSpawner.ExitCode(0))
        assert.include(stdout, "spot-BD-12345678")
        assert.notInclude(stdout, "correct-horse")
        assert.isTrue(yield* fs.exists(`${env["XDG_STATE_HOME"]}/latchkey/sessions.db`))
      })
    )
  )

  for (const [name, stdin] of [
    ["InvalidLogin", "wrong\n"],
    ["InvalidRequest", ""]
  ] as const) {
    it.live(`fails with ${name} for the password ${JSON.stringify(stdin)}`, () =>
      atARobot((args, env) =>
        Effect.gen(function* () {
          const { code, stderr } = yield* run([...args, "--password-stdin"], { stdin, env })
          assert.strictEqual(code, ChildProcessSpawner.ExitCode(1))
          assert.include(stderr, name)
        })
      )
    )
  }

  for (const args of [["--url", "https://192.0.2.1"], ["--password-stdin"], ["--nonsense"]]) {
    it.live(`refuses ${args.join(" ")} by itself`, () =>
      Effect.gen(function* () {
        const { code } = yield* run(args)
        assert.notStrictEqual(code, ChildProcessSpawner.ExitCode(0))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  }
})
