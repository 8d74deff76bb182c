import { assert, describe, it } from "@effect/vitest"
import { GrpcFaults, GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import { Cause, Duration, Effect, Exit, Fiber, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Options, Robot } from "../src/index.ts"
import { RobotEmulator, RobotTest, Spot } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { AUTH, identified, ROBOT_ID, sent } from "./support/sent.ts"
import { freePort, http1, robotAt, tcp, tls } from "./support/servers.ts"
import { until } from "../../../test/support/until.ts"
import { answer, bytes, message } from "./support/wire.ts"

const { GrpcFault } = GrpcFaults

const user = { username: "user", password: Redacted.make("correct-horse") }

const NAMES = { names: ["*.spot.robot"] }

/** A generous limit: what is tested is that an answer comes, and which. */
const soon: Partial<Options> = { timeout: "5 seconds" }

for (const { name, layer, test } of [
  { name: "RobotTest", layer: RobotTest.layer, test: it.effect },
  { name: "RobotEmulator", layer: RobotEmulator.layer, test: it.live }
]) {
  describe(`${name}: what goes wrong on the way`, () => {
    const robot = layer({ rateLimit: Infinity })

    /** The failure of a login that meets this fault. */
    const after = Effect.fnUntraced(function* (fault: GrpcFaults.GrpcFault) {
      const spot = yield* Spot
      yield* spot.faults.push(fault, { path: AUTH })
      return yield* Effect.flip((yield* Robot).auth(user))
    })

    const status = (code: number, details = "from the server") => after(GrpcFault.Status({ code, details }))

    const http = (code: number) => after(GrpcFault.Http({ status: code }))

    test("robot-24: each gRPC status has its error", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* status(16))._tag, "InvalidToken")
        assert.strictEqual((yield* status(7))._tag, "PermissionDenied")
        yield* failsBecause("NotImplemented", Effect.flip(status(12)))
        yield* failsBecause("TimedOut", Effect.flip(status(4)))
        yield* failsBecause("ServiceUnavailable", Effect.flip(status(14)))
        for (const code of [1, 2, 3, 5, 6, 8, 9, 10, 11, 13, 15]) {
          const error = yield* fails("InvalidResponse", Effect.flip(status(code)))
          assert.strictEqual(error.code, code)
          assert.include(error.message, "from the server")
        }
        const raised = yield* fails(
          "ServerError",
          Effect.flip(status(2, "Exception calling application: boom"))
        )
        assert.strictEqual(raised.status, 2)
        yield* (yield* Robot).auth(user)
      }).pipe(Effect.provide(robot)))

    test("robot-25: each error says whether a retry may help", () =>
      Effect.gen(function* () {
        const retryable: Array<boolean> = []
        for (const code of [4, 14]) retryable.push((yield* status(code)).isRetryable)
        for (const code of [429, 502, 503, 504]) retryable.push((yield* http(code)).isRetryable)
        retryable.push((yield* after(GrpcFault.DropBefore())).isRetryable)
        retryable.push((yield* after(GrpcFault.Oversized({ bytes: 104_857_601 }))).isRetryable)
        assert.deepStrictEqual(retryable, Array(8).fill(true))
        const persistent: Array<boolean> = []
        for (const code of [1, 7, 12, 13, 16]) persistent.push((yield* status(code)).isRetryable)
        for (const code of [401, 403, 404]) persistent.push((yield* http(code)).isRetryable)
        assert.deepStrictEqual(persistent, Array(8).fill(false))
      }).pipe(Effect.provide(robot)))

    test("robot-26: each HTTP status of a proxy has its error", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* http(401))._tag, "InvalidToken")
        assert.strictEqual((yield* http(403))._tag, "PermissionDenied")
        yield* failsBecause("NotImplemented", Effect.flip(http(404)))
        yield* failsBecause("RateLimited", Effect.flip(http(429)))
        for (const code of [502, 503, 504]) yield* failsBecause("ServiceUnavailable", Effect.flip(http(code)))
      }).pipe(Effect.provide(robot)))

    test("robot-27: digits in a text change nothing", () =>
      Effect.gen(function* () {
        const digits = "at 10.0.0.1:4290, id 401 404 429 502 504, HTTP 404, not larger than max"
        yield* failsBecause("ServiceUnavailable", Effect.flip(status(14, digits)))
        for (const code of [1, 2, 8, 13]) {
          assert.strictEqual((yield* fails("InvalidResponse", Effect.flip(status(code, digits)))).code, code)
        }
        yield* failsBecause("NotImplemented", Effect.flip(status(12, digits)))
      }).pipe(Effect.provide(robot)))

    test("robot-33: what is no proper answer is InvalidResponse", () =>
      Effect.gen(function* () {
        for (const fault of [
          GrpcFault.NoMessage(),
          GrpcFault.Truncated(),
          GrpcFault.NoTrailers(),
          GrpcFault.Html(),
          GrpcFault.Http({ status: 200, contentType: "text/html", body: "<html></html>" }),
          GrpcFault.RawStatus({ status: "ok" }),
          GrpcFault.RawStatus({ status: "" }),
          GrpcFault.RawStatus({ status: "1e400" }),
          GrpcFault.Garbage({ bytes: Buffer.from([0xff, 0xff, 0xff]) })
        ]) {
          assert.strictEqual((yield* after(fault))._tag, "InvalidResponse", fault._tag)
        }
        const unknown = yield* fails(
          "InvalidResponse",
          Effect.flip(after(GrpcFault.RawStatus({ status: "99" })))
        )
        assert.strictEqual(unknown.code, 99)
      }).pipe(Effect.provide(robot)))

    test("robot-22: an answer above 100 MiB is too large", () =>
      Effect.gen(function* () {
        const error = after(GrpcFault.Oversized({ bytes: 104_857_601 }))
        yield* failsBecause("MessageTooLarge", Effect.flip(error))
        yield* (yield* Robot).auth(user)
      }).pipe(Effect.provide(robot)))
  })
}

describe("a real connection", () => {
  it.live("robot-05: the name in the handshake is that of the service", () =>
    Effect.gen(function* () {
      const { server } = yield* RobotEmulator
      yield* (yield* Robot).auth(user)
      const requests = yield* server.requests
      assert.deepStrictEqual(
        requests.map(({ authority, serverName }) => [authority, Option.getOrNull(serverName)]),
        ["id.spot.robot", "auth.spot.robot"].map((name) => [name, name])
      )
      for (const { metadata } of requests) {
        assert.strictEqual(metadata.get("te"), "trailers")
        assert.match(metadata.get("content-type") ?? "", /^application\/grpc/)
      }
    }).pipe(Effect.provide(RobotEmulator.layer()))
  )

  it.live("robot-08: the refreshed token goes over the connection that is there", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const { server } = yield* RobotEmulator
      const session = yield* robot.refresh(yield* robot.auth(user))
      yield* robot.refresh(session)
      assert.strictEqual(yield* server.accepted, 2)
    }).pipe(Effect.provide(RobotEmulator.layer()))
  )

  it.live("robot-22: an answer of 8 MiB is a session", () =>
    Effect.gen(function* () {
      const certificates = yield* TestCertificates.make(NAMES)
      const padding = bytes(1000, Buffer.alloc(8 * 1024 * 1024, "x"))
      const { port } = yield* GrpcServer.make({
        listen: { _tag: "Tls", ...certificates },
        handlers: {
          ...identified,
          [AUTH]: () => Effect.succeed(message(padding, answer({ header: 1, status: 1, token: "a.b.c" })))
        }
      })
      const session = yield* (yield* robotAt(port, certificates.rootCertificate)).auth(user)
      assert.strictEqual(session.accessToken && Redacted.value(session.accessToken), "a.b.c")
    })
  )

  it.live("robot-28: whatever is there instead of a robot, a typed error comes in time", () =>
    Effect.gen(function* () {
      const certificates = yield* TestCertificates.make(NAMES)
      const servers = {
        refused: { port: yield* freePort },
        "plain TCP": yield* tcp((socket) => socket.end("hello\r\n")),
        "TLS without HTTP/2": yield* tls(certificates, [], (socket) => socket.end("hello\r\n")),
        "TLS with another protocol": yield* tls(certificates, ["http/1.1"]),
        "TLS, then nonsense": yield* tls(certificates, ["h2"], (socket) =>
          socket.write("nonsense\r\n".repeat(10))
        ),
        "HTTP/1.1": yield* http1(certificates)
      }
      for (const [name, { port }] of Object.entries(servers)) {
        const robot = yield* robotAt(port, certificates.rootCertificate, soon)
        const [took, error] = yield* Effect.timed(Effect.flip(robot.auth(user)))
        assert.strictEqual(error._tag === "TransportError" && error.reason._tag, "ConnectionFailed", name)
        assert.isBelow(Duration.toMillis(took), 6000, name)
      }
    })
  )

  it.live("robot-28: a server that says nothing is TimedOut at the deadline", () =>
    Effect.gen(function* () {
      const certificates = yield* TestCertificates.make(NAMES)
      for (const { port } of [yield* tcp(), yield* tls(certificates, []), yield* tls(certificates, ["h2"])]) {
        const robot = yield* robotAt(port, certificates.rootCertificate, { timeout: "1 second" })
        const [took] = yield* Effect.timed(failsBecause("TimedOut", robot.auth(user)))
        assert.isBelow(Duration.toMillis(took), 2000)
      }
    })
  )

  it.live("robot-28: a name without an address is NameNotResolved", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* TestCertificates.make(NAMES)
      const robot = yield* robotAt(0, rootCertificate, { ...soon, url: "https://robot.invalid" })
      const error = yield* failsBecause("NameNotResolved", robot.auth(user))
      assert.isFalse(error.isRetryable)
    })
  )

  it.live("robot-29: nothing is said to a server whose certificate is from another root", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* TestCertificates.make(NAMES)
      const server = yield* tls(yield* TestCertificates.make(NAMES), ["h2"])
      const robot = yield* robotAt(server.port, rootCertificate, soon)
      const error = yield* failsBecause("CertificateRejected", robot.auth(user))
      assert.isFalse(error.isRetryable)
      assert.strictEqual(yield* server.heard, "")
      assert.isAtLeast(yield* server.accepted, 1)
    })
  )

  it.live("robot-29: nor if one of several given roots is not its own, but it is if one is", () =>
    Effect.gen(function* () {
      const [one, other, third] = [
        yield* TestCertificates.make(NAMES),
        yield* TestCertificates.make(NAMES),
        yield* TestCertificates.make(NAMES)
      ]
      const { port } = yield* GrpcServer.make({
        listen: { _tag: "Tls", ...one },
        handlers: {
          ...identified,
          [AUTH]: () => Effect.succeed(answer({ header: 1, status: 1, token: "a.b.c" }))
        }
      })
      const both = yield* robotAt(port, `${one.rootCertificate}\n${other.rootCertificate}`, soon)
      yield* both.auth(user)
      const neither = yield* robotAt(port, `${other.rootCertificate}\n${third.rootCertificate}`, soon)
      yield* failsBecause("CertificateRejected", neither.auth(user))
    })
  )

  it.live("robot-30: nothing is said to a server whose certificate is for another name", () =>
    Effect.gen(function* () {
      for (const names of [["robot.example"], ["127.0.0.1"], ["api.spot.robot"], ["*.robot"]]) {
        const certificates = yield* TestCertificates.make({ names })
        const server = yield* tls(certificates, ["h2"])
        const robot = yield* robotAt(server.port, certificates.rootCertificate, soon)
        yield* failsBecause("CertificateRejected", robot.auth(user))
        assert.strictEqual(yield* server.heard, "")
        assert.isAtLeast(yield* server.accepted, 1)
      }
    })
  )

  it.live("robot-31: a wildcard or the names themselves will do, dialled by address", () =>
    Effect.gen(function* () {
      for (const names of [["*.spot.robot"], ["id.spot.robot", "auth.spot.robot"]]) {
        const certificates = yield* TestCertificates.make({ names })
        const { port } = yield* GrpcServer.make({
          listen: { _tag: "Tls", ...certificates },
          handlers: {
            ...identified,
            [AUTH]: () => Effect.succeed(answer({ header: 1, status: 1, token: "a.b.c" }))
          }
        })
        yield* (yield* robotAt(port, certificates.rootCertificate, soon)).auth(user)
      }
    })
  )

  it.live("robot-32: nothing is said in clear", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* TestCertificates.make(NAMES)
      // The frame with which a server of HTTP/2 begins.
      const server = yield* tcp((socket) => socket.write(Buffer.from("000000040000000000", "hex")))
      const robot = yield* robotAt(server.port, rootCertificate, soon)
      yield* failsBecause("ConnectionFailed", robot.auth(user))
      const heard = yield* server.heard
      assert.isNotEmpty(heard)
      for (const word of ["correct-horse", "user", "GetAuthToken"]) assert.notInclude(heard, word)
    })
  )

  it.live("robot-33: an unknown path is NotImplemented, and only that", () =>
    Effect.gen(function* () {
      const certificates = yield* TestCertificates.make(NAMES)
      const { port } = yield* GrpcServer.make({
        listen: { _tag: "Tls", ...certificates },
        handlers: identified
      })
      yield* failsBecause("NotImplemented", (yield* robotAt(port, certificates.rootCertificate)).auth(user))
    })
  )

  it.live(
    "robot-35: a call that is never answered ends after its second, and is cancelled at the server",
    () =>
      Effect.gen(function* () {
        const robot = yield* Robot
        const spot = yield* Spot
        const { server } = yield* RobotEmulator
        yield* robot.auth(user)
        yield* spot.faults.push(GrpcFault.Silent(), { path: AUTH })
        const [took] = yield* Effect.timed(
          failsBecause("TimedOut", robot.auth(user, { timeout: "1 second" }))
        )
        assert.isTrue(Duration.toMillis(took) >= 990 && Duration.toMillis(took) < 2000, Duration.format(took))
        yield* until(Effect.map(server.cancelled, (cancelled) => cancelled === 1))
        yield* robot.auth(user)
      }).pipe(Effect.provide(RobotEmulator.layer()))
  )

  it.live("robot-35: an interruption cancels the call at the server", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const { server } = yield* RobotEmulator
      for (const [index, path] of [ROBOT_ID, AUTH].entries()) {
        yield* spot.faults.push(GrpcFault.Silent(), { path })
        const fiber = yield* Effect.forkChild(robot.auth(user))
        yield* until(Effect.map(spot.faults.pending, (pending) => pending === 0))
        yield* Fiber.interrupt(fiber)
        yield* until(Effect.map(server.cancelled, (cancelled) => cancelled === index + 1))
      }
      yield* robot.auth(user)
    }).pipe(Effect.provide(RobotEmulator.layer()))
  )

  it.live("robot-41: the end of the scope closes the connections", () =>
    Effect.gen(function* () {
      const { rootCertificates, server, url } = yield* RobotEmulator
      yield* Effect.provide(
        Effect.flatMap(Robot, (robot) => robot.auth(user)),
        Robot.layer({ url, rootCertificates })
      )
      yield* until(Effect.map(server.connections, (connections) => connections === 0))
      assert.strictEqual(yield* server.accepted, 2)
    }).pipe(Effect.provide(RobotEmulator.layer()))
  )

  it.live("robot-41: nothing is left behind that keeps a process alive", () =>
    Effect.gen(function* () {
      const { rootCertificates, server, url } = yield* RobotEmulator
      const program = fileURLToPath(import.meta.resolve("./support/program.ts"))
      const output = yield* Effect.promise(() =>
        promisify(execFile)(
          process.execPath,
          ["--conditions=@latchkey/source", program, url, rootCertificates],
          { timeout: 20_000 }
        )
      )
      assert.strictEqual(output.stdout, "scope closed")
      yield* until(Effect.map(server.connections, (connections) => connections === 0))
    }).pipe(
      Effect.provide(
        RobotEmulator.layer({
          services: { "api.spot.robot": { "/example.Silent/Wait": () => Effect.never } }
        })
      )
    )
  )
})

describe("in memory", () => {
  it.effect("robot-35: a call that is never answered ends at its deadline, to the millisecond", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      yield* robot.auth(user)
      yield* spot.faults.push(GrpcFault.Silent(), { times: 2 })
      for (const [options, millis] of [
        [{ timeout: "1 second" } as const, 1000],
        [undefined, 30_000]
      ] as const) {
        const fiber = yield* Effect.forkChild(robot.auth(user, options), { startImmediately: true })
        yield* TestClock.adjust(millis - 1)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* failsBecause("TimedOut", Fiber.join(fiber))
      }
    }).pipe(Effect.provide(RobotTest.layer()))
  )

  it.effect("an interruption is not a failure", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      yield* spot.faults.push(GrpcFault.Silent(), { path: AUTH })
      const fiber = yield* Effect.forkChild(robot.auth(user), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      assert.strictEqual((yield* sent).length, 0)
    }).pipe(Effect.provide(RobotTest.layer()))
  )
})
