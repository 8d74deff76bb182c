/** Real sockets, through every client that a program may give. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { empty, json } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as HttpServer from "@latchkey/testing/HttpServer"
import { Context, Effect, Fiber, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { CryoSparc, type Options } from "../src/index.ts"
import { CryoSparcEmulator, CryoSparcTest, Instance } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { answering, build } from "./support/over.ts"
import { until } from "../../../test/support/until.ts"

const { HttpFault } = HttpFaults

const ada = { email: "ada@example.com", password: Redacted.make("correct-horse") }

const clients = [
  ["fetch", FetchHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
] as const

const at = (options: Options, http: Layer.Layer<HttpClient.HttpClient>) =>
  Effect.map(Layer.build(CryoSparc.layer(options).pipe(Layer.provide(http))), (context) =>
    Context.get(context, CryoSparc)
  )

/** Plain TCP on loopback: whoever connects gets these bytes, and nothing else happens. */
const tcp = (greeting: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        socket.once("close", () => sockets.delete(socket))
        socket.once("data", () => socket.write(greeting))
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      return { port: typeof address === "object" && address !== null ? address.port : 0, server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.promise(async () => {
        for (const socket of sockets) socket.destroy()
        server.close()
        await once(server, "close")
      })
  )

const freePort = Effect.scoped(Effect.map(tcp(""), ({ port }) => port))

for (const [name, http] of clients) {
  describe(`over ${name}`, () => {
    it.live("nobody there is ConnectionFailed", () =>
      Effect.gen(function* () {
        const cryosparc = yield* at({ url: `127.0.0.1:${yield* freePort}` }, http)
        yield* failsBecause("ConnectionFailed", cryosparc.login(ada))
      })
    )

    it.live("a name without an address is NameNotResolved", () =>
      Effect.gen(function* () {
        const cryosparc = yield* at({ url: "https://no-such-host.invalid" }, http)
        yield* failsBecause("NameNotResolved", cryosparc.login(ada))
      })
    )

    it.live("what is not http is ConnectionFailed", () =>
      Effect.gen(function* () {
        const { port } = yield* tcp("SSH-2.0-OpenSSH_9.9\r\n")
        const cryosparc = yield* at({ url: `127.0.0.1:${port}` }, http)
        yield* failsBecause("ConnectionFailed", cryosparc.login(ada))
      })
    )

    it.live("what is not TLS is ConnectionFailed", () =>
      Effect.gen(function* () {
        const { port } = yield* tcp("HTTP/1.1 400 Bad Request\r\n\r\n")
        const cryosparc = yield* at({ url: `https://127.0.0.1:${port}` }, http)
        yield* failsBecause("ConnectionFailed", cryosparc.login(ada))
      })
    )

    it.live("the time limit covers the answer to its last byte, and ends the connection", () =>
      Effect.gen(function* () {
        const { port, sockets } = yield* tcp(
          'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"paths":'
        )
        const cryosparc = yield* at({ url: `127.0.0.1:${port}` }, http)
        const error = yield* failsBecause("TimedOut", cryosparc.login(ada, { timeout: "100 millis" }))
        assert.isTrue(error.isRetryable)
        yield* until(Effect.sync(() => sockets.size === 0))
      })
    )

    it.live("an answer that is not read to its end ends the connection", () =>
      Effect.gen(function* () {
        const { port, sockets } = yield* tcp(
          "HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        )
        const cryosparc = yield* at({ url: `127.0.0.1:${port}` }, http)
        yield* fails("PermissionDenied", cryosparc.login(ada))
        yield* until(Effect.sync(() => sockets.size === 0))
      })
    )

    it.live("store-38: a redirect to another server is not followed, and nothing arrives there", () =>
      Effect.gen(function* () {
        const elsewhere = yield* HttpServer.make({
          handler: answering(json(200, { access_token: "abc", token_type: "bearer" }))
        })
        yield* Effect.gen(function* () {
          const cryosparc = yield* CryoSparc
          const instance = yield* Instance
          const session = yield* cryosparc.login(ada)
          for (const [path, status] of [
            ["/api/cmd/openapi.json", 302],
            ["/api/cmd/auth/token", 307],
            ["/api/cmd/auth/token", 308]
          ] as const) {
            const location = `${elsewhere.url}${path}`
            yield* instance.faults.push(HttpFault.Redirect({ location, status }), { path })
            yield* failsBecause("UnexpectedRedirect", cryosparc.login(ada))
          }
          yield* instance.faults.push(HttpFault.Redirect({ location: elsewhere.url, status: 307 }))
          const response = yield* cryosparc.client(session).post("/users/me")
          assert.strictEqual(response.status, 307)
        }).pipe(Effect.provide(CryoSparcEmulator.layer({ http })))
        assert.deepStrictEqual(yield* elsewhere.requests, [])
      })
    )

    it.live("an instance behind a path is signed in to there", () =>
      Effect.gen(function* () {
        const cryosparc = yield* CryoSparc
        const instance = yield* Instance
        const { url } = yield* CryoSparcEmulator
        const session = yield* cryosparc.login(ada)
        assert.strictEqual(session.key.instance, url)
        assert.strictEqual((yield* cryosparc.client(session).get("/users/me")).status, 200)
        assert.deepStrictEqual(
          (yield* instance.requests).map(({ path }) => path),
          ["/lab/1/api/cmd/openapi.json", "/lab/1/api/cmd/auth/token", "/lab/1/api/cmd/users/me"]
        )
      }).pipe(Effect.provide(CryoSparcEmulator.layer({ http, prefix: "/lab/1" })))
    )
  })
}

describe("over a client that was changed", () => {
  it.live("one that follows redirects is found out before the password goes out", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(NodeHttpClient.layerUndici)
      const following = HttpClient.followRedirects(Context.get(context, HttpClient.HttpClient))
      const elsewhere = yield* HttpServer.make({
        handler: answering(json(200, { access_token: "abc", token_type: "bearer" }))
      })
      const redirecting = yield* HttpServer.make({
        handler: ({ path }) => Effect.succeed(empty(307, { location: `${elsewhere.url}${path}` }))
      })
      const cryosparc = yield* build({ url: redirecting.url }, following)
      yield* failsBecause("UnexpectedRedirect", cryosparc.login(ada))
      assert.deepStrictEqual(
        (yield* elsewhere.requests).map(({ method }) => method),
        ["GET"]
      )
    })
  )

  it.live("one that follows them on the same server is found out as well", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(NodeHttpClient.layerUndici)
      const following = HttpClient.followRedirects(Context.get(context, HttpClient.HttpClient))
      const answer = answering(json(200, { access_token: "abc", token_type: "bearer" }))
      const server = yield* HttpServer.make({
        handler: (request) =>
          request.path === "/moved" ? answer(request) : Effect.succeed(empty(307, { location: "/moved" }))
      })
      const cryosparc = yield* build({ url: server.url }, following)
      yield* failsBecause("UnexpectedRedirect", cryosparc.login(ada))
      assert.deepStrictEqual(
        (yield* server.requests).map(({ method, path }) => [method, path]),
        [
          ["GET", "/api/cmd/openapi.json"],
          ["GET", "/moved"]
        ]
      )
    })
  )

  for (const [name, http] of clients) {
    it.live(`one that adds to the query is not taken for one that was led away, over ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* HttpServer.make({
          handler: answering(json(200, { access_token: "abc", token_type: "bearer" }))
        })
        const context = yield* Layer.build(http)
        const marking = HttpClient.mapRequest(
          Context.get(context, HttpClient.HttpClient),
          HttpClientRequest.setUrlParam("trace", "1")
        )
        const cryosparc = yield* build({ url: server.url }, marking)
        yield* cryosparc.login(ada)
        assert.deepStrictEqual(
          (yield* server.requests).map(({ query }) => query),
          ["?trace=1", "?trace=1"]
        )
      })
    )
  }

  it.effect("one that takes a bad status for a failure changes no answer", () =>
    Effect.gen(function* () {
      const { client } = yield* HttpMemory.make({
        origin: "http://localhost:39000",
        handler: answering(json(401, { detail: "Incorrect username or password" }))
      })
      const strict = yield* build({ url: "localhost:39000" }, HttpClient.filterStatusOk(client))
      yield* fails("InvalidLogin", strict.login(ada))
    })
  )

  it.live("what else was said to fetch stays, whoever says it", () =>
    Effect.gen(function* () {
      const seen: Array<RequestInit | undefined> = []
      const spying: typeof globalThis.fetch = (input, init) => {
        seen.push(init)
        return globalThis.fetch(input, init)
      }
      const server = yield* HttpServer.make({
        handler: answering(json(200, { access_token: "abc", token_type: "bearer" }))
      })
      const http = Layer.mergeAll(
        FetchHttpClient.layer,
        Layer.succeed(FetchHttpClient.RequestInit, { cache: "no-store", redirect: "follow" })
      )
      const cryosparc = yield* at({ url: server.url }, http)
      yield* cryosparc.login(ada).pipe(Effect.provideService(FetchHttpClient.Fetch, spying))
      yield* cryosparc
        .login(ada)
        .pipe(
          Effect.provideService(FetchHttpClient.Fetch, spying),
          Effect.provideService(FetchHttpClient.RequestInit, { cache: "reload", redirect: "follow" })
        )
      assert.deepStrictEqual(
        seen.map((init) => [init?.cache, init?.redirect]),
        [
          ["no-store", "manual"],
          ["no-store", "manual"],
          ["reload", "manual"],
          ["reload", "manual"]
        ]
      )
    })
  )
})

describe("the time limit", () => {
  for (const [whose, client, call, limit] of [
    ["by default", {}, {}, 30_000],
    ["of the client", { timeout: "25 seconds" }, {}, 25_000],
    ["of the call", { timeout: "1 second" }, { timeout: "22 seconds" }, 22_000]
  ] as const) {
    it.effect(`is ${limit} ms ${whose}, for both requests together`, () =>
      Effect.gen(function* () {
        const cryosparc = yield* CryoSparc
        const instance = yield* Instance
        yield* instance.faults.push(HttpFault.Delay({ duration: "20 seconds" }), { times: 2 })
        const login = yield* Effect.forkChild(cryosparc.login(ada, call), { startImmediately: true })
        yield* TestClock.adjust(limit - 1)
        assert.isUndefined(login.pollUnsafe())
        assert.strictEqual(yield* instance.faults.pending, 0)
        yield* TestClock.adjust(1)
        yield* failsBecause("TimedOut", Fiber.join(login))
        assert.strictEqual(yield* instance.cancelled, 1)
      }).pipe(Effect.provide(CryoSparcTest.layer({ client })))
    )
  }
})
