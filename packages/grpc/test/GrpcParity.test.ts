/** The in-memory channel and the real one give the same answers, and so does the reference implementation. */
import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import { GrpcChannel, GrpcStatus } from "@latchkey/grpc"
import {
  GrpcFaults,
  type GrpcHandlers,
  GrpcMemory,
  GrpcServer,
  TestCertificates
} from "@latchkey/grpc/testing"
import { Deferred, Duration, Effect, Exit, Fiber, Option, Redacted, type Scope } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bytes, login, Login, Method, PATH, success } from "./fixtures/login.ts"

const where = { provider: "test", instance: "parity" }
const AUTHORITY = "auth.spot.robot"
const { GrpcFault } = GrpcFaults

interface World {
  readonly channel: GrpcChannel.GrpcChannel
  readonly requests: Effect.Effect<ReadonlyArray<GrpcHandlers.GrpcRequest>>
  readonly handled: Effect.Effect<number>
}

interface Script {
  readonly handler: GrpcHandlers.GrpcHandler
  readonly faults: GrpcFaults.GrpcFaults
  readonly maxMessageBytes?: number
}

/** Notes every request that reaches the handler. */
const noting = (handler: GrpcHandlers.GrpcHandler) => {
  const requests: Array<GrpcHandlers.GrpcRequest> = []
  const handlers: GrpcHandlers.GrpcHandlers = {
    [PATH]: (request) =>
      Effect.suspend(() => {
        requests.push(request)
        return handler(request)
      })
  }
  return { handlers, requests: Effect.sync(() => [...requests]), handled: Effect.sync(() => requests.length) }
}

const limit = (script: Script) =>
  script.maxMessageBytes === undefined ? {} : { maxMessageBytes: script.maxMessageBytes }

const memory = (script: Script) => {
  const noted = noting(script.handler)
  return Effect.map(
    GrpcMemory.make({ ...where, handlers: noted.handlers, faults: script.faults, ...limit(script) }),
    (channel): World => ({ channel, ...noted })
  )
}

const overTls = (script: Script) =>
  Effect.gen(function* () {
    const noted = noting(script.handler)
    const pki = yield* TestCertificates.make({ names: ["*.spot.robot"] })
    const server = yield* GrpcServer.make({
      listen: { _tag: "Tls", ...pki },
      handlers: noted.handlers,
      faults: script.faults
    })
    const channel = yield* GrpcChannel.make({
      ...where,
      target: { _tag: "Tls", host: "127.0.0.1", port: server.port, rootCertificates: pki.rootCertificate },
      ...limit(script)
    })
    return { channel, ...noted } satisfies World
  })

const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "latchkey-grpc-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

const overUnix = (script: Script) =>
  Effect.gen(function* () {
    const noted = noting(script.handler)
    const path = join(yield* temporary, "socket")
    yield* GrpcServer.make({
      listen: { _tag: "UnixSocket", path },
      handlers: noted.handlers,
      faults: script.faults
    })
    const channel = yield* GrpcChannel.make({
      ...where,
      target: { _tag: "UnixSocket", path },
      ...limit(script)
    })
    return { channel, ...noted } satisfies World
  })

const statusOf = (code: number): grpc.status =>
  [
    grpc.status.OK,
    grpc.status.CANCELLED,
    grpc.status.UNKNOWN,
    grpc.status.INVALID_ARGUMENT,
    grpc.status.DEADLINE_EXCEEDED,
    grpc.status.NOT_FOUND,
    grpc.status.ALREADY_EXISTS,
    grpc.status.PERMISSION_DENIED,
    grpc.status.RESOURCE_EXHAUSTED,
    grpc.status.FAILED_PRECONDITION,
    grpc.status.ABORTED,
    grpc.status.OUT_OF_RANGE,
    grpc.status.UNIMPLEMENTED,
    grpc.status.INTERNAL,
    grpc.status.UNAVAILABLE,
    grpc.status.DATA_LOSS,
    grpc.status.UNAUTHENTICATED
  ][code]!

/** The handler behind grpc-js's own server. */
const overReference = (script: Script) =>
  Effect.gen(function* () {
    const noted = noting(script.handler)
    const pki = yield* TestCertificates.make({ names: ["*.spot.robot"] })
    const server = new grpc.Server({
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1
    })
    const context = yield* Effect.context<never>()
    server.addService(
      {
        Login: {
          path: PATH,
          requestStream: false,
          responseStream: false,
          requestSerialize: (value: Buffer) => value,
          requestDeserialize: (value: Buffer) => value,
          responseSerialize: (value: Buffer) => value,
          responseDeserialize: (value: Buffer) => value
        }
      },
      {
        Login: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
          const fiber = Effect.runForkWith(context)(
            Effect.exit(
              noted.handlers[PATH]!({
                path: PATH,
                authority: call.getHost(),
                metadata: new Map(
                  Object.entries(call.metadata.getMap()).map(([name, value]) => [name, String(value)])
                ),
                timeout: Option.some(Duration.millis(Number(call.getDeadline()) - Date.now())),
                message: call.request,
                serverName: Option.none()
              })
            )
          )
          call.on("cancelled", () => fiber.interruptUnsafe())
          fiber.addObserver((exit) => {
            if (Exit.isFailure(exit)) return
            const answer = exit.value
            if (Exit.isSuccess(answer)) return reply(null, Buffer.from(answer.value))
            const failure = Exit.findErrorOption(answer)
            if (Option.isSome(failure))
              return reply({ code: statusOf(failure.value.code), details: failure.value.details })
            reply({ code: grpc.status.UNKNOWN, details: "" })
          })
        }
      }
    )
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) =>
        server.bindAsync(
          "127.0.0.1:0",
          grpc.ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(pki.certificate), private_key: Buffer.from(pki.key) }
          ]),
          (error, bound) => resume(error === null ? Effect.succeed(bound) : Effect.die(error))
        )
      ),
      () => Effect.sync(() => server.forceShutdown())
    )
    const channel = yield* GrpcChannel.make({
      ...where,
      target: { _tag: "Tls", host: "127.0.0.1", port, rootCertificates: pki.rootCertificate },
      ...limit(script)
    })
    return { channel, ...noted } satisfies World
  })

type MakeWorld = (script: Script) => Effect.Effect<World, unknown, Scope.Scope>

const worldOf = (make: MakeWorld, handler: GrpcHandlers.GrpcHandler, maxMessageBytes?: number) =>
  Effect.gen(function* () {
    const faults = yield* GrpcFaults.make
    const world = yield* make({
      handler,
      faults,
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes })
    })
    return { ...world, faults }
  })

const answering: GrpcHandlers.GrpcHandler = () => Effect.succeed(bytes(success))

/** A text that is no duration is one only to who does not check types. */
const noTimeouts: ReadonlyArray<Duration.Input> = [
  0,
  -5,
  Number.NaN,
  "0 millis",
  "-1 seconds",
  Infinity,
  "Infinity",
  Duration.infinity,
  "99999999999 hours",
  JSON.parse('"soon"')
]

const call = (
  channel: GrpcChannel.GrpcChannel,
  options?: GrpcChannel.CallOptions,
  message: Login = login({})
) => channel.unary(Method, message, { authority: AUTHORITY, ...options })

/** What a caller would branch on. */
const verdict = (error: GrpcChannel.CallError): string => {
  switch (error._tag) {
    case "TransportError":
      return error.reason._tag
    case "GrpcStatus":
      return `GrpcStatus ${error.code} ${error.details}`
    case "InvalidResponse":
      return error.code === undefined ? error._tag : `${error._tag} ${error.code}`
    case "ServerError":
      return `${error._tag} ${error.status}`
    case "InvalidRequest":
      return `${error._tag} ${error.field}`
    default:
      return error._tag
  }
}

const plain = (name: string, make: MakeWorld) =>
  describe(`calls ${name}`, () => {
    it.live("carries the message, the authority, the token and the deadline there, and the answer back", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        const sent = login({ token: "ü\u{1F916}", seconds: 2n ** 53n + 1n, status: -1 })
        const answer = yield* call(
          world.channel,
          { token: Redacted.make("t.o.k"), timeout: "7 seconds" },
          sent
        )
        assert.deepStrictEqual(answer, success)
        const request = (yield* world.requests)[0]
        assert.isDefined(request)
        assert.strictEqual(request.path, PATH)
        assert.strictEqual(request.authority, AUTHORITY)
        assert.strictEqual(request.metadata.get("authorization"), "Bearer t.o.k")
        assert.deepStrictEqual(Uint8Array.from(request.message), bytes(sent))
        const timeout = Duration.toMillis(Option.getOrThrow(request.timeout))
        assert.isAbove(timeout, 5000)
        assert.isAtMost(timeout, 7000)
      })
    )

    it.live("sends no authorization without a token, and the default deadline without a timeout", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        yield* call(world.channel)
        const request = (yield* world.requests)[0]
        assert.isDefined(request)
        assert.isFalse(request.metadata.has("authorization"))
        const timeout = Duration.toMillis(Option.getOrThrow(request.timeout))
        assert.isAbove(timeout, 28_000)
        assert.isAtMost(timeout, 30_000)
      })
    )

    it.live("passes every status on with its text", () =>
      Effect.gen(function* () {
        let code = 0
        const world = yield* worldOf(make, () =>
          Effect.fail(new GrpcStatus.GrpcStatus({ code, details: "on port 4290: 401 ü %" }))
        )
        for (code = 1; code <= 16; code++) {
          const error = yield* Effect.flip(call(world.channel))
          assert.strictEqual(verdict(error), `GrpcStatus ${code} on port 4290: 401 ü %`)
        }
      })
    )

    it.live("a path that nobody handles is status 12", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        const error = yield* Effect.flip(
          world.channel.unary({ ...Method, path: "/latchkey.test.Auth/Logout" }, login({}), {
            authority: AUTHORITY
          })
        )
        assert.strictEqual(error._tag === "GrpcStatus" ? error.code : error._tag, 12)
      })
    )

    it.live("a handler that dies is status 2", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, () => Effect.die("boom"))
        assert.strictEqual(verdict(yield* Effect.flip(call(world.channel))), "GrpcStatus 2 ")
      })
    )

    it.live("a call that is not answered times out, and the handler is interrupted", () =>
      Effect.gen(function* () {
        const interrupted = yield* Deferred.make<void>()
        const world = yield* worldOf(make, () =>
          Effect.never.pipe(Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined)))
        )
        const [elapsed, error] = yield* Effect.timed(Effect.flip(call(world.channel, { timeout: 300 })))
        assert.strictEqual(verdict(error), "TimedOut")
        assert.isBelow(Duration.toMillis(elapsed), 1300)
        yield* Deferred.await(interrupted)
      })
    )

    it.live("interrupting the caller cancels the call at the server, and the next call succeeds", () =>
      Effect.gen(function* () {
        const started = yield* Deferred.make<void>()
        const interrupted = yield* Deferred.make<void>()
        let first = true
        const world = yield* worldOf(make, () => {
          if (!first) return Effect.succeed(bytes(success))
          first = false
          return Deferred.succeed(started, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
          )
        })
        const fiber = yield* Effect.forkChild(call(world.channel))
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(interrupted)
        assert.deepStrictEqual(yield* call(world.channel), success)
      })
    )

    it.live("8 MiB come through, and an answer above the limit is too large", () =>
      Effect.gen(function* () {
        const large = login({ token: "x".repeat(8 * 2 ** 20) })
        const ample = yield* worldOf(make, () => Effect.succeed(bytes(large)))
        assert.strictEqual((yield* call(ample.channel)).token.length, large.token.length)
        const tight = yield* worldOf(make, () => Effect.succeed(bytes(large)), 1000)
        assert.strictEqual(verdict(yield* Effect.flip(call(tight.channel))), "MessageTooLarge")
        assert.strictEqual(
          verdict(yield* Effect.flip(call(tight.channel, {}, large))),
          "InvalidRequest message"
        )
        assert.strictEqual(yield* tight.handled, 1)
      })
    )

    it.live("a token that cannot travel is refused before anything is sent", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        for (const token of ["", "a b", "a\nb", "a\r\nx: y", "ü", "a\u0000", "x".repeat(16_385)]) {
          const error = yield* Effect.flip(call(world.channel, { token: Redacted.make(token) }))
          assert.strictEqual(verdict(error), "InvalidRequest token")
        }
        assert.strictEqual(
          verdict(yield* Effect.flip(call(world.channel, { authority: "a/b\n" }))),
          "InvalidRequest authority"
        )
        assert.strictEqual(yield* world.handled, 0)
      })
    )

    it.live("a token of 16 KiB arrives", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        const token = "x".repeat(16_384)
        yield* call(world.channel, { token: Redacted.make(token) })
        assert.strictEqual((yield* world.requests)[0]?.metadata.get("authorization"), `Bearer ${token}`)
      })
    )

    it.live("a timeout that is none is refused before anything is sent, to call and to connect", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        for (const timeout of noTimeouts) {
          assert.strictEqual(
            verdict(yield* Effect.flip(call(world.channel, { timeout }))),
            "InvalidRequest timeout"
          )
          const error = yield* Effect.flip(world.channel.connect(AUTHORITY, { timeout }))
          assert.strictEqual(verdict(error), "InvalidRequest timeout")
        }
        assert.strictEqual(yield* world.handled, 0)
        yield* call(world.channel, { timeout: "365 days" })
      })
    )

    it.live("a path that is none is refused before anything is sent", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        for (const path of [
          "",
          "x/y",
          "/",
          "/x",
          "/x/",
          "//y",
          "/a\nb",
          "/x/y z",
          "/ü/y",
          `/x/${"y".repeat(20_000)}`
        ]) {
          const error = yield* Effect.flip(world.channel.unary({ ...Method, path }, login({})))
          assert.strictEqual(verdict(error), "InvalidRequest path")
        }
        assert.strictEqual(yield* world.handled, 0)
      })
    )

    it.live("connect succeeds, and needs no call", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        yield* world.channel.connect(AUTHORITY)
        yield* world.channel.connect(AUTHORITY, { anew: true })
        assert.strictEqual(yield* world.handled, 0)
        assert.deepStrictEqual(yield* call(world.channel), success)
      })
    )

    it.live("concurrent calls keep their own tokens and answers", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, (request) =>
          Effect.succeed(bytes(login({ token: request.metadata.get("authorization") ?? "" })))
        )
        const answers = yield* Effect.forEach(
          Array.from({ length: 50 }, (_, i) => `token-${i}`),
          (token) =>
            Effect.map(call(world.channel, { token: Redacted.make(token) }), (answer) => [
              token,
              answer.token
            ]),
          { concurrency: "unbounded" }
        )
        for (const [token, got] of answers) assert.strictEqual(got, `Bearer ${token}`)
      })
    )
  })

/** Each fault, what it becomes, and whether the handler ran. */
const faulty: ReadonlyArray<
  readonly [name: string, fault: GrpcFaults.GrpcFault, verdict: string, handled: number]
> = [
  ["cut before", GrpcFault.DropBefore(), "Closed", 0],
  ["cut after", GrpcFault.DropAfter(), "Closed", 1],
  ["silence", GrpcFault.Silent(), "TimedOut", 0],
  ["late", GrpcFault.Delay({ duration: "5 seconds" }), "TimedOut", 0],
  ["status", GrpcFault.Status({ code: 9, details: "no" }), "GrpcStatus 9 no", 0],
  // In the very words that grpc-js has for what goes wrong on the way.
  [
    "status like HTTP 401",
    GrpcFault.Status({ code: 16, details: "Received HTTP status code 401" }),
    "GrpcStatus 16 Received HTTP status code 401",
    0
  ],
  [
    "status like a cut",
    GrpcFault.Status({ code: 14, details: "Connection dropped" }),
    "GrpcStatus 14 Connection dropped",
    0
  ],
  [
    "status like a reset",
    GrpcFault.Status({ code: 1, details: "Call cancelled" }),
    "GrpcStatus 1 Call cancelled",
    0
  ],
  ["text as status", GrpcFault.RawStatus({ status: "abc" }), "InvalidResponse", 0],
  ["unknown status", GrpcFault.RawStatus({ status: "99" }), "GrpcStatus 99 ", 0],
  ["HTTP 400", GrpcFault.Http({ status: 400 }), "InvalidResponse 400", 0],
  ["HTTP 401", GrpcFault.Http({ status: 401 }), "InvalidToken", 0],
  ["HTTP 403", GrpcFault.Http({ status: 403 }), "PermissionDenied", 0],
  ["HTTP 404", GrpcFault.Http({ status: 404 }), "NotImplemented", 0],
  ["HTTP 429", GrpcFault.Http({ status: 429 }), "RateLimited", 0],
  ["HTTP 500", GrpcFault.Http({ status: 500 }), "ServerError 500", 0],
  ["HTTP 502", GrpcFault.Http({ status: 502 }), "ServiceUnavailable", 0],
  ["HTTP 503", GrpcFault.Http({ status: 503 }), "ServiceUnavailable", 0],
  ["HTTP 504", GrpcFault.Http({ status: 504 }), "ServiceUnavailable", 0],
  ["HTTP 302", GrpcFault.Http({ status: 302 }), "UnexpectedRedirect", 0],
  [
    "HTTP 502 with a page",
    GrpcFault.Http({ status: 502, contentType: "text/html", body: "<html>bad gateway</html>" }),
    "ServiceUnavailable",
    0
  ],
  [
    "HTTP 200 in plain text",
    GrpcFault.Http({ status: 200, contentType: "text/plain", body: "ok" }),
    "InvalidResponse",
    0
  ],
  ["a web page", GrpcFault.Html(), "InvalidResponse", 0],
  ["garbage", GrpcFault.Garbage({ bytes: Uint8Array.of(0x1a, 0x20, 0x61) }), "InvalidResponse", 0],
  ["a frame cut off", GrpcFault.Truncated(), "InvalidResponse", 1],
  ["no message", GrpcFault.NoMessage(), "InvalidResponse", 0],
  ["no trailers", GrpcFault.NoTrailers(), "InvalidResponse 13", 1],
  ["too large", GrpcFault.Oversized({ bytes: 100_001 }), "MessageTooLarge", 0],
  ["reset: no error", GrpcFault.ResetStream({ code: 0 }), "InvalidResponse 13", 0],
  ["reset: internal", GrpcFault.ResetStream({ code: 2 }), "InvalidResponse 13", 0],
  ["reset: refused", GrpcFault.ResetStream({ code: 7 }), "ServiceUnavailable", 0],
  ["reset: cancel", GrpcFault.ResetStream({ code: 8 }), "Closed", 0],
  ["reset: calm down", GrpcFault.ResetStream({ code: 11 }), "RateLimited", 0],
  ["reset: insecure", GrpcFault.ResetStream({ code: 12 }), "ConnectionFailed", 0]
]

const faults = (name: string, make: MakeWorld) =>
  describe(`faults ${name}`, () => {
    for (const [fault, what, expected, handled] of faulty) {
      it.live(`${fault}: ${expected}, and the next call succeeds`, () =>
        Effect.gen(function* () {
          const world = yield* worldOf(make, answering, 100_000)
          // A refused stream is tried once more by gRPC itself.
          yield* world.faults.push(what, { path: PATH, times: fault === "reset: refused" ? 2 : 1 })
          const error = yield* Effect.flip(call(world.channel, { timeout: 1000 }))
          assert.strictEqual(verdict(error), expected)
          assert.strictEqual(yield* world.handled, handled)
          yield* world.faults.clear
          assert.deepStrictEqual(yield* call(world.channel), success)
        })
      )
    }

    it.live("a delay within the deadline is only a delay", () =>
      Effect.gen(function* () {
        const world = yield* worldOf(make, answering)
        yield* world.faults.push(GrpcFault.Delay({ duration: 50 }))
        assert.deepStrictEqual(yield* call(world.channel), success)
      })
    )
  })

plain("in memory", memory)
plain("over TLS", overTls)
plain("over a Unix socket", overUnix)
plain("against the server of grpc-js", overReference)
faults("in memory", memory)
faults("over TLS", overTls)
faults("over a Unix socket", overUnix)
