/** A robot, on loopback: the main job, from a wrong password to the next process. */
import { type Session, SessionRef, Sessions, SessionStore } from "@latchkey/core"
import { Robot } from "@latchkey/robot"
import { RobotEmulator, Spot } from "@latchkey/robot/testing"
import { SqliteSessionStore } from "@latchkey/store"
import { Duration, Effect, Equal, FileSystem, Layer, Path, Redacted } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import { claim, failsWith } from "./claims.ts"
import { services } from "./guardedService.ts"
import { line, passed, title } from "./print.ts"

const username = "ops"
const password = Redacted.make("correct horse battery staple")
const wrong = Redacted.make("correct horse battery stable")
const FIBERS = 1000
const FAILURES_TO_LOCK = 6
/** An hour for a real robot. */
const RENEW_AFTER = Duration.seconds(1)

const again = fileURLToPath(new URL("again.ts", import.meta.url))

/** How many sign-ins and renewals the robot has seen. */
const asked = Effect.gen(function* () {
  const { requests } = yield* Spot
  return (yield* requests).filter(({ path }) => path.endsWith("/GetAuthToken")).length
})

const describe = ({ accessToken, key }: Session) =>
  `${key.account} on ${key.instance}, token ${inspect(accessToken)}`

const signIn = Effect.fnUntraced(function* (secret: Redacted.Redacted<string>) {
  const robot = yield* Robot
  const sessions = yield* Sessions
  const login = robot.auth({ username, password: secret })
  return yield* sessions.signIn(robot, { account: username, secret, login })
})

const wrongPassword = Effect.gen(function* () {
  yield* title("A wrong password is a typed error")
  const before = yield* asked
  const error = yield* failsWith(signIn(wrong), "InvalidLogin")
  yield* line(error._tag, error.message, "yellow")
  yield* failsWith(signIn(wrong), "InvalidLogin")
  yield* claim((yield* asked) === before + 1, "a refused password is not sent again")
  yield* passed("tried twice, sent once: a refused password is not sent again")
})

const lockOut = Effect.gen(function* () {
  yield* title("So is a lock-out")
  const { addUser } = yield* Spot
  const robot = yield* Robot
  yield* addUser("guest", password)
  const attempt = robot.auth({ username: "guest", password: wrong })
  yield* Effect.forEach(Array.from({ length: FAILURES_TO_LOCK }), () => failsWith(attempt, "InvalidLogin"))
  const error = yield* failsWith(robot.auth({ username: "guest", password }), "TemporarilyLockedOut")
  yield* line(error._tag, error.message, "yellow")
  yield* passed(`the right password has to wait as well: retryAfter is ${Duration.format(error.retryAfter)}`)
})

const signingIn = Effect.gen(function* () {
  yield* title("Signing in")
  const store = yield* SessionStore
  const live = yield* signIn(password)
  yield* line("session", describe(yield* live.get))
  yield* claim((yield* store.list).length === 1, "the session is stored")
  yield* passed("signed in, and saved before anybody got it")
  return live
})

const renewal = Effect.fnUntraced(function* <E>(live: SessionRef.SessionRef<E>) {
  yield* title(`The token runs out while ${FIBERS} fibers want it`)
  const old = yield* live.token
  yield* Effect.sleep(RENEW_AFTER)
  const before = yield* asked
  const [took, tokens] = yield* Effect.timed(
    Effect.forEach(Array.from({ length: FIBERS }), () => live.token, { concurrency: "unbounded" })
  )
  const renewals = (yield* asked) - before
  const [token] = tokens
  yield* claim(token !== undefined && !Equal.equals(token, old), "there is a new token")
  yield* claim(
    tokens.every((one) => Equal.equals(one, token)),
    "everybody got the same one"
  )
  yield* claim(renewals === 1, `${renewals} renewals are one`)
  yield* line("took", `${Math.round(Duration.toMillis(took))} ms`)
  yield* passed(`${FIBERS} fibers, ${renewals} renewal`)
})

const restart = Effect.fnUntraced(function* (url: string, roots: string, store: string) {
  yield* title("Everything is closed; another process opens the store")
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const before = yield* asked
  const said = yield* spawner.string(
    ChildProcess.make(process.execPath, [...process.execArgv, again, url, roots, store, username])
  )
  yield* line("it says", said.trim())
  yield* claim(said.startsWith("still signed in"), "the other process is signed in")
  yield* claim((yield* asked) === before, "nobody signed in again")
  yield* passed("still signed in, without a password and without a call to sign in")
})

const story = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "latchkey-demo-" })
  const roots = path.join(directory, "roots.pem")
  const store = path.join(directory, "sessions.db")
  const emulator = yield* RobotEmulator
  yield* fs.writeFileString(roots, emulator.rootCertificates)

  yield* title("A robot, on loopback, over TLS with a certificate authority of its own")
  yield* line("listens at", emulator.url)

  const program = Layer.mergeAll(
    Robot.layer({ url: emulator.url, rootCertificates: emulator.rootCertificates, renewAfter: RENEW_AFTER }),
    Sessions.layer.pipe(Layer.provideMerge(SqliteSessionStore.layer({ path: store })))
  )
  yield* Effect.gen(function* () {
    yield* wrongPassword
    yield* lockOut
    const live = yield* signingIn
    yield* renewal(live)
  }).pipe(Effect.provide(program))

  yield* restart(emulator.url, roots, store)
})

export const robot = story.pipe(
  Effect.provide(
    RobotEmulator.layer({
      users: { [username]: Redacted.value(password) },
      services,
      rateLimit: 100
    })
  ),
  Effect.scoped
)
