import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { empty, type HttpHandler, type HttpResponse, json, text } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as Canary from "@latchkey/testing/Canary"
import { Context, Duration, Effect, Fiber, Layer, Option, Redacted, Scheduler, Schema, Tracer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import * as HttpExchange from "../src/HttpExchange.ts"
import { reason } from "../src/internal/whatBroke.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { recording } from "../../../test/support/tracing.ts"
import { until } from "../../../test/support/until.ts"

const { HttpFault } = HttpFaults

const ORIGIN = "https://service.example.com"

const where = { provider: "acme", instance: ORIGIN }

/** What answers, and an exchange with it. */
const over = Effect.fnUntraced(function* (
  handler: HttpHandler,
  change: (client: HttpClient.HttpClient) => HttpClient.HttpClient = (client) => client
) {
  const faults = yield* HttpFaults.make
  const memory = yield* HttpMemory.make({ origin: ORIGIN, handler, faults })
  const exchange = yield* Effect.provideService(
    HttpExchange.make(where),
    HttpClient.HttpClient,
    change(memory.client)
  )
  return { exchange, faults, ...memory }
})

const answering =
  (answer: HttpResponse): HttpHandler =>
  () =>
    Effect.succeed(answer)

const ask = HttpClientRequest.get(`${ORIGIN}/thing`)

const textOf = ({ text }: HttpExchange.HttpAnswer) => text

describe("HttpExchange", () => {
  it.effect("tells status, headers and text of whatever answer comes", () =>
    Effect.gen(function* () {
      const { exchange } = yield* over(answering(json(418, { short: "and stout" })))
      const seen = yield* exchange(ask, (answer) =>
        Effect.map(answer.text, (body) => [
          answer.status,
          answer.isJson,
          answer.headers["content-type"],
          body
        ])
      )
      assert.deepStrictEqual(seen, [418, true, "application/json", '{"short":"and stout"}'])
    })
  )

  for (const [header, expected] of [
    ["120", Option.some(120_000)],
    [" 0 ", Option.some(0)],
    ["Sun, 06 Nov 1994 08:49:37 GMT", Option.some(7000)],
    ["Sat, 05 Nov 1994 08:49:37 GMT", Option.some(0)],
    ["", Option.none()],
    ["soon", Option.none()],
    ["-1", Option.none()],
    ["1.5", Option.none()],
    ["9".repeat(400), Option.none()]
  ] as const) {
    it.effect(`Retry-After ${JSON.stringify(header.slice(0, 40))} counts from the clock`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(784_111_770_000)
        const { exchange } = yield* over(answering(empty(429, { "retry-after": header })))
        const { retryAfter } = yield* exchange(ask, Effect.succeed)
        assert.deepStrictEqual(Option.map(retryAfter, Duration.toMillis), expected)
      })
    )
  }

  it.effect("no Retry-After is none", () =>
    Effect.gen(function* () {
      const { exchange } = yield* over(answering(empty(429)))
      assert.deepStrictEqual(
        yield* exchange(ask, ({ retryAfter }) => Effect.succeed(retryAfter)),
        Option.none()
      )
    })
  )

  for (const status of [300, 301, 302, 303, 304, 307, 308, 399]) {
    it.effect(`S36: status ${status} is UnexpectedRedirect, and nothing follows`, () =>
      Effect.gen(function* () {
        const location = "https://elsewhere.example.com/?again=canary"
        const { exchange, requests } = yield* over(answering(empty(status, { location })))
        const error = yield* failsBecause("UnexpectedRedirect", exchange(ask, Effect.succeed))
        assert.notInclude(JSON.stringify(error), "canary")
        assert.strictEqual((yield* requests).length, 1)
      })
    )
  }

  it.effect("S36: a client that follows redirects by itself is found out", () =>
    Effect.gen(function* () {
      const { exchange } = yield* over(
        ({ path }) => Effect.succeed(path === "/moved" ? json(200, {}) : empty(307, { location: "/moved" })),
        HttpClient.followRedirects()
      )
      yield* failsBecause("UnexpectedRedirect", exchange(ask, Effect.succeed))
    })
  )

  it.effect("a client that takes a bad status for a failure changes no answer", () =>
    Effect.gen(function* () {
      const { exchange } = yield* over(answering(empty(503)), HttpClient.filterStatusOk)
      assert.strictEqual(yield* exchange(ask, ({ status }) => Effect.succeed(status)), 503)
    })
  )

  it.effect("a body is read up to the limit, and one byte more is MessageTooLarge", () =>
    Effect.gen(function* () {
      const { exchange } = yield* over(answering(text(200, "text/plain", "12345")))
      assert.strictEqual(yield* exchange(ask, textOf, { maxBytes: 5 }), "12345")
      yield* failsBecause("MessageTooLarge", exchange(ask, textOf, { maxBytes: 4 }))
    })
  )

  it.effect("the limit is 1 MiB unless told", () =>
    Effect.gen(function* () {
      const { exchange, faults } = yield* over(answering(json(200, {})))
      yield* faults.push(HttpFault.Oversized({ bytes: HttpExchange.MAX_BYTES }))
      assert.strictEqual((yield* exchange(ask, textOf)).length, HttpExchange.MAX_BYTES)
      yield* faults.push(HttpFault.Oversized({ bytes: HttpExchange.MAX_BYTES + 1 }))
      yield* failsBecause("MessageTooLarge", exchange(ask, textOf))
    })
  )

  it.effect("a body that says how short it is, and was packed, is still read up to the limit", () =>
    Effect.gen(function* () {
      const headers = { "content-encoding": "gzip", "content-length": "1" }
      const unpacked = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response("12345", { headers })))
      )
      const exchange = yield* Effect.provideService(HttpExchange.make(where), HttpClient.HttpClient, unpacked)
      yield* failsBecause("MessageTooLarge", exchange(ask, textOf, { maxBytes: 4 }))
    })
  )

  for (const headers of [{ "content-length": "5" }, undefined]) {
    it.effect(`a body ${headers ? "of known" : "of unknown"} length can be asked for twice`, () =>
      Effect.gen(function* () {
        const client = HttpClient.make((request) =>
          Effect.succeed(HttpClientResponse.fromWeb(request, new Response("12345", headers && { headers })))
        )
        const exchange = yield* Effect.provideService(HttpExchange.make(where), HttpClient.HttpClient, client)
        const twice = yield* exchange(ask, (answer) => Effect.all([answer.text, answer.text]))
        assert.deepStrictEqual(twice, ["12345", "12345"])
      })
    )
  }

  it.effect("a body that comes in pieces is as long as all of them", () =>
    Effect.gen(function* () {
      const client = HttpClient.make((request) =>
        Effect.sync(() => {
          const pieces = ReadableStream.from(["12", "34", "5"].map((piece) => Buffer.from(piece)))
          return HttpClientResponse.fromWeb(request, new Response(pieces))
        })
      )
      const exchange = yield* Effect.provideService(HttpExchange.make(where), HttpClient.HttpClient, client)
      assert.strictEqual(yield* exchange(ask, textOf, { maxBytes: 5 }), "12345")
      yield* failsBecause("MessageTooLarge", exchange(ask, textOf, { maxBytes: 4 }))
    })
  )

  it.effect("what else is said to fetch stays, here and where a request is made", () =>
    Effect.gen(function* () {
      const said: Array<RequestInit | undefined> = []
      const fetch: typeof globalThis.fetch = (_, init) => {
        said.push(init)
        return Promise.resolve(new Response(""))
      }
      const context = yield* Layer.build(FetchHttpClient.layer)
      const exchange = yield* HttpExchange.make(where).pipe(
        Effect.provideService(HttpClient.HttpClient, Context.get(context, HttpClient.HttpClient)),
        Effect.provideService(FetchHttpClient.RequestInit, { keepalive: true, redirect: "follow" })
      )
      const asked = Effect.provideService(exchange(ask, textOf), FetchHttpClient.Fetch, fetch)
      yield* asked
      yield* Effect.provideService(asked, FetchHttpClient.RequestInit, { cache: "no-store" })
      assert.deepStrictEqual(
        said.map((init) => [init?.redirect, init?.keepalive, init?.cache]),
        [
          ["manual", true, undefined],
          ["manual", true, "no-store"]
        ]
      )
    })
  )

  it.effect("bytes that are no UTF-8 are InvalidResponse", () =>
    Effect.gen(function* () {
      const { exchange } = yield* over(answering({ ...json(200, {}), body: Buffer.from("é", "latin1") }))
      yield* fails("InvalidResponse", exchange(ask, textOf))
    })
  )

  it.effect("an answer that breaks off is Closed", () =>
    Effect.gen(function* () {
      const { exchange, faults } = yield* over(answering(json(200, { a: 1 })))
      yield* faults.push(HttpFault.ResetBody())
      yield* failsBecause("Closed", exchange(ask, textOf))
      yield* faults.push(HttpFault.DropBefore())
      yield* failsBecause("Closed", exchange(ask, textOf))
    })
  )

  for (const ops of [3, 4, 5, 7]) {
    it.effect(`an answer is let go whenever its caller is interrupted, with ${ops} steps at a time`, () =>
      Effect.gen(function* () {
        const open = new Set<AbortSignal>()
        let arrived = 0
        const client = HttpClient.make((request, _, signal) =>
          Effect.sync(() => {
            arrived++
            open.add(signal)
            const cancel = () => void open.delete(signal)
            signal.addEventListener("abort", cancel)
            return HttpClientResponse.fromWeb(request, new Response(new ReadableStream({ cancel })))
          })
        )
        const exchange = yield* Effect.provideService(HttpExchange.make(where), HttpClient.HttpClient, client)
        for (let turns = 0; turns < 100; turns++) {
          const caller = yield* exchange(ask, ({ status }) => Effect.fail(status)).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, ops),
            Effect.forkChild
          )
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(caller)
          assert.strictEqual(open.size, 0, `after ${turns} turns`)
        }
        assert.isAbove(arrived, 0)
        assert.isBelow(arrived, 100)
      })
    )
  }

  it.effect("what judges may fail, and that is the failure", () =>
    Effect.gen(function* () {
      const { exchange } = yield* over(answering(empty(401)))
      assert.strictEqual(yield* Effect.flip(exchange(ask, ({ status }) => Effect.fail(status))), 401)
    })
  )

  const canary = Canary.make("parameter")
  for (const [name, handler] of [
    ["a good", answering(json(200, {}))],
    ["a refused", answering(json(401, {}))]
  ] as const) {
    it.effect(
      `P07: the span of ${name} request tells method, host, path and status, and nothing secret`,
      () =>
        Effect.gen(function* () {
          const { spans, tracer } = recording()
          const { exchange, requests } = yield* over(handler)
          const request = ask.pipe(
            HttpClientRequest.setUrlParam("token", canary.redacted),
            HttpClientRequest.bearerToken(canary.redacted)
          )
          yield* exchange(request, textOf).pipe(Effect.withTracer(tracer))
          const [arrived] = yield* requests
          assert.strictEqual(new URLSearchParams(arrived?.query).get("token"), canary.secret)
          assert.isFalse(arrived?.headers.has("traceparent"))
          assert.strictEqual(spans.length, 1)
          const { attributes = new Map(), name: called } = spans[0] ?? {}
          assert.strictEqual(called, "http.client GET")
          assert.deepStrictEqual(Object.fromEntries(attributes), {
            "http.request.method": "GET",
            "server.address": "service.example.com",
            "url.scheme": "https",
            "url.path": "/thing",
            "http.response.status_code": name === "a good" ? 200 : 401
          })
          Canary.assertAbsent([canary], spans)
        })
    )
  }

  for (const [name, unwanted] of [
    ["at all", Effect.provideService(Tracer.DisablePropagation, true)],
    [
      "for this request",
      Effect.provideService(HttpClient.TracerDisabledWhen, ({ method }) => method === "GET")
    ]
  ] as const) {
    it.effect(`no span is made where none is wanted ${name}`, () =>
      Effect.gen(function* () {
        const { spans, tracer } = recording()
        const { exchange } = yield* over(answering(json(200, {})))
        yield* exchange(ask, textOf).pipe(unwanted, Effect.withTracer(tracer))
        assert.deepStrictEqual(spans, [])
        yield* exchange(HttpClientRequest.post(ORIGIN), textOf).pipe(Effect.withTracer(tracer))
        assert.strictEqual(spans.length, 1)
      })
    )
  }

  it.effect("P06: no failure holds anything of the request", () =>
    Effect.gen(function* () {
      const { exchange, faults, setListening } = yield* over(answering(json(200, {})))
      const request = HttpClientRequest.post(`${ORIGIN}/thing`).pipe(
        HttpClientRequest.setUrlParam("token", Redacted.make(canary.secret)),
        HttpClientRequest.bodyText(canary.secret)
      )
      const failed = (fault: HttpFaults.HttpFault) =>
        Effect.andThen(faults.push(fault), Effect.flip(exchange(request, textOf)))
      Canary.assertAbsent([canary], yield* failed(HttpFault.DropBefore()))
      Canary.assertAbsent([canary], yield* failed(HttpFault.ResetBody()))
      Canary.assertAbsent(
        [canary],
        yield* failed(HttpFault.Redirect({ location: `${ORIGIN}/x?token=${canary.secret}` }))
      )
      yield* setListening(false)
      Canary.assertAbsent([canary], yield* Effect.flip(exchange(request, textOf)))
    })
  )

  it("media types of JSON", () => {
    for (const type of [
      "application/json",
      "Application/JSON",
      "application/json; charset=utf-8",
      "application/json ;x",
      "application/problem+json"
    ]) {
      assert.isTrue(HttpExchange.isJson(type), type)
    }
    for (const type of [undefined, "", "text/html", "text/json", "application/jsonp", "application/xml"]) {
      assert.isFalse(HttpExchange.isJson(type), type)
    }
  })

  it.prop("no text makes the look at a media type throw", [Schema.String], ([type]) => {
    assert.isBoolean(HttpExchange.isJson(type))
  })
})

/** Plain TCP on loopback that answers every request with the beginning of something. */
const saying = (beginning: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        socket.once("close", () => sockets.delete(socket))
        socket.once("data", () => socket.write(beginning))
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { url: `http://127.0.0.1:${port}`, server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.promise(async () => {
        for (const socket of sockets) socket.destroy()
        server.close()
        await once(server, "close")
      })
  )

/** What is collected as garbage is let go as well. */
const keepingIn = (kept: Array<HttpClientResponse.HttpClientResponse>) =>
  HttpClient.tap<HttpClientResponse.HttpClientResponse, never, never>((response) =>
    Effect.sync(() => {
      kept.push(response)
      return response
    })
  )

for (const [name, http] of [
  ["fetch", FetchHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
] as const) {
  const connectedBy = (change: (client: HttpClient.HttpClient) => HttpClient.HttpClient) =>
    Effect.map(Layer.build(http), (context) => {
      const client = change(Context.get(context, HttpClient.HttpClient))
      return Effect.provideService(HttpExchange.make(where), HttpClient.HttpClient, client)
    }).pipe(Effect.flatten)
  const connected = connectedBy((client) => client)

  describe(`a body that does not come, over ${name}`, () => {
    const head = "HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    for (const beginning of [head, `${head}{"error":`]) {
      it.live(`holds nobody up who does not want it, nor a connection, after ${beginning.length} bytes`, () =>
        Effect.gen(function* () {
          const { sockets, url } = yield* saying(beginning)
          const exchange = yield* connected
          const error = yield* Effect.flip(
            exchange(HttpClientRequest.get(url), ({ status }) => Effect.fail(status))
          )
          assert.strictEqual(error, 401)
          yield* until(Effect.sync(() => sockets.size === 0))
        })
      )
    }

    it.live("P17: keeps no connection when whoever wants it gives up", () =>
      Effect.gen(function* () {
        const { sockets, url } = yield* saying(head)
        const exchange = yield* connected
        const answer = exchange(HttpClientRequest.get(url), textOf)
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(answer, "100 millis")))
        yield* until(Effect.sync(() => sockets.size === 0))
      })
    )

    it.live("keeps no connection when a redirect was followed to it", () =>
      Effect.gen(function* () {
        const { sockets, url } = yield* saying(head)
        const moved = yield* saying(
          `HTTP/1.1 307 Moved\r\nLocation: ${url}/there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
        )
        const kept: Array<HttpClientResponse.HttpClientResponse> = []
        const exchange = yield* connectedBy((client) => keepingIn(kept)(HttpClient.followRedirects(client)))
        yield* failsBecause("UnexpectedRedirect", exchange(HttpClientRequest.get(moved.url), textOf))
        yield* until(Effect.sync(() => sockets.size === 0))
        assert.strictEqual(kept.length, 1)
      })
    )
  })
}

const coded = (code: string, cause?: unknown) => Object.assign(new Error("broke", { cause }), { code })

describe("what broke", () => {
  for (const [code, expected] of [
    ["ECONNREFUSED", "ConnectionFailed"],
    ["EHOSTUNREACH", "ConnectionFailed"],
    ["ENETUNREACH", "ConnectionFailed"],
    ["EHOSTDOWN", "ConnectionFailed"],
    ["ENETDOWN", "ConnectionFailed"],
    ["EADDRNOTAVAIL", "ConnectionFailed"],
    ["ENOTFOUND", "NameNotResolved"],
    ["EAI_AGAIN", "NameNotResolved"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "CertificateRejected"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "CertificateRejected"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CertificateRejected"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CertificateRejected"],
    ["CERT_HAS_EXPIRED", "CertificateRejected"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "CertificateRejected"],
    ["INVALID_CA", "CertificateRejected"],
    ["HOSTNAME_MISMATCH", "CertificateRejected"],
    ["EPROTO", "ConnectionFailed"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "ConnectionFailed"],
    ["HPE_INVALID_CONSTANT", "ConnectionFailed"],
    ["ETIMEDOUT", "TimedOut"],
    ["UND_ERR_CONNECT_TIMEOUT", "ConnectionFailed"],
    ["UND_ERR_HEADERS_TIMEOUT", "TimedOut"],
    ["UND_ERR_BODY_TIMEOUT", "TimedOut"],
    ["ECONNRESET", "Closed"],
    ["EPIPE", "Closed"],
    ["UND_ERR_SOCKET", "Closed"],
    ["XECONNREFUSED", "Closed"]
  ] as const) {
    it(`${code} is ${expected}, however deep it is`, () => {
      assert.strictEqual(reason(coded(code))._tag, expected)
      assert.strictEqual(reason(new TypeError("fetch failed", { cause: coded(code) }))._tag, expected)
      const several = new AggregateError([coded(code), coded(code)])
      assert.strictEqual(reason(new TypeError("fetch failed", { cause: several }))._tag, expected)
    })
  }

  it("a cause is looked for eight causes deep", () => {
    const buried = (depth: number): Error =>
      depth === 0 ? coded("ECONNREFUSED") : new Error("broke", { cause: buried(depth - 1) })
    assert.strictEqual(reason(buried(8))._tag, "ConnectionFailed")
    assert.strictEqual(reason(buried(9))._tag, "Closed")
  })

  it("a parser that names no code is known by its own name", () => {
    const error = Object.assign(new Error("no HTTP"), { name: "HTTPParserError", code: undefined })
    assert.strictEqual(reason(new TypeError("fetch failed", { cause: error }))._tag, "ConnectionFailed")
  })

  it("what nobody knows is Closed: it may have been heard", () => {
    const circular = new Error("round")
    circular.cause = circular
    for (const cause of [undefined, null, "ECONNREFUSED", { code: 7 }, new Error("ECONNREFUSED"), circular]) {
      assert.strictEqual(reason(cause)._tag, "Closed")
    }
  })
})
