import { assert, describe, it } from "@effect/vitest"
import { GrpcStatus } from "@latchkey/grpc"
import {
  GrpcFaults,
  type GrpcHandlers,
  GrpcMemory,
  GrpcServer,
  TestCertificates
} from "@latchkey/grpc/testing"
import { Canary } from "@latchkey/testing"
import { Effect, Exit, Redacted } from "effect"
import { GetAuthTokenRequest } from "../src/gen/bosdyn/api/auth.ts"
import { Robot } from "../src/index.ts"
import { make } from "../src/internal/operations.ts"
import { RobotTest, Spot } from "../src/testing.ts"
import { echo, echoing } from "./support/echo.ts"
import { fails } from "../../../test/support/fails.ts"
import { recording } from "../../../test/support/tracing.ts"
import { AUTH, identified, ROBOT_ID, sent } from "./support/sent.ts"
import { robotAt } from "./support/servers.ts"
import { answer, bytes, header, message, varint } from "./support/wire.ts"

const { GrpcFault } = GrpcFaults

const password = Canary.make("password")
const held = Canary.make("held-token")
const won = Canary.make("won-token")
const canaries = [password, held, won]

/** What a canary of visible ASCII cannot find out: letters and signs that encoders change. */
const odd = [
  `"pä\\ss' wörd-Canary`,
  "it's {\"Canary\": '\\w'}",
  "пароль-канарейка",
  "p%41ss+w\u2028rd=канарейка&"
].map((secret, index) => ({ label: `odd-${index}`, secret, redacted: Redacted.make(secret) }))

const user = { username: "user", password: password.redacted }

/** Answers that repeat the whole request wherever an answer can hold a text, beside every code and status. */
const echoes: ReadonlyArray<GrpcHandlers.GrpcHandler> = [
  ...[0, 1, 2, 3, 77].flatMap((code) =>
    [0, 1, 2, 3, 4, 5, 6, 99].map((status): GrpcHandlers.GrpcHandler => (request) => {
      const { password, token } = GetAuthTokenRequest.decode(request.message)
      const echo = bytes(5, message(bytes(1, "bosdyn.api.GetAuthTokenRequest"), bytes(2, request.message)))
      const said = header(code, `refused ${password}${token}, "${password}" ${JSON.stringify(token)}`)
      return Effect.succeed(
        message(
          bytes(1, message(said, echo)),
          varint(2, status),
          bytes(3, status === 1 ? won.secret : held.secret)
        )
      )
    })
  ),
  ...[1, 2, 7, 13, 14, 16, 99].map((code): GrpcHandlers.GrpcHandler => (request) => {
    const { password, token } = GetAuthTokenRequest.decode(request.message)
    return Effect.fail(
      new GrpcStatus.GrpcStatus({ code, details: `Exception calling application: ${password}${token}` })
    )
  }),
  () => Effect.succeed(answer({ header: 1, status: 1, token: `${won.secret}\n` })),
  () => Effect.succeed(bytes(3, Buffer.from(`${won.secret}\u00ff`, "latin1")))
]

/** Everything that can be made of signing in and of its failures, by a robot that gives each of the answers in turn. */
const everything = Effect.fnUntraced(function* (robot: Robot["Service"], tries: number) {
  const outcomes: Array<unknown> = []
  const note = <A, E>(effect: Effect.Effect<A, E>) =>
    effect.pipe(
      Effect.tapError((error) => Effect.logError("failed", error)),
      Effect.tapCause((cause) => Effect.logDebug("failed", cause)),
      Effect.tap((session) => Effect.logTrace("signed in", session)),
      Effect.exit,
      Effect.map((exit) => {
        outcomes.push(exit, ...(Exit.isFailure(exit) ? [exit.cause] : [exit.value]))
        return exit
      })
    )
  for (let index = 0; index < tries; index++) {
    yield* note(robot.auth(user))
    yield* note(robot.authWithToken(held.redacted, { username: "user" }))
  }
  yield* note(robot.auth({ ...user, username: "" }))
  yield* note(robot.auth({ username: "user", password: Redacted.make(`${password.secret}\ud800`) }))
  yield* note(robot.authWithToken(Redacted.make(`${held.secret}\n`), { username: "user" }))
  yield* note(robot.authenticate({ held: { username: "user", token: held.redacted } }))
  return outcomes
})

const cycling = (handlers: ReadonlyArray<GrpcHandlers.GrpcHandler>): GrpcHandlers.GrpcHandler => {
  let calls = 0
  return (request) => handlers[Math.floor(calls++ / 2) % handlers.length]?.(request) ?? Effect.die("none")
}

/** As protobuf's text format, Python, JSON, a URL and a debugger would write it. */
const written = (secret: string): ReadonlyArray<string> => [
  secret,
  Array.from(Buffer.from(secret), (byte) =>
    byte < 127 && byte > 31 && !`"'\\`.includes(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, "0")}`
  ).join(""),
  `'${secret.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
  JSON.stringify(secret).replaceAll(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  ),
  encodeURIComponent(secret),
  Buffer.from(secret).toString("base64"),
  Buffer.from(secret).toString("hex").toUpperCase()
]

describe("secrets", () => {
  it.effect("robot-46: a secret of any letters and signs does not show, however the robot writes it", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      for (const canary of odd) {
        for (const text of written(canary.secret)) {
          const answers = [
            GrpcFault.Status({ code: 13, details: `cannot handle ${text}` }),
            GrpcFault.Garbage({ bytes: answer({ header: 2, text: `boom ${text}` }) }),
            GrpcFault.Garbage({ bytes: answer({ header: 3, text }) })
          ]
          for (const fault of answers) {
            yield* spot.faults.push(fault, { path: AUTH })
            const error = yield* Effect.flip(robot.auth({ username: "user", password: canary.redacted }))
            Canary.assertAbsent([canary], error)
            for (const form of written(canary.secret)) assert.notInclude(error.message, form)
          }
        }
      }
    }).pipe(Effect.provide(RobotTest.layer({ rateLimit: Infinity })))
  )

  it.effect("robot-46: nor does a token, nor anything of what a call said", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const session = yield* robot.auth({ username: "user", password: Redacted.make("correct-horse") })
      const token = Redacted.value(session.accessToken ?? held.redacted)
      const canary = { label: "token", secret: token, redacted: Redacted.make(token) }
      const said = "a description of the robot's own"
      for (const text of [`Bearer ${token}`, `${said} ${token.slice(0, 20)}`, said]) {
        for (const fault of [
          GrpcFault.Status({ code: 13, details: text }),
          GrpcFault.Garbage({ bytes: answer({ header: 2, text }) })
        ]) {
          yield* spot.faults.push(fault, { path: ROBOT_ID })
          const error = yield* Effect.flip(robot.robotIdWith(session))
          Canary.assertAbsent([canary], error)
          assert.notInclude(error.message, token.slice(0, 20))
          assert.strictEqual(error.message.includes(said), text === said)
        }
        for (const code of [1, 2, 5, 13, 99]) {
          yield* spot.faults.push(GrpcFault.Status({ code, details: `${text} ${password.secret}` }), {
            path: echo.method.path
          })
          const error = yield* fails("InvalidResponse", robot.call(session, echo, password.secret))
          Canary.assertAbsent([canary, password], error)
          assert.strictEqual(error.code, code)
          assert.notInclude(error.message, said)
        }
      }
      yield* spot.faults.push(GrpcFault.Status({ code: 13, details: "" }), { path: echo.method.path })
      const named = yield* fails("InvalidResponse", robot.call(session, echo, ""))
      assert.include(named.message, "INTERNAL")
    }).pipe(
      Effect.provide(RobotTest.layer({ services: { [echo.authority]: { [echo.method.path]: echoing } } }))
    )
  )

  it.effect("robot-46: no secret shows anywhere, whatever the server repeats", () =>
    Effect.gen(function* () {
      const channel = yield* GrpcMemory.make({
        provider: "robot",
        instance: "memory",
        handlers: { ...identified, [AUTH]: cycling(echoes) }
      })
      const robot = yield* make(channel, "memory", {})
      const outcomes = yield* everything(robot, echoes.length)
      assert.isAbove(outcomes.length, 4 * echoes.length)
      Canary.assertAbsent(canaries, outcomes)
      for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.live("robot-46: nor over a real connection", () =>
    Effect.gen(function* () {
      const certificates = yield* TestCertificates.make({ names: ["*.spot.robot"] })
      const { port } = yield* GrpcServer.make({
        listen: { _tag: "Tls", ...certificates },
        handlers: { ...identified, [AUTH]: cycling(echoes) }
      })
      const robot = yield* robotAt(port, certificates.rootCertificate)
      const outcomes = yield* everything(robot, echoes.length)
      for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.effect("robot-46: the spans name the operation, and neither account nor secret", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const credentials = { username: "canary-account", password: password.redacted }
      yield* Effect.gen(function* () {
        const robot = yield* Robot
        const session = yield* robot.auth(credentials)
        yield* robot.refresh(session)
        yield* robot.authWithToken(session.accessToken ?? held.redacted, { username: "canary-account" })
        yield* robot.robotId
        yield* Effect.flip(robot.auth({ ...credentials, password: held.redacted }))
      }).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(
        spans.map((span) => span.name),
        ["Robot.auth", "Robot.refresh", "Robot.authWithToken", "Robot.robotId", "Robot.auth"]
      )
      const account = { label: "account", secret: "canary-account", redacted: password.redacted }
      for (const { attributes } of spans) Canary.assertAbsent([...canaries, account], [...attributes])
    }).pipe(Effect.provide(RobotTest.layer({ users: { "canary-account": password.secret } })))
  )

  it.effect("robot-47: a locked-out user is not tried again", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const wrong = { username: "user", password: Redacted.make("wrong-horse") }
      yield* Effect.repeat(Effect.flip(robot.auth(wrong)), { times: 5 })
      const before = (yield* sent).length
      const error = yield* Effect.flip(robot.auth(wrong))
      assert.strictEqual(error._tag, "TemporarilyLockedOut")
      assert.strictEqual((yield* sent).length, before + 1)
      yield* spot.elapse("60 seconds")
      assert.strictEqual((yield* sent).length, before + 1)
    }).pipe(Effect.provide(RobotTest.layer({ rateLimit: Infinity })))
  )
})
