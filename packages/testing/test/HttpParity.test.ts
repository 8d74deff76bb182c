/** The client in memory and a client of the real server see the same. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Option, type Scope, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import * as http from "node:http"
import * as HttpFaults from "../src/HttpFaults.ts"
import * as HttpHandler from "../src/HttpHandler.ts"
import * as HttpMemory from "../src/HttpMemory.ts"
import * as HttpServer from "../src/HttpServer.ts"

const { HttpFault } = HttpFaults

interface Far {
  readonly url: string
  readonly client: HttpClient.HttpClient
  readonly server: Pick<HttpServer.HttpServer, "cancelled" | "requests" | "setListening">
}

interface Options {
  readonly handler: HttpHandler.HttpHandler
  readonly faults?: HttpFaults.HttpFaults
}

type Carrier = (options: Options) => Effect.Effect<Far, never, Scope.Scope>

const inMemory: Carrier = (options) =>
  Effect.map(HttpMemory.make({ origin: "http://127.0.0.1:39000", ...options }), (memory) => ({
    url: "http://127.0.0.1:39000",
    client: memory.client,
    server: memory
  }))

const overTcp: Carrier = Effect.fnUntraced(function* (options) {
  const server = yield* HttpServer.make(options)
  const context = yield* Layer.build(FetchHttpClient.layer)
  const client = HttpClient.transformResponse(
    Context.get(context, HttpClient.HttpClient),
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
  )
  return { url: server.url, client, server }
})

/** Lets sockets do their work until something holds; the test's own time limit ends it. */
const until = (holds: Effect.Effect<boolean>) => Effect.repeat(Effect.yieldNow, { until: () => holds })

const code = (cause: unknown): string => {
  if (!(cause instanceof Error)) return "none"
  return "code" in cause && typeof cause.code === "string" ? cause.code : code(cause.cause)
}

/** What a client makes of one request: an answer, or where it broke, and how. */
const seen = (far: Far, path = "/echo?a=1") =>
  Effect.gen(function* () {
    const request = HttpClientRequest.post(`${far.url}${path}`).pipe(
      HttpClientRequest.bodyText("some words", "text/plain"),
      HttpClientRequest.setHeader("X-Mark", "seen")
    )
    const response = yield* far.client.execute(request)
    const head = {
      status: response.status,
      type: Option.fromNullishOr(response.headers["content-type"]),
      location: Option.fromNullishOr(response.headers["location"])
    }
    return yield* Stream.mkString(Stream.decodeText(response.stream)).pipe(
      Effect.map((body) => ({ ...head, body })),
      Effect.catch(({ reason }) =>
        Effect.succeed({ ...head, broke: reason._tag === "EmptyBodyError" ? "no body" : code(reason.cause) })
      )
    )
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.succeed({ broke: reason._tag === "TransportError" ? code(reason.cause) : reason._tag })
    )
  )

const echo: HttpHandler.HttpHandler = (request) =>
  Effect.succeed(
    HttpHandler.json(201, {
      method: request.method,
      path: request.path,
      query: request.query,
      mark: request.headers.get("x-mark"),
      body: new TextDecoder().decode(request.body)
    })
  )

const told = { method: "POST", path: "/echo", query: "?a=1", mark: "seen", body: "some words" }
const whole = JSON.stringify(told)
const json = Option.some("application/json")
const none = Option.none()

const failed = { status: 500, type: none, location: none, body: "" }

const faults: ReadonlyArray<readonly [HttpFaults.HttpFault, object]> = [
  [HttpFault.Delay({ duration: 0 }), { status: 201, type: json, location: none, body: whole }],
  [HttpFault.DropBefore(), { broke: "UND_ERR_SOCKET" }],
  [HttpFault.DropAfter(), { broke: "UND_ERR_SOCKET" }],
  [HttpFault.ResetBody(), { status: 201, type: json, location: none, broke: "UND_ERR_SOCKET" }],
  [
    HttpFault.Status({ status: 429, headers: { location: "/there" } }),
    { status: 429, type: none, location: Option.some("/there"), body: "" }
  ],
  [
    HttpFault.Html({}),
    {
      status: 200,
      type: Option.some("text/html"),
      location: none,
      body: "<!doctype html><title>Not what you wanted</title>"
    }
  ],
  [
    HttpFault.Redirect({ location: "https://elsewhere.invalid/" }),
    { status: 302, type: none, location: Option.some("https://elsewhere.invalid/"), body: "" }
  ],
  [HttpFault.Status({ status: 205 }), { status: 205, type: none, location: none, broke: "no body" }],
  [HttpFault.Status({ status: 304 }), { status: 304, type: none, location: none, broke: "no body" }],
  // What nobody could send.
  [HttpFault.Status({ status: 99 }), failed],
  [HttpFault.Status({ status: 101 }), failed],
  [HttpFault.Status({ status: 600 }), failed],
  [HttpFault.Status({ status: 200.5 }), failed],
  [HttpFault.Status({ status: 200, headers: { "a b": "c" } }), failed],
  ...["Content-Length", "transfer-encoding", "trailer", "Connection"].map(
    (name) => [HttpFault.Status({ status: 200, headers: { [name]: "9" } }), failed] as const
  ),
  [HttpFault.Redirect({ location: "/☃" }), failed],
  [HttpFault.ContentType({ contentType: "a\nb" }), failed],
  [HttpFault.Oversized({ bytes: -1 }), failed],
  [HttpFault.NoContent(), { status: 204, type: none, location: none, broke: "no body" }],
  [
    HttpFault.Truncated(),
    { status: 201, type: json, location: none, body: whole.slice(0, Math.floor(whole.length / 2)) }
  ],
  [
    HttpFault.ContentType({ contentType: "text/plain" }),
    { status: 201, type: Option.some("text/plain"), location: none, body: whole }
  ],
  [
    HttpFault.Oversized({ bytes: 70_000 }),
    { status: 201, type: json, location: none, body: " ".repeat(70_000) }
  ]
]

for (const [name, test, carrier] of [
  ["in memory", it.effect, inMemory],
  ["over TCP", it.live, overTcp]
] as const) {
  describe(`an HTTP far end ${name}`, () => {
    test("gets the request whole, and is heard", () =>
      Effect.gen(function* () {
        const far = yield* carrier({ handler: echo })
        assert.deepStrictEqual(yield* seen(far), { status: 201, type: json, location: none, body: whole })
        const [request, ...others] = yield* far.server.requests
        assert.strictEqual(others.length, 0)
        assert.strictEqual(request?.headers.get("host"), new URL(far.url).host)
        assert.strictEqual(request?.headers.get("content-type"), "text/plain")
      }))

    for (const [fault, expected] of faults) {
      test(`${JSON.stringify(fault)} is seen as itself, once, by the path that it is for`, () =>
        Effect.gen(function* () {
          let handled = 0
          const script = yield* HttpFaults.make
          const far = yield* carrier({
            faults: script,
            handler: (request) =>
              Effect.suspend(() => {
                handled++
                return echo(request)
              })
          })
          yield* script.push(fault, { path: "/echo" })
          assert.deepInclude(yield* seen(far, "/other?a=1"), { status: 201 })
          assert.strictEqual(yield* script.pending, 1)
          assert.deepStrictEqual<object>(yield* seen(far), expected)
          const runs = ["DropBefore", "Status", "Html", "Redirect", "NoContent"].includes(fault._tag) ? 1 : 2
          assert.strictEqual(handled, runs)
          assert.deepStrictEqual(yield* seen(far), { status: 201, type: json, location: none, body: whole })
        }))
    }

    test("that dies says 500, and nothing else", () =>
      Effect.gen(function* () {
        const far = yield* carrier({ handler: () => Effect.die("a secret") })
        assert.deepStrictEqual<object>(yield* seen(far), failed)
      }))

    test("that throws, or answers what cannot be sent, says the same", () =>
      Effect.gen(function* () {
        const handlers: ReadonlyArray<HttpHandler.HttpHandler> = [
          () => {
            throw new Error("a secret")
          },
          () => Effect.succeed(HttpHandler.empty(1000)),
          () => Effect.succeed(HttpHandler.empty(200, { "x-a": "a\r\nb: c" }))
        ]
        for (const handler of handlers) {
          assert.deepStrictEqual<object>(yield* seen(yield* carrier({ handler })), failed)
        }
      }))

    for (const [path, heard] of [
      ["//", ["//", ""]],
      ["//a/b", ["//a/b", ""]],
      ["//user@h:1/b?c=//d", ["//user@h:1/b", "?c=//d"]],
      ["/a/../b", ["/b", ""]],
      ["/a?b?c", ["/a", "?b?c"]],
      ["", ["/", ""]]
    ] as const) {
      test(`hears ${JSON.stringify(path)} as it was meant`, () =>
        Effect.gen(function* () {
          const far = yield* carrier({ handler: echo })
          assert.deepInclude(yield* seen(far, path), { status: 201 })
          assert.deepStrictEqual(
            (yield* far.server.requests).map((request) => [request.path, request.query]),
            [[...heard]]
          )
        }))
    }

    test("that is not there refuses, and comes back", () =>
      Effect.gen(function* () {
        // Not at once, so that what was cut before could cut this one.
        const far = yield* carrier({ handler: (request) => Effect.andThen(Effect.yieldNow, echo(request)) })
        yield* far.server.setListening(false)
        assert.deepStrictEqual(yield* seen(far), { broke: "ECONNREFUSED" })
        yield* far.server.setListening(true)
        assert.deepInclude(yield* seen(far), { status: 201 })
        assert.strictEqual((yield* far.server.requests).length, 1)
      }))

    test("that goes away cuts what waits, and nobody gave up", () =>
      Effect.gen(function* () {
        const noticed = yield* Deferred.make<void>()
        const entered = yield* Deferred.make<void>()
        const far = yield* carrier({
          handler: () =>
            Effect.andThen(Deferred.succeed(entered, undefined), Effect.never).pipe(
              Effect.onInterrupt(() => Deferred.succeed(noticed, undefined))
            )
        })
        const asking = yield* Effect.forkChild(seen(far))
        yield* Deferred.await(entered)
        yield* far.server.setListening(false)
        assert.deepStrictEqual(yield* Fiber.join(asking), { broke: "UND_ERR_SOCKET" })
        yield* Deferred.await(noticed)
        assert.strictEqual(yield* far.server.cancelled, 0)
        assert.deepStrictEqual(yield* seen(far), { broke: "ECONNREFUSED" })
      }))

    test("that is silent never answers, and does nothing", () =>
      Effect.gen(function* () {
        let handled = 0
        const script = yield* HttpFaults.make
        const far = yield* carrier({
          faults: script,
          handler: (request) =>
            Effect.suspend(() => {
              handled++
              return echo(request)
            })
        })
        yield* script.push(HttpFault.Silent())
        const asking = yield* Effect.forkChild(seen(far))
        yield* until(Effect.map(script.pending, (pending) => pending === 0))
        yield* Fiber.interrupt(asking)
        yield* until(Effect.map(far.server.cancelled, (cancelled) => cancelled === 1))
        assert.strictEqual(handled, 0)
        assert.deepInclude(yield* seen(far), { status: 201 })
      }))

    test("that waits notices a client that gives up", () =>
      Effect.gen(function* () {
        const noticed = yield* Deferred.make<void>()
        const entered = yield* Deferred.make<void>()
        const far = yield* carrier({
          handler: () =>
            Effect.andThen(Deferred.succeed(entered, undefined), Effect.never).pipe(
              Effect.onInterrupt(() => Deferred.succeed(noticed, undefined))
            )
        })
        const asking = yield* Effect.forkChild(seen(far))
        yield* Deferred.await(entered)
        yield* Fiber.interrupt(asking)
        yield* Deferred.await(noticed)
        assert.strictEqual(yield* far.server.cancelled, 1)
      }))
  })
}

describe("in memory", () => {
  it.effect("time is the test clock", () =>
    Effect.gen(function* () {
      const script = yield* HttpFaults.make
      const far = yield* inMemory({ handler: echo, faults: script })
      yield* script.push(HttpFault.Delay({ duration: "1 hour" }))
      const asking = yield* Effect.forkChild(seen(far), { startImmediately: true })
      yield* TestClock.adjust("59 minutes")
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* Fiber.join(asking), { status: 201 })
    })
  )

  it.effect("there is one origin", () =>
    Effect.gen(function* () {
      const far = yield* inMemory({ handler: echo })
      assert.deepStrictEqual(yield* seen({ ...far, url: "http://elsewhere.invalid" }), { broke: "ENOTFOUND" })
      assert.deepStrictEqual(yield* far.server.requests, [])
    })
  )
})

/** A server with a request that waits for its answer, and what becomes of that request. */
const waiting = Effect.gen(function* () {
  const entered = yield* Deferred.make<void>()
  const server = yield* HttpServer.make({
    handler: () => Effect.andThen(Deferred.succeed(entered, undefined), Effect.never)
  })
  const { client } = yield* overTcp({ handler: echo })
  const asking = yield* Effect.forkDetach(seen({ url: server.url, client, server }))
  yield* Deferred.await(entered)
  return { server, asking }
})

describe("over TCP", () => {
  it.live("connections end with the scope", () =>
    Effect.gen(function* () {
      const { asking, server } = yield* Effect.scoped(waiting)
      assert.deepStrictEqual(yield* Fiber.join(asking), { broke: "UND_ERR_SOCKET" })
      assert.strictEqual(yield* server.connections, 0)
    })
  )

  it.live("connections can be cut, and new ones made", () =>
    Effect.gen(function* () {
      const { asking, server } = yield* waiting
      assert.strictEqual(yield* server.connections, 1)
      yield* server.dropConnections
      assert.deepStrictEqual(yield* Fiber.join(asking), { broke: "UND_ERR_SOCKET" })
      assert.strictEqual(yield* server.cancelled, 0)
      const { client } = yield* overTcp({ handler: echo })
      const again = yield* Effect.forkChild(seen({ url: server.url, client, server }))
      yield* until(Effect.map(server.requests, ({ length }) => length === 2))
      yield* Fiber.interrupt(again)
    })
  )

  it.live("a target that is no URL is answered with 400, and is not heard", () =>
    Effect.gen(function* () {
      const server = yield* HttpServer.make({ handler: echo })
      for (const [target, status, paths] of [
        ["*", 400, []],
        ["http://elsewhere.invalid/b?c", 201, ["/b"]]
      ] as const) {
        const answer = yield* Effect.callback<number | undefined>((resume) => {
          http
            .request({ host: "127.0.0.1", port: server.port, method: "OPTIONS", path: target })
            .once("response", (response) => resume(Effect.succeed(response.resume().statusCode)))
            .once("error", (error) => resume(Effect.die(error)))
            .end()
        })
        assert.strictEqual(answer, status, target)
        assert.deepStrictEqual(
          (yield* server.requests).map(({ path }) => path),
          [...paths]
        )
      }
    })
  )

  it.live("coming and going leaves no listener behind", () =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const warned = (warning: Error) => void warnings.push(warning.name)
      process.on("warning", warned)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("warning", warned)))
      const server = yield* HttpServer.make({ handler: echo })
      for (let times = 0; times < 12; times++) {
        yield* server.setListening(false)
        yield* server.setListening(true)
      }
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      assert.deepStrictEqual(warnings, [])
    })
  )
})
