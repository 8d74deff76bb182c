/** Connecting without a call, and that calls stay on the connection that stands. */
import { assert, describe, it } from "@effect/vitest"
import { GrpcChannel } from "@latchkey/grpc"
import { GrpcFaults, GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { constants, createSecureServer } from "node:http2"
import { bytes, login, Method, PATH, success } from "./fixtures/login.ts"
import * as peers from "./fixtures/peers.ts"

const AUTHORITY = "auth.spot.robot"

const identity = TestCertificates.make({ names: ["*.spot.robot"] })

const dialling = (port: number, rootCertificates: string, host = "127.0.0.1") =>
  GrpcChannel.make({
    provider: "test",
    instance: "one",
    target: { _tag: "Tls", host, port, rootCertificates }
  })

const answering = { [PATH]: () => Effect.succeed(bytes(success)) }

const serving = Effect.fnUntraced(function* (handlers: GrpcServer.Options["handlers"] = answering) {
  const id = yield* identity
  const faults = yield* GrpcFaults.make
  const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers, faults })
  return { server, faults, channel: yield* dialling(server.port, id.rootCertificate) }
})

const call = (channel: GrpcChannel.GrpcChannel) =>
  channel.unary(Method, login({}), { authority: AUTHORITY, timeout: "10 seconds" })

const failing = (
  channel: GrpcChannel.GrpcChannel,
  options?: GrpcChannel.ConnectOptions,
  authority = AUTHORITY
) =>
  Effect.map(Effect.flip(channel.connect(authority, options)), (error) =>
    error._tag === "TransportError"
      ? error.reason._tag
      : error._tag === "InvalidRequest"
        ? error.field
        : error._tag
  )

/** Succeeds at once, or is a defect. */
const atHand = (channel: GrpcChannel.GrpcChannel) =>
  Effect.sync(() => Effect.runSync(channel.connect(AUTHORITY)))

/** Waits for what the kernel brings about. */
const eventually = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(condition, (met) =>
    met
      ? Effect.void
      : Effect.andThen(
          Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void))),
          eventually(condition)
        )
  )

describe("connect", () => {
  it.live("makes a connection, sends nothing on it, and the next call uses it", () =>
    Effect.gen(function* () {
      const { channel, server } = yield* serving()
      yield* channel.connect(AUTHORITY)
      assert.strictEqual(yield* server.connections, 1)
      assert.strictEqual(yield* channel.connections, 1)
      assert.deepStrictEqual(yield* call(channel), success)
      assert.strictEqual((yield* server.requests).length, 1)
      assert.strictEqual(yield* server.accepted, 1)
      assert.strictEqual(yield* channel.connections, 1)
    })
  )

  it.live("sends no request at all", () =>
    Effect.gen(function* () {
      const id = yield* identity
      let streams = 0
      const { port } = yield* peers.listening(() =>
        createSecureServer({ cert: id.certificate, key: id.key }).on("stream", () => streams++)
      )
      const channel = yield* dialling(port, id.rootCertificate)
      yield* channel.connect(AUTHORITY)
      yield* channel.connect(AUTHORITY, { anew: true })
      // A request would have come before the one of this call, that nobody answers.
      yield* Effect.exit(channel.unary(Method, login({}), { authority: AUTHORITY, timeout: 300 }))
      assert.strictEqual(streams, 1)
    })
  )

  it.live("succeeds at once when a connection stands, for that authority only", () =>
    Effect.gen(function* () {
      const { channel, server } = yield* serving()
      yield* call(channel)
      yield* atHand(channel)
      yield* channel.connect("id.spot.robot")
      assert.strictEqual(yield* server.accepted, 2)
      yield* atHand(channel)
    })
  )

  it.live("joins the connection that a call is making", () =>
    Effect.gen(function* () {
      const { channel, server } = yield* serving()
      yield* Effect.all([call(channel), channel.connect(AUTHORITY), channel.connect(AUTHORITY)], {
        concurrency: "unbounded"
      })
      assert.strictEqual(yield* server.accepted, 1)
    })
  )

  it.live("anew leaves the present connection to its calls, and makes another one", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const { channel, server } = yield* serving({
        [PATH]: () =>
          Deferred.succeed(arrived, undefined).pipe(
            Effect.andThen(Deferred.await(release)),
            Effect.as(bytes(success))
          )
      })
      const slow = yield* Effect.forkChild(call(channel))
      yield* Deferred.await(arrived)
      const before = yield* channel.connections
      yield* channel.connect(AUTHORITY, { anew: true })
      assert.isAbove(yield* channel.connections, before)
      assert.strictEqual(yield* server.connections, 2)
      yield* atHand(channel)
      yield* Deferred.succeed(release, undefined)
      assert.deepStrictEqual(yield* Fiber.join(slow), success)
      yield* eventually(Effect.map(server.connections, (open) => open === 1))
      yield* call(channel)
      assert.strictEqual(yield* server.accepted, 2)
    })
  )

  it.live("a connection stands for each of several that want it anew", () =>
    Effect.gen(function* () {
      const { channel, server } = yield* serving()
      yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => Effect.andThen(channel.connect(AUTHORITY, { anew: true }), atHand(channel)),
        { concurrency: "unbounded", discard: true }
      )
      yield* eventually(Effect.map(server.connections, (open) => open === 1))
    })
  )

  it.live("a value that changed tells of a lost connection before another one is used", () =>
    Effect.gen(function* () {
      const { channel, server } = yield* serving()
      yield* channel.connect(AUTHORITY)
      const before = yield* channel.connections
      yield* server.dropConnections
      yield* eventually(Effect.map(channel.connections, (now) => now !== before))
      const between = yield* channel.connections
      yield* channel.connect(AUTHORITY)
      assert.isAbove(yield* channel.connections, between)
      assert.strictEqual(yield* server.accepted, 2)
    })
  )

  it.live("fails as a call does", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity
      const other = yield* identity
      const server = yield* peers.tls(other, ["h2"])
      assert.strictEqual(
        yield* failing(yield* dialling(yield* peers.nobody, rootCertificate)),
        "ConnectionFailed"
      )
      assert.strictEqual(yield* failing(yield* dialling(server.port, rootCertificate)), "CertificateRejected")
      assert.strictEqual((yield* server.received).length, 0)
      assert.strictEqual(
        yield* failing(yield* dialling((yield* peers.hangingUp).port, rootCertificate)),
        "ConnectionFailed"
      )
      const unnamed = yield* dialling(443, rootCertificate, "no-such-robot.invalid")
      assert.strictEqual(yield* failing(unnamed), "NameNotResolved")
      assert.strictEqual(yield* unnamed.connections, 0)
      assert.strictEqual(yield* failing(unnamed, undefined, "not a name"), "authority")
      assert.strictEqual(yield* failing(unnamed, { timeout: 0 }), "timeout")
    })
  )

  it.live("gives a half-made connection up at its deadline, and when it is interrupted", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity
      const peer = yield* peers.silent
      const channel = yield* dialling(peer.port, rootCertificate)
      assert.strictEqual(yield* failing(channel, { timeout: 200 }), "TimedOut")
      yield* eventually(Effect.map(peer.connections, (open) => open === 0))
      const fiber = yield* Effect.forkChild(channel.connect(AUTHORITY))
      yield* eventually(Effect.map(peer.connections, (open) => open === 1))
      yield* Fiber.interrupt(fiber)
      yield* eventually(Effect.map(peer.connections, (open) => open === 0))
    })
  )

  it.live("fails when the scope has ended, and while it ends", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity
      const peer = yield* peers.silent
      const scope = yield* Scope.make()
      const channel = yield* Scope.provide(dialling(peer.port, rootCertificate), scope)
      const fiber = yield* Effect.forkChild(failing(channel))
      yield* eventually(Effect.map(peer.connections, (open) => open === 1))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(fiber), "Closed")
      assert.strictEqual(yield* failing(channel), "Closed")
    })
  )
})

/** Refuses the first call and says goodbye; answers nothing later. Tells the connection of every call. */
const refusing = Effect.fnUntraced(function* (id: peers.Identity) {
  const sessions = new Map<unknown, number>()
  const calls: Array<number> = []
  const { port } = yield* peers.listening(() => {
    const server = createSecureServer({ cert: id.certificate, key: id.key })
    server.on("session", (session) => sessions.set(session, sessions.size + 1))
    server.on("stream", (stream) => {
      stream.on("error", () => {})
      calls.push(sessions.get(stream.session) ?? 0)
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR)
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
    })
    return server
  })
  return { port, calls, connections: () => sessions.size }
})

describe("a call", () => {
  it.live("that gRPC tries once more does not go out on another connection", () =>
    Effect.gen(function* () {
      const id = yield* identity
      const server = yield* refusing(id)
      const channel = yield* dialling(server.port, id.rootCertificate)
      yield* channel.connect(AUTHORITY)
      const error = yield* Effect.flip(call(channel))
      assert.strictEqual(error._tag === "TransportError" && error.reason._tag, "ConnectionFailed")
      // gRPC did make one.
      assert.strictEqual(server.connections(), 2)
      assert.deepStrictEqual(server.calls, [1])
    })
  )

  it.live("that is cut after the first words of its answer is closed", () =>
    Effect.gen(function* () {
      const id = yield* identity
      const { open, port } = yield* peers.listening(() =>
        createSecureServer({ cert: id.certificate, key: id.key }).on("stream", (stream) => {
          stream.on("error", () => {})
          stream.respond({ ":status": 200, "content-type": "application/grpc" })
          // What was written is sent before the end.
          stream.write(new Uint8Array(1), () => open.forEach((socket) => socket.end()))
        })
      )
      const channel = yield* dialling(port, id.rootCertificate)
      const error = yield* Effect.flip(call(channel))
      assert.strictEqual(error._tag === "TransportError" && error.reason._tag, "Closed")
    })
  )

  it.live("is closed when the server takes leave for the headers of another one", () =>
    Effect.gen(function* () {
      const id = yield* identity
      const { port } = yield* peers.listening(() =>
        createSecureServer({ cert: id.certificate, key: id.key }).on("stream", (stream) => {
          stream.on("error", () => {})
          stream.session?.goaway(constants.NGHTTP2_COMPRESSION_ERROR)
        })
      )
      const channel = yield* dialling(port, id.rootCertificate)
      const error = yield* Effect.flip(call(channel))
      assert.strictEqual(error._tag === "TransportError" && error.reason._tag, "Closed")
    })
  )
})
