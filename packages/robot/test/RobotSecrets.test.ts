import { assert, describe, it } from "@effect/vitest"
import { GrpcStatus } from "@latchkey/grpc"
import { type GrpcHandlers, GrpcMemory, GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import { Canary } from "@latchkey/testing"
import { Effect, Exit, Redacted, Tracer } from "effect"
import { GetAuthTokenRequest } from "../src/gen/bosdyn/api/auth.ts"
import { Robot } from "../src/index.ts"
import { make } from "../src/Robot.ts"
import { RobotTest, Spot } from "../src/testing.ts"
import { AUTH, sent } from "./support/sent.ts"
import { robotAt } from "./support/servers.ts"
import { answer, bytes, header, message, varint } from "./support/wire.ts"

const password = Canary.make("password")
const held = Canary.make("held-token")
const won = Canary.make("won-token")
const canaries = [password, held, won]

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

describe("secrets", () => {
  it.effect("robot-46: no secret shows anywhere, whatever the server repeats", () =>
    Effect.gen(function* () {
      const channel = yield* GrpcMemory.make({
        provider: "robot",
        instance: "memory",
        handlers: { [AUTH]: cycling(echoes) }
      })
      const robot = yield* make(channel, "memory", { serialNumber: "BD-1" })
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
        handlers: { [AUTH]: cycling(echoes) }
      })
      const robot = yield* robotAt(port, certificates.rootCertificate)
      const outcomes = yield* everything(robot, echoes.length)
      for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.effect("robot-46: the spans name the operation, and neither account nor secret", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = Tracer.nativeTracer.span(options)
          spans.push(span)
          return span
        }
      })
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
