/** The test server speaks gRPC as the reference implementation does. */
import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import { GrpcStatus } from "@latchkey/grpc"
import { GrpcFaults, GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import { Effect, Option } from "effect"
import { bytes, Login, login, PATH, success } from "./fixtures/login.ts"

const AUTHORITY = "auth.spot.robot"

interface Answer {
  readonly error: grpc.ServiceError | null
  readonly value: Login | undefined
}

const client = (port: number, rootCertificate: string) =>
  Effect.acquireRelease(
    Effect.sync(
      () =>
        new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(Buffer.from(rootCertificate)), {
          "grpc.ssl_target_name_override": AUTHORITY,
          "grpc.default_authority": AUTHORITY
        })
    ),
    (open) => Effect.sync(() => open.close())
  )

const unary = (from: grpc.Client, options: grpc.CallOptions = {}, path = PATH) =>
  Effect.callback<Answer>((resume) => {
    const metadata = new grpc.Metadata()
    metadata.set("x-trace", "7")
    const call = from.makeUnaryRequest(
      path,
      (message: Login) => Buffer.from(bytes(message)),
      (message: Buffer) => Login.decode(message),
      login({ token: "ü" }),
      metadata,
      options,
      (error, value) => resume(Effect.succeed({ error, value }))
    )
    return Effect.sync(() => call.cancel())
  })

const world = (handlers: GrpcServer.Options["handlers"]) =>
  Effect.gen(function* () {
    const pki = yield* TestCertificates.make({ names: ["*.spot.robot"] })
    const faults = yield* GrpcFaults.make
    const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...pki }, handlers, faults })
    return { faults, server, client: yield* client(server.port, pki.rootCertificate) }
  })

describe("GrpcServer, asked by grpc-js", () => {
  it.live("answers, and has noted what came", () =>
    Effect.gen(function* () {
      const { client, server } = yield* world({ [PATH]: () => Effect.succeed(bytes(success)) })
      const { error, value } = yield* unary(client, { deadline: Date.now() + 9000 })
      assert.isNull(error)
      assert.deepStrictEqual(value, success)
      const request = (yield* server.requests)[0]
      assert.isDefined(request)
      assert.strictEqual(request.path, PATH)
      assert.strictEqual(request.authority, AUTHORITY)
      assert.deepStrictEqual(request.serverName, Option.some(AUTHORITY))
      assert.strictEqual(request.metadata.get("x-trace"), "7")
      assert.deepStrictEqual(Login.decode(request.message), login({ token: "ü" }))
      assert.isTrue(Option.isSome(request.timeout))
      assert.strictEqual(yield* server.connections, 1)
      assert.strictEqual(yield* server.cancelled, 0)
    })
  )

  it.live("passes statuses and their texts on", () =>
    Effect.gen(function* () {
      const details = "50% ü: no"
      const { client } = yield* world({
        [PATH]: () => Effect.fail(new GrpcStatus.GrpcStatus({ code: 9, details }))
      })
      const { error } = yield* unary(client)
      assert.strictEqual(error?.code, 9)
      assert.strictEqual(error?.details, details)
      assert.strictEqual((yield* unary(client, {}, "/no.Such/Method")).error?.code, 12)
    })
  )

  it.live("counts the calls that the client gave up, and not the connections that it cut itself", () =>
    Effect.gen(function* () {
      const { client, faults, server } = yield* world({ [PATH]: () => Effect.never })
      assert.strictEqual((yield* unary(client, { deadline: Date.now() + 100 })).error?.code, 4)
      yield* faults.push(GrpcFaults.GrpcFault.DropBefore())
      assert.strictEqual((yield* unary(client)).error?.code, 14)
      assert.strictEqual(yield* server.cancelled, 1)
    })
  )

  it.live("a web page and a cut frame are what the contract saw", () =>
    Effect.gen(function* () {
      const { client, faults } = yield* world({ [PATH]: () => Effect.succeed(bytes(success)) })
      yield* faults.push(GrpcFaults.GrpcFault.Html())
      assert.strictEqual((yield* unary(client)).error?.code, 8)
      for (const fault of [GrpcFaults.GrpcFault.Truncated(), GrpcFaults.GrpcFault.NoMessage()]) {
        yield* faults.push(fault)
        assert.strictEqual((yield* unary(client)).error?.code, 12)
      }
    })
  )

  it.live("a fault waits for its path", () =>
    Effect.gen(function* () {
      const faults = yield* GrpcFaults.make
      yield* faults.push(GrpcFaults.GrpcFault.Html(), { path: "/a", times: 2 })
      yield* faults.push(GrpcFaults.GrpcFault.Silent())
      assert.deepStrictEqual(yield* faults.take("/b"), Option.some(GrpcFaults.GrpcFault.Silent()))
      assert.deepStrictEqual(yield* faults.take("/b"), Option.none())
      assert.strictEqual(yield* faults.pending, 2)
      assert.deepStrictEqual(yield* faults.take("/a"), Option.some(GrpcFaults.GrpcFault.Html()))
      yield* faults.clear
      assert.deepStrictEqual(yield* faults.take("/a"), Option.none())
    })
  )
})
