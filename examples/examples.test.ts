import { afterAll, assert, describe, it } from "@effect/vitest"
import { NodeServices } from "@effect/platform-node"
import { Sessions, SessionRef, SessionStore } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { RobotEmulator, RobotTest, Spot } from "@latchkey/robot/testing"
import { SqliteSessionStore } from "@latchkey/store"
import {
  ConfigProvider,
  Context,
  Effect,
  Equal,
  Exit,
  FileSystem,
  Layer,
  Option,
  Redacted,
  Scope,
  Stream
} from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { hasRedis, ownPrefix, redisServer } from "../packages/store/test/redisServer.ts"
import { findPostgres, freshSchema } from "../packages/store/test/postgresServer.ts"
import * as SignIn from "./01_sign-in.ts"
import { callWith } from "./02_call-a-service.ts"
import { explain } from "./03_catch-errors.ts"
import { Turnstile } from "./05_own-provider.ts"
import * as UseAStore from "./08_use-a-store.ts"
import * as InstanceAuthSessions from "./16_instance-auth-sessions.ts"
import * as SealedStore from "./24_sealed-store.ts"
import * as RedisStore from "./25_redis-store.ts"
import * as PostgresStore from "./26_postgres-store.ts"
import { guardedService, services } from "./demo/guardedService.ts"

const password = Redacted.make("correct-horse")

const whole = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(whole, Exit.void)))
const postgres = await Effect.runPromise(Scope.provide(findPostgres, whole))
if (Option.isNone(postgres)) {
  process.stderr.write("SKIPPED: example 26. There is no PostgreSQL; `npm run services` installs one\n")
}

const demo = fileURLToPath(new URL("demo.ts", import.meta.url))
const signIn = fileURLToPath(new URL("01_sign-in.ts", import.meta.url))

/** As in `npm run demo`: below 24, Node warns of what it calls experimental. */
const nodeFlags = ["--disable-warning=ExperimentalWarning", "--conditions=@latchkey/source"]

/** Runs a program as a person would, piped. */
const run = Effect.fnUntraced(function* (
  program: string,
  args: ReadonlyArray<string>,
  options: { readonly stdin?: string; readonly env?: Record<string, string> } = {}
) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const handle = yield* spawner.spawn(
    ChildProcess.make(process.execPath, [...nodeFlags, program, ...args], {
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

describe("the examples run", () => {
  it.live("01 signs in, and the session is on disk", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const { rootCertificates, url } = yield* RobotEmulator
      const env = {
        HOME: home,
        XDG_STATE_HOME: home,
        ROBOT_URL: url,
        ROBOT_ROOTS: rootCertificates,
        ROBOT_USERNAME: "user",
        ROBOT_PASSWORD: "correct-horse"
      }
      const { code, stdout } = yield* run(signIn, [], { env })
      assert.strictEqual(code, ChildProcessSpawner.ExitCode(0))
      assert.include(stdout, "<redacted>")
      yield* Effect.gen(function* () {
        const token = yield* SignIn.program
        assert.isNotEmpty(Redacted.value(token))
        const store = yield* SessionStore
        assert.strictEqual((yield* store.list).length, 1)
      }).pipe(
        Effect.provide(
          Layer.provideMerge(SignIn.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)))
        )
      )
      assert.isTrue(yield* fs.exists(`${home}/latchkey/sessions.db`))
    }).pipe(Effect.scoped, Effect.provide([RobotEmulator.layer(), NodeServices.layer]))
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
    }).pipe(Effect.scoped, Effect.provide([RobotTest.layer({ services }), SessionStore.layerMemory]))
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

  it.live("16 remembers a session as the Python tools do, and finds it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/auth.json`
      assert.isTrue(Option.isNone(yield* InstanceAuthSessions.token(path)))
      yield* InstanceAuthSessions.remember(password, path)
      assert.isTrue(Option.exists(yield* InstanceAuthSessions.token(path), Equal.equals(password)))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("24 seals what the store on disk keeps, and keeps it when the key has changed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const [first, second] = ["11".repeat(32), "22".repeat(32)]
      const under = (keys: Record<string, string>) =>
        Effect.provideService(
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromEnv({ env: { HOME: home, XDG_STATE_HOME: home, ...keys } })
        )
      const found = Effect.flatMap(SessionStore, (store) => store.find({ account: "ops" })).pipe(
        Effect.provide(Layer.fresh(SealedStore.layer))
      )
      const accounts = yield* UseAStore.program.pipe(
        Effect.provide(Layer.fresh(SealedStore.layer)),
        under({ SEALING_KEY: first })
      )
      assert.deepStrictEqual(accounts, ["ops"])
      for (const file of yield* fs.readDirectory(`${home}/latchkey`)) {
        const bytes = yield* fs.readFile(`${home}/latchkey/${file}`)
        assert.isFalse(Buffer.from(bytes).includes("a token"))
      }
      const changed = { SEALING_KEY: second, OLD_SEALING_KEY: first }
      assert.strictEqual(yield* under(changed)(SealedStore.changeKey), 1)
      assert.isTrue(Option.isSome(yield* under(changed)(found)))
      const refused = yield* Effect.flip(under({ SEALING_KEY: first })(found))
      assert.strictEqual("reason" in refused ? refused.reason._tag : refused._tag, "WrongKey")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live.skipIf(!hasRedis)("25 runs on the store in Redis", () =>
    Effect.gen(function* () {
      const address = yield* redisServer
      const { prefix } = yield* ownPrefix(address)
      const env = ConfigProvider.fromUnknown({ REDIS_URL: address.url, SESSIONS_PREFIX: prefix })
      const accounts = yield* UseAStore.program.pipe(
        Effect.provide(Layer.provide(RedisStore.sessions, ConfigProvider.layer(env)))
      )
      assert.deepStrictEqual(accounts, ["ops"])
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(Option.isNone(postgres))("26 shares its sessions with whoever is on the same database", () =>
    Effect.gen(function* () {
      const server = Option.getOrThrow(postgres)
      const schema = yield* freshSchema(server)
      const env = { DATABASE_URL: Redacted.value(server.url), SESSIONS_SCHEMA: schema }
      const program = Layer.build(Layer.fresh(PostgresStore.layer)).pipe(
        Effect.map((context) => Context.get(context, Sessions)),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
      )
      const [turnstile, one, other] = [yield* Turnstile, yield* program, yield* program]
      const code = Redacted.make("1234")
      const login = turnstile.enter("ada", code)
      const live = yield* one.signIn(turnstile, { account: "ada", secret: code, login })
      const seen = yield* other.open(turnstile, (yield* live.get).key)
      assert.isTrue(Equal.equals(yield* seen.token, yield* live.token))
    }).pipe(Effect.scoped, Effect.provide(Turnstile.layer))
  )
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
      const { code, stderr, stdout } = yield* run(demo, [])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, ChildProcessSpawner.ExitCode(0))
      assert.notInclude(stdout, "\u001b")
      assert.include(stdout, "1000 fibers, 1 renewal")
      assert.include(stdout, "1 renewal, 100 answers")
      assert.include(stdout, "a token that had ended was replaced by a good one")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("signs in to a robot that is named, with a password from standard input", () =>
    atARobot((args, env) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { code, stdout } = yield* run(demo, [...args, "--password-stdin"], {
          stdin: "correct-horse\n",
          env
        })
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
          const { code, stderr } = yield* run(demo, [...args, "--password-stdin"], { stdin, env })
          assert.strictEqual(code, ChildProcessSpawner.ExitCode(1))
          assert.lengthOf(stderr.split(name), 2)
        })
      )
    )
  }

  for (const args of [["--url", "https://192.0.2.1"], ["--password-stdin"], ["--nonsense"]]) {
    it.live(`refuses ${args.join(" ")} by itself`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* run(demo, args)
        assert.notStrictEqual(code, ChildProcessSpawner.ExitCode(0))
        assert.lengthOf(stderr.trim().split("\n"), 2) // a title and one sentence
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  }

  it.live("asks for nothing where there is no terminal", () =>
    atARobot((args, env) =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* run(demo, args, { stdin: "correct-horse\n", env })
        assert.strictEqual(code, ChildProcessSpawner.ExitCode(1))
        assert.strictEqual(stdout, "")
        assert.include(stderr, "--password-stdin")
      })
    )
  )

  it.live("ends and tidies up when nobody reads on", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const temp = yield* fs.makeTempDirectoryScoped()
      const child = spawn(process.execPath, [...nodeFlags, demo], {
        env: { ...process.env, TMPDIR: temp, TEMP: temp },
        stdio: ["ignore", "pipe", "inherit"]
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => child.kill()))
      child.stdout.once("data", () => child.stdout.destroy())
      const [code] = yield* Effect.promise(() => once(child, "close"))
      assert.strictEqual(code, 141)
      assert.deepStrictEqual(yield* fs.readDirectory(temp), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
