/** Robot contract, checklist items 5, 9, 28 to 32, 34 and 35. */
import { assert, describe, it } from "@effect/vitest"
import { GrpcChannel } from "@latchkey/grpc"
import { GrpcFaults, GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import { Arbitrary, Deferred, Duration, Effect, Exit, Fiber, Option, Redacted, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http2"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bytes, login, Method, PATH, success } from "./fixtures/login.ts"
import * as peers from "./fixtures/peers.ts"

const where = { provider: "test", instance: "one" }
const AUTHORITY = "auth.spot.robot"
const PASSWORD = "correct-horse-battery-staple"

const identity = (names: ReadonlyArray<string> = ["*.spot.robot"]) => TestCertificates.make({ names })

const tls = (port: number, rootCertificates: string, host = "127.0.0.1") => ({
  ...where,
  target: { _tag: "Tls", host, port, rootCertificates } as const
})

const call = (channel: GrpcChannel.GrpcChannel, options?: GrpcChannel.CallOptions) =>
  channel.unary(Method, login({ token: PASSWORD }), { authority: AUTHORITY, timeout: 1000, ...options })

const reason = (error: GrpcChannel.CallError) =>
  error._tag === "TransportError"
    ? error.reason._tag
    : error._tag === "InvalidRequest"
      ? error.field
      : error._tag

const failing = (channel: GrpcChannel.GrpcChannel, options?: GrpcChannel.CallOptions) =>
  Effect.map(Effect.flip(call(channel, options)), reason)

const answering = { [PATH]: () => Effect.succeed(bytes(success)) }

/** Echoes the bearer that came. */
const echoing: GrpcServer.Options["handlers"] = {
  [PATH]: (request) => Effect.succeed(bytes(login({ token: request.metadata.get("authorization") ?? "" })))
}

const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "latchkey-grpc-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

/** Waits for what another process or the kernel brings about. */
const eventually = <E>(condition: Effect.Effect<boolean, E>): Effect.Effect<void, E> =>
  Effect.flatMap(condition, (met) =>
    met
      ? Effect.void
      : Effect.andThen(
          Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void))),
          eventually(condition)
        )
  )

const within = (limit: Duration.Input) =>
  Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.die("too late") })

describe("what is not a gRPC server", () => {
  it.live("nothing listens: the connection failed, again and again", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity()
      const channel = yield* GrpcChannel.make(tls(yield* peers.nobody, rootCertificate))
      for (let i = 0; i < 3; i++) assert.strictEqual(yield* failing(channel), "ConnectionFailed")
      assert.strictEqual(yield* channel.connections, 0)
    })
  )

  it.live(
    "P17: an accepting port that stays silent: timed out, and the half-made connection is given up",
    () =>
      Effect.gen(function* () {
        const { rootCertificate } = yield* identity()
        const peer = yield* peers.silent
        const channel = yield* GrpcChannel.make(tls(peer.port, rootCertificate))
        const [elapsed, verdict] = yield* Effect.timed(failing(channel, { timeout: 300 }))
        assert.strictEqual(verdict, "TimedOut")
        assert.isBelow(Duration.toMillis(elapsed), 1300)
        yield* within("2 seconds")(eventually(Effect.map(peer.connections, (open) => open === 0)))
      })
  )

  it.live("an interrupted call gives its half-made connection up, one of several does not", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity()
      const peer = yield* peers.silent
      const channel = yield* GrpcChannel.make(tls(peer.port, rootCertificate))
      const one = yield* Effect.forkChild(call(channel, { timeout: "20 seconds" }))
      const two = yield* Effect.forkChild(call(channel, { timeout: "20 seconds" }))
      yield* within("2 seconds")(eventually(Effect.map(peer.connections, (open) => open === 1)))
      yield* Fiber.interrupt(one)
      assert.strictEqual(yield* peer.connections, 1)
      yield* Fiber.interrupt(two)
      yield* within("2 seconds")(eventually(Effect.map(peer.connections, (open) => open === 0)))
    })
  )

  it.live("the end of the scope cuts a half-made connection", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity()
      const peer = yield* peers.silent
      const scope = yield* Scope.make()
      const channel = yield* Scope.provide(GrpcChannel.make(tls(peer.port, rootCertificate)), scope)
      const fiber = yield* Effect.forkChild(failing(channel, { timeout: "20 seconds" }))
      yield* within("2 seconds")(eventually(Effect.map(peer.connections, (open) => open === 1)))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* within("2 seconds")(Fiber.join(fiber)), "Closed")
      yield* within("2 seconds")(eventually(Effect.map(peer.connections, (open) => open === 0)))
      assert.strictEqual(yield* failing(channel), "Closed")
    })
  )

  it.live("plain TCP that speaks first, and one that hangs up: the connection failed", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity()
      for (const peer of [yield* peers.talkative, yield* peers.hangingUp]) {
        const channel = yield* GrpcChannel.make(tls(peer.port, rootCertificate))
        const [elapsed, verdict] = yield* Effect.timed(failing(channel))
        assert.strictEqual(verdict, "ConnectionFailed")
        assert.isBelow(Duration.toMillis(elapsed), 1900)
      }
    })
  )

  it.live("a gRPC server without TLS: the connection failed, nothing was understood", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity()
      let streams = 0
      const server = createServer()
      server.on("stream", () => streams++)
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        }),
        () => Effect.sync(() => server.close())
      )
      const channel = yield* GrpcChannel.make(tls(port, rootCertificate))
      assert.strictEqual(yield* failing(channel), "ConnectionFailed")
      assert.strictEqual(streams, 0)
    })
  )

  it.live("TLS without HTTP/2, with and without ALPN, and an HTTP/1.1 server: the connection failed", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      for (const peer of [
        yield* peers.tls(id, []),
        yield* peers.tls(id, ["http/1.1"]),
        yield* peers.http1(id)
      ]) {
        const channel = yield* GrpcChannel.make(tls(peer.port, id.rootCertificate))
        const [elapsed, verdict] = yield* Effect.timed(failing(channel))
        assert.strictEqual(verdict, "ConnectionFailed")
        assert.isBelow(Duration.toMillis(elapsed), 1900)
      }
    })
  )

  it.live("a name without an address", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* identity()
      const channel = yield* GrpcChannel.make(tls(443, rootCertificate, "no-such-robot.invalid"))
      assert.strictEqual(yield* failing(channel, { timeout: "20 seconds" }), "NameNotResolved")
    })
  )

  it.live("a socket that is not there", () =>
    Effect.gen(function* () {
      const path = join(yield* temporary, "socket")
      const missing = yield* GrpcChannel.make({ ...where, target: { _tag: "UnixSocket", path } })
      assert.strictEqual(yield* failing(missing), "SocketNotFound")
      assert.include((yield* Effect.flip(call(missing))).message, path)
      const long = join(path, "x".repeat(108))
      const tooLong = yield* GrpcChannel.make({ ...where, target: { _tag: "UnixSocket", path: long } })
      assert.strictEqual(yield* failing(tooLong), "ConnectionFailed")
      assert.notInclude((yield* Effect.flip(call(tooLong))).message, "Local")
      const found = Effect.succeed("/run/\u001b[31ma\nb")
      const odd = yield* GrpcChannel.make({ ...where, target: { _tag: "UnixSocket", path: found } })
      assert.strictEqual(yield* failing(odd), "SocketNotFound")
      assert.include((yield* Effect.flip(call(odd))).message, "/run/[31mab")
    })
  )
})

/** A TLS server that would read anything; the call must fail, and it must have read nothing. */
const rejecting = (id: peers.Identity, rootCertificates: string) =>
  Effect.gen(function* () {
    const peer = yield* peers.tls(id, ["h2"])
    const channel = yield* GrpcChannel.make(tls(peer.port, rootCertificates))
    assert.strictEqual(yield* failing(channel, { token: Redacted.make("canary") }), "CertificateRejected")
    assert.strictEqual((yield* peer.received).toString("latin1"), "")
  })

describe("certificates", () => {
  it.live("of another root: rejected, and nothing was sent", () =>
    Effect.gen(function* () {
      yield* rejecting(yield* identity(), (yield* identity()).rootCertificate)
    })
  )

  it.live("for another name: rejected, and nothing was sent", () =>
    Effect.gen(function* () {
      const id = yield* identity(["*.other.robot", "127.0.0.1"])
      yield* rejecting(id, id.rootCertificate)
    })
  )

  it.live("expired: rejected, and nothing was sent", () =>
    Effect.gen(function* () {
      const root = yield* TestCertificates.makeRoot
      yield* rejecting(yield* root.issue({ names: ["*.spot.robot"], expired: true }), root.rootCertificate)
    })
  )

  it.live("signed by itself: rejected, and nothing was sent", () =>
    Effect.gen(function* () {
      const { generate } = yield* Effect.promise(() => import("selfsigned"))
      const own = yield* Effect.promise(() =>
        generate([{ name: "commonName", value: AUTHORITY }], { keyType: "ec", algorithm: "sha256" })
      )
      yield* rejecting({ certificate: own.cert, key: own.private }, (yield* identity()).rootCertificate)
    })
  )

  it.live("one of several given roots is enough", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering })
      const roots = `# not the one\n${(yield* identity()).rootCertificate}\n${id.rootCertificate}`
      const channel = yield* GrpcChannel.make(tls(server.port, roots))
      assert.deepStrictEqual(yield* call(channel), success)
    })
  )

  it.live("roots that cannot be read are refused at once", () =>
    Effect.gen(function* () {
      const { key, rootCertificate } = yield* identity()
      const broken = rootCertificate.replace(/[A-Za-z0-9+/]{40}/, "A".repeat(40))
      const advice = new Set<string>()
      for (const roots of [
        "",
        "robot.pem",
        broken,
        `${rootCertificate}\n${broken}`,
        key,
        `${rootCertificate}\n${key}`,
        rootCertificate.replaceAll("\n", "\\n"),
        rootCertificate.slice(0, -30),
        `${rootCertificate}\n${rootCertificate.slice(0, -30)}`
      ]) {
        const error = yield* Effect.flip(GrpcChannel.make(tls(443, roots)))
        assert.strictEqual(error.field, "rootCertificates")
        advice.add(error.message)
      }
      // None, broken, more than certificates, a private key, line breaks.
      assert.strictEqual(advice.size, 5)
    })
  )

  it.live("each call's authority is what the handshake asks for, and what `:authority` says", () =>
    Effect.gen(function* () {
      const id = yield* identity(["*.spot.robot", "127.0.0.1", "localhost"])
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering })
      const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
      yield* Effect.forEach([AUTHORITY, "id.spot.robot", AUTHORITY], (authority) =>
        call(channel, { authority })
      )
      const requests = yield* server.requests
      assert.deepStrictEqual(
        requests.map((request) => [request.authority, Option.getOrUndefined(request.serverName)]),
        [AUTHORITY, "id.spot.robot", AUTHORITY].map((authority) => [authority, authority])
      )
      assert.strictEqual(requests[0]?.metadata.get("te"), "trailers")
      assert.match(requests[0]?.metadata.get("content-type") ?? "", /^application\/grpc/)
      // One connection for each authority.
      assert.strictEqual(yield* server.accepted, 2)
    })
  )

  it.live("without an authority, the host of the target is looked up in the certificate", () =>
    Effect.gen(function* () {
      const id = yield* identity(["localhost"])
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering })
      const named = yield* GrpcChannel.make(tls(server.port, id.rootCertificate, "localhost"))
      assert.deepStrictEqual(yield* named.unary(Method, login({})), success)
      assert.strictEqual(Option.getOrUndefined((yield* server.requests)[0]!.serverName), "localhost")
      const other = yield* identity(["*.spot.robot"])
      const wrong = yield* GrpcServer.make({ listen: { _tag: "Tls", ...other }, handlers: answering })
      const channel = yield* GrpcChannel.make(tls(wrong.port, other.rootCertificate, "localhost"))
      assert.strictEqual(reason(yield* Effect.flip(channel.unary(Method, login({})))), "CertificateRejected")
    })
  )
})

const refused = (target: GrpcChannel.Target) =>
  Effect.map(Effect.flip(Effect.scoped(GrpcChannel.make({ ...where, target }))), (error) => error.field)

describe("targets", () => {
  it.live("that cannot be are refused", () =>
    Effect.gen(function* () {
      const { rootCertificate: rootCertificates } = yield* identity()
      for (const host of ["", "a b", "a/b", "https://robot", "user@robot", "[::1]", "spot~x", "-x"]) {
        assert.strictEqual(yield* refused({ _tag: "Tls", host, port: 443, rootCertificates }), "url")
      }
      for (const port of [0, -1, 65536, 1.5, Number.NaN]) {
        assert.strictEqual(yield* refused({ _tag: "Tls", host: "robot", port, rootCertificates }), "url")
      }
      for (const host of ["192.168.80.3", "robot", "localhost.example.com", "127.evil.example"]) {
        assert.strictEqual(yield* refused({ _tag: "Plaintext", host, port: 80 }), "url")
      }
      for (const path of ["", "a\nb", "a\u0000b"]) {
        assert.strictEqual(yield* refused({ _tag: "UnixSocket", path }), "path")
      }
    })
  )

  it.live("and timeouts that are none are refused", () =>
    Effect.gen(function* () {
      for (const timeout of [0, -5, Number.NaN, Infinity, Duration.infinity, JSON.parse('"soon"')]) {
        const made = GrpcChannel.make({ ...where, target: { _tag: "UnixSocket", path: "s" }, timeout })
        assert.strictEqual((yield* Effect.flip(made)).field, "timeout")
      }
    })
  )

  it.live("a token never goes out in the clear", () =>
    Effect.gen(function* () {
      const peer = yield* peers.silent
      const channel = yield* GrpcChannel.make({
        ...where,
        target: { _tag: "Plaintext", host: "127.0.0.1", port: peer.port }
      })
      assert.strictEqual(yield* failing(channel, { token: Redacted.make("canary") }), "token")
      assert.strictEqual(yield* peer.connections, 0)
    })
  )

  it.live("the path of a socket is found anew for each connection, and only then", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      let lookups = 0
      const current = join(directory, "one")
      let path = current
      const channel = yield* GrpcChannel.make({
        ...where,
        target: { _tag: "UnixSocket", path: Effect.sync(() => (lookups++, path)) }
      })
      const one = yield* GrpcServer.make({
        listen: { _tag: "UnixSocket", path: current },
        handlers: answering
      })
      const two = yield* GrpcServer.make({
        listen: { _tag: "UnixSocket", path: join(directory, "two") },
        handlers: echoing
      })
      yield* call(channel)
      yield* call(channel)
      assert.strictEqual(lookups, 1)
      path = join(directory, "two")
      yield* one.dropConnections
      yield* within("2 seconds")(eventually(Effect.map(channel.connections, (n) => n === 2)))
      assert.strictEqual((yield* call(channel, { token: Redacted.make("t") })).token, "Bearer t")
      assert.strictEqual(lookups, 2)
      assert.strictEqual(yield* two.accepted, 1)
    })
  )

  it.live.skipIf(process.platform !== "linux")(
    "the longest path there can be is dialled, and no beginning of a longer one",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporary
        const path = join(directory, "s".repeat(107 - directory.length - 1))
        yield* GrpcServer.make({ listen: { _tag: "UnixSocket", path }, handlers: answering })
        yield* call(yield* GrpcChannel.make({ ...where, target: { _tag: "UnixSocket", path } }))
        for (const longer of ["s", "sss"]) {
          const target = { _tag: "UnixSocket", path: `${path}${longer}` } as const
          assert.strictEqual(
            yield* failing(yield* GrpcChannel.make({ ...where, target })),
            "ConnectionFailed"
          )
        }
      })
  )

  it.live("a search for the socket that takes too long times out", () =>
    Effect.gen(function* () {
      const channel = yield* GrpcChannel.make({
        ...where,
        target: { _tag: "UnixSocket", path: Effect.never }
      })
      assert.strictEqual(yield* failing(channel, { timeout: 50 }), "TimedOut")
    })
  )

  it.live("a relative path with spaces and per cent signs is a path", () =>
    Effect.gen(function* () {
      const path = join(yield* temporary, "a b%20?#ü")
      yield* GrpcServer.make({ listen: { _tag: "UnixSocket", path }, handlers: answering })
      const channel = yield* GrpcChannel.make({ ...where, target: { _tag: "UnixSocket", path } })
      assert.deepStrictEqual(yield* call(channel), success)
    })
  )
})

describe("connections", () => {
  it.live("a server that restarts on the same port is found at once", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const first = yield* Scope.make()
      const start = (port: number) =>
        GrpcServer.make({ listen: { _tag: "Tls", port, ...id }, handlers: answering })
      const { port } = yield* Scope.provide(start(0), first)
      const channel = yield* GrpcChannel.make(tls(port, id.rootCertificate))
      assert.deepStrictEqual(yield* call(channel), success)
      yield* Scope.close(first, Exit.void)
      // Long enough down for grpc-js to be in its back-off.
      assert.oneOf(yield* failing(channel), ["ConnectionFailed", "Closed"])
      for (let i = 0; i < 5; i++) assert.strictEqual(yield* failing(channel), "ConnectionFailed")
      yield* start(port)
      const [elapsed, answer] = yield* Effect.timed(call(channel))
      assert.deepStrictEqual(answer, success)
      assert.isBelow(Duration.toMillis(elapsed), 900)
      // Established, lost, established.
      assert.strictEqual(yield* channel.connections, 3)
    })
  )

  it.live("a connection lost while idle is replaced", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering })
      const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
      yield* call(channel)
      yield* server.dropConnections
      yield* within("2 seconds")(eventually(Effect.map(channel.connections, (n) => n === 2)))
      assert.deepStrictEqual(yield* call(channel), success)
      assert.strictEqual(yield* server.accepted, 2)
    })
  )

  it.live("after a call that ran into its deadline, the next one does not trust the connection", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const faults = yield* GrpcFaults.make
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering, faults })
      const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
      yield* channel.connect(AUTHORITY)
      yield* faults.push(GrpcFaults.GrpcFault.Silent())
      assert.strictEqual(yield* failing(channel, { timeout: 500 }), "TimedOut")
      assert.deepStrictEqual(yield* call(channel), success)
      assert.strictEqual(yield* server.accepted, 2)
      yield* within("2 seconds")(eventually(Effect.map(server.connections, (open) => open === 1)))
      assert.strictEqual(yield* server.cancelled, 1)
    })
  )

  it.live("calls that are on their way survive the deadline of another", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const faults = yield* GrpcFaults.make
      const release = yield* Deferred.make<void>()
      const waiting = yield* Deferred.make<void>()
      const server = yield* GrpcServer.make({
        listen: { _tag: "Tls", ...id },
        handlers: {
          [PATH]: () =>
            Deferred.succeed(waiting, undefined).pipe(
              Effect.andThen(Deferred.await(release)),
              Effect.as(bytes(success))
            )
        },
        faults
      })
      const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
      const slow = yield* Effect.forkChild(call(channel, { timeout: "10 seconds" }))
      yield* Deferred.await(waiting)
      yield* faults.push(GrpcFaults.GrpcFault.Silent())
      assert.strictEqual(yield* failing(channel, { timeout: 100 }), "TimedOut")
      yield* Deferred.succeed(release, undefined)
      assert.deepStrictEqual(yield* Fiber.join(slow), success)
    })
  )

  it.live("the end of the scope ends the connections", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
          yield* call(channel)
          assert.strictEqual(yield* server.connections, 1)
        })
      )
      yield* within("2 seconds")(eventually(Effect.map(server.connections, (open) => open === 0)))
    })
  )

  it.live("a connection that the caller makes between its calls is nobody else's", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const faults = yield* GrpcFaults.make
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering, faults })
      const peer = yield* peers.silent
      const dead = yield* peers.nobody
      const dial = Effect.callback<Socket>((resume) => {
        const socket = connect(peer.port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      })
      const sockets = yield* Effect.scoped(
        Effect.gen(function* () {
          const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
          yield* call(channel)
          const afterSuccess = yield* dial
          yield* faults.push(GrpcFaults.GrpcFault.DropBefore())
          assert.strictEqual(yield* failing(channel), "Closed")
          const afterLoss = yield* dial
          const failed = yield* GrpcChannel.make(tls(dead, id.rootCertificate))
          yield* failing(failed)
          return [afterSuccess, afterLoss, yield* dial]
        })
      )
      assert.deepStrictEqual(
        sockets.map((socket) => socket.destroyed),
        [false, false, false]
      )
      for (const socket of sockets) socket.destroy()
    })
  )

  it.live("the deadline is the machine's, whatever clock a test has put in its place", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering })
      const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
      assert.deepStrictEqual(yield* Effect.provide(call(channel), TestClock.layer()), success)
    })
  )

  it.live("a connection that is lost is counted before the call that it carried ends", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const faults = yield* GrpcFaults.make
      const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: answering, faults })
      const channel = yield* GrpcChannel.make(tls(server.port, id.rootCertificate))
      assert.strictEqual(yield* channel.connections, 0)
      yield* call(channel)
      assert.strictEqual(yield* channel.connections, 1)
      yield* call(channel)
      assert.strictEqual(yield* channel.connections, 1)
      yield* faults.push(GrpcFaults.GrpcFault.DropBefore())
      yield* failing(channel)
      assert.strictEqual(yield* channel.connections, 2)
      yield* call(channel)
      assert.strictEqual(yield* channel.connections, 3)
      yield* call(channel, { authority: "id.spot.robot" })
      assert.strictEqual(yield* channel.connections, 4)
    })
  )
})

describe("isolation", () => {
  const robots = Schema.Array(
    Schema.Struct({
      robot: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
      authority: Schema.Literals([AUTHORITY, "id.spot.robot"]),
      token: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 })),
      interrupted: Schema.Boolean
    })
  ).check(Schema.isMaxLength(12))

  it.live("two channels never mix their tokens, whatever is called and interrupted in whatever order", () =>
    Effect.gen(function* () {
      const id = yield* identity()
      const servers = [
        yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: echoing }),
        yield* GrpcServer.make({ listen: { _tag: "Tls", ...id }, handlers: echoing })
      ]
      const channels = yield* Effect.forEach(servers, (server) =>
        GrpcChannel.make(tls(server.port, id.rootCertificate))
      )
      const result = yield* Arbitrary.checkEffect(
        Arbitrary.schema(robots),
        (calls) =>
          Effect.forEach(
            calls,
            ({ authority, interrupted, robot, token }) => {
              const bearer = `robot-${robot}-${token}`
              const run = call(channels[robot]!, { authority, token: Redacted.make(bearer) })
              return interrupted
                ? Effect.asVoid(Effect.flatMap(Effect.forkChild(run), Fiber.interrupt))
                : Effect.map(run, (answer) => assert.strictEqual(answer.token, `Bearer ${bearer}`))
            },
            { concurrency: "unbounded", discard: true }
          ).pipe(Effect.as(true)),
        { runs: 30 }
      )
      assert.strictEqual(Arbitrary.formatCheckFailure(result), undefined)
      for (const [robot, server] of servers.entries()) {
        for (const request of yield* server.requests) {
          assert.match(
            request.metadata.get("authorization") ?? "",
            new RegExp(`^Bearer robot-${robot}-\\d+$`)
          )
        }
      }
    })
  )
})
