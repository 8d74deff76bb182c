import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { InvalidToken, ServerError, Session, SessionKey, SessionRef, SessionStore } from "@latchkey/core"
import * as Canary from "@latchkey/testing/Canary"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { empty, type HttpHandler, type HttpRequest, json, text } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as HttpServer from "@latchkey/testing/HttpServer"
import * as TestProvider from "@latchkey/testing/TestProvider"
import { Context, DateTime, Effect, Exit, Fiber, Layer, Redacted, Stream, Tracer } from "effect"
import { FetchHttpClient, HttpBody, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as SessionHttpClient from "../src/SessionHttpClient.ts"
import { fails } from "../../../test/support/fails.ts"
import { recording } from "../../../test/support/tracing.ts"
import { until } from "../../../test/support/until.ts"

const ORIGIN = "https://api.example.com"

const where = { provider: "test", instance: "memory" }

const bearer = ({ headers }: HttpRequest): string => headers.get("authorization") ?? "none"

/** An API that lets in whoever comes with one of the tokens that `accepts` says. */
const guarded =
  (accepts: (token: string) => boolean): HttpHandler =>
  (request) =>
    Effect.succeed(
      accepts(bearer(request).replace("Bearer ", "")) ? json(200, { path: request.path }) : json(401, {})
    )

/** A session of one hour and an API in memory that knows its tokens. */
const signedIn = Effect.fnUntraced(function* (
  options: {
    readonly provider?: TestProvider.Options
    readonly handler?: HttpHandler
    readonly client?: (client: HttpClient.HttpClient) => HttpClient.HttpClient
    readonly attach?: SessionHttpClient.Options
  } = {}
) {
  const provider = TestProvider.make(options.provider)
  const ref = yield* SessionRef.make(provider, yield* provider.login)
  const refused = new Set<string>()
  const faults = yield* HttpFaults.make
  const memory = yield* HttpMemory.make({
    origin: ORIGIN,
    faults,
    handler:
      options.handler ?? guarded((token) => provider.goodTokens().includes(token) && !refused.has(token))
  })
  const client = (options.client ?? ((it) => it))(memory.client).pipe(
    SessionHttpClient.attach(ref, { origin: ORIGIN, ...options.attach })
  )
  const sent = Effect.map(memory.requests, (requests) => requests.map(bearer))
  return { client, faults, provider, ref, refused, requests: memory.requests, sent }
})

const provided = <A, E, R>(effect: Effect.Effect<A, E, R | SessionStore>) =>
  Effect.provide(effect, Layer.fresh(SessionStore.layerMemory))

describe("SessionHttpClient", () => {
  it.effect("S05: the token goes with every request to the session's origin", () =>
    provided(
      Effect.gen(function* () {
        const { client, requests, sent } = yield* signedIn()
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 200)
        yield* client.post(`${ORIGIN}/thing`, {
          body: (yield* HttpClientRequest.post("/").pipe(HttpClientRequest.bodyJson({ a: 1 }))).body
        })
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-1"])
        assert.strictEqual(Buffer.from((yield* requests)[1]?.body ?? []).toString(), '{"a":1}')
      })
    )
  )

  it.effect("P36: a client that was made before a renewal uses the token that came after it", () =>
    provided(
      Effect.gen(function* () {
        const { client, sent } = yield* signedIn()
        yield* client.get(`${ORIGIN}/me`)
        yield* TestClock.adjust("56 minutes")
        yield* client.get(`${ORIGIN}/me`)
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-2"])
      })
    )
  )

  it.effect("it sees the URL that goes out: a base that the client puts in front counts", () =>
    provided(
      Effect.gen(function* () {
        const { client, sent } = yield* signedIn({
          client: HttpClient.mapRequest(HttpClientRequest.prependUrl(ORIGIN))
        })
        yield* client.get("/me")
        assert.deepStrictEqual(yield* sent, ["Bearer token-1"])
      })
    )
  )

  it.effect("so does one that is put around it", () =>
    provided(
      Effect.gen(function* () {
        const { client, sent } = yield* signedIn()
        yield* HttpClient.mapRequest(client, HttpClientRequest.prependUrl(ORIGIN)).get("/me")
        assert.deepStrictEqual(yield* sent, ["Bearer token-1"])
      })
    )
  )

  it.effect("S05: a client that leads elsewhere before it sends takes no token there", () =>
    provided(
      Effect.gen(function* () {
        const { client, sent } = yield* signedIn({
          attach: { origin: "https://other.example.com" },
          client: HttpClient.mapRequest(HttpClientRequest.setUrl(`${ORIGIN}/taken`))
        })
        yield* client.get("https://other.example.com/me")
        assert.deepStrictEqual(yield* sent, ["none"])
      })
    )
  )

  for (const origin of [
    "http://api.example.com",
    "https://api.example.com:8443",
    "https://api.example.com.evil.example",
    "https://example.com",
    "https://api.example.com@evil.example"
  ]) {
    it.effect(`S05: the token of ${origin} does not go to ${ORIGIN}`, () =>
      provided(
        Effect.gen(function* () {
          const { client, sent, provider } = yield* signedIn({ attach: { origin } })
          assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 401)
          assert.deepStrictEqual(yield* sent, ["none"])
          assert.strictEqual(provider.seen.renewals, 0)
        })
      )
    )
  }

  it.effect("the origin is that of the session's instance, unless said otherwise", () =>
    provided(
      Effect.gen(function* () {
        const key = new SessionKey({ provider: "test", instance: `${ORIGIN}/deep#one`, account: "ada" })
        const session = new Session({ key, accessToken: Redacted.make("abc"), issuedAt: yield* DateTime.now })
        const ref = yield* SessionRef.make({ ...TestProvider.make(), instance: key.instance }, session)
        const memory = yield* HttpMemory.make({ origin: ORIGIN, handler: () => Effect.succeed(empty(200)) })
        yield* SessionHttpClient.attach(memory.client, ref).get(`${ORIGIN}/other`)
        assert.deepStrictEqual((yield* memory.requests).map(bearer), ["Bearer abc"])
      })
    )
  )

  it.effect("a session of no URL needs to be told an origin: nothing is sent without", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const ref = yield* SessionRef.make(provider, yield* provider.login)
        const memory = yield* HttpMemory.make({ origin: ORIGIN, handler: () => Effect.succeed(empty(200)) })
        const error = yield* fails(
          "HttpClientError",
          SessionHttpClient.attach(memory.client, ref).get(ORIGIN)
        )
        assert.strictEqual(error.reason._tag, "InvalidUrlError")
        assert.deepStrictEqual(yield* memory.requests, [])
      })
    )
  )

  it.effect("no session is NotAuthenticated, and nothing is sent", () =>
    provided(
      Effect.gen(function* () {
        const { client, ref, requests } = yield* signedIn()
        yield* ref.logout
        yield* fails("NotAuthenticated", client.get(`${ORIGIN}/me`))
        assert.deepStrictEqual(yield* requests, [])
      })
    )
  )

  it.effect("a session that keeps its token to itself is NotAuthenticated", () =>
    provided(
      Effect.gen(function* () {
        const { client, ref, requests } = yield* signedIn()
        yield* ref.adopt(new Session({ key: ref.key, issuedAt: yield* DateTime.now }))
        yield* fails("NotAuthenticated", client.get(`${ORIGIN}/me`))
        assert.deepStrictEqual(yield* requests, [])
      })
    )
  )

  for (const token of ["a b", "a\r\nx: y", "é"]) {
    it.effect(`the token ${JSON.stringify(token)} is not sent, and not shown`, () =>
      provided(
        Effect.gen(function* () {
          const { client, ref, requests } = yield* signedIn()
          const issuedAt = yield* DateTime.now
          yield* ref.adopt(new Session({ key: ref.key, accessToken: Redacted.make(token), issuedAt }))
          const error = yield* fails("HttpClientError", client.get(`${ORIGIN}/me`))
          assert.strictEqual(error.reason._tag, "EncodeError")
          assert.notInclude(JSON.stringify(error), token)
          assert.deepStrictEqual(yield* requests, [])
        })
      )
    )
  }
})

describe("a token that is refused", () => {
  it.effect("P13: is renewed once, and the request is sent once more with its body", () =>
    provided(
      Effect.gen(function* () {
        const { client, provider, refused, requests, sent } = yield* signedIn()
        refused.add("token-1")
        const request = HttpClientRequest.post(`${ORIGIN}/thing`).pipe(HttpClientRequest.bodyText("twice"))
        assert.strictEqual((yield* client.execute(request)).status, 200)
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-2"])
        assert.deepStrictEqual(
          (yield* requests).map(({ body }) => Buffer.from(body).toString()),
          ["twice", "twice"]
        )
        assert.strictEqual(provider.seen.renewals, 1)
      })
    )
  )

  it.effect("P13: of 100 callers costs one renewal, and none is sent more than twice", () =>
    provided(
      Effect.gen(function* () {
        const { client, provider, requests } = yield* signedIn({
          provider: { latency: "1 second" },
          handler: (request) => Effect.delay(guarded((token) => token === "token-2")(request), "100 millis")
        })
        const all = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, at) => at),
          (at) => client.get(`${ORIGIN}/${at}`),
          { concurrency: "unbounded" }
        ).pipe(Effect.forkChild({ startImmediately: true }))
        yield* TestClock.adjust("1200 millis")
        assert.isTrue((yield* Fiber.join(all)).every(({ status }) => status === 200))
        assert.deepStrictEqual([provider.seen.renewals, provider.seen.reuses], [1, 0])
        const counts = new Map<string, number>()
        for (const { path } of yield* requests) counts.set(path, (counts.get(path) ?? 0) + 1)
        assert.strictEqual(counts.size, 100)
        assert.isTrue([...counts.values()].every((count) => count === 2))
      })
    )
  )

  it.effect("P13: after a renewal too, is the caller's to know: no third request", () =>
    provided(
      Effect.gen(function* () {
        const { client, provider, sent } = yield* signedIn({ handler: guarded(() => false) })
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 401)
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-2"])
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 401)
        assert.deepStrictEqual((yield* sent).slice(2), ["Bearer token-2"])
        assert.strictEqual(provider.seen.renewals, 1)
      })
    )
  )

  const stream = HttpClientRequest.post(`${ORIGIN}/thing`).pipe(
    HttpClientRequest.bodyStream(Stream.make(new TextEncoder().encode("once")))
  )
  it.effect("P13: with a body that cannot be sent twice is renewed for the next, and not sent again", () =>
    provided(
      Effect.gen(function* () {
        const sent: Array<string> = []
        const provider = TestProvider.make()
        const ref = yield* SessionRef.make(provider, yield* provider.login)
        const bare = HttpClient.make((request) =>
          Effect.sync(() => {
            sent.push(request.headers["authorization"] ?? "none")
            return HttpClientResponse.fromWeb(request, new Response("", { status: 401 }))
          })
        )
        const client = SessionHttpClient.attach(bare, ref, { origin: ORIGIN })
        assert.strictEqual((yield* client.execute(stream)).status, 401)
        assert.deepStrictEqual(sent, ["Bearer token-1"])
        assert.strictEqual(provider.seen.renewals, 1)
        yield* client.execute(stream)
        assert.deepStrictEqual(sent, ["Bearer token-1", "Bearer token-2"])
      })
    )
  )

  it.effect("P13: with a body that cannot be sent twice is the answer, also when the renewal fails", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const ref = yield* SessionRef.make(provider, yield* provider.login)
        const bare = HttpClient.make((request) =>
          Effect.sync(() => HttpClientResponse.fromWeb(request, new Response("", { status: 401 })))
        )
        provider.failNext(new InvalidToken({ ...where, message: "revoked" }))
        const client = SessionHttpClient.attach(bare, ref, { origin: ORIGIN })
        assert.strictEqual((yield* client.execute(stream)).status, 401)
        yield* fails("SessionExpired", client.execute(stream))
      })
    )
  )

  for (const [name, body, isSentTwice] of [
    ["a form", HttpBody.formData(new FormData()), true],
    ["a blob", HttpBody.raw(new Blob(["a"])), true],
    ["a string as it is", HttpBody.raw("a"), true],
    ["bytes as they are", HttpBody.raw(new Uint8Array(1)), true],
    ["a buffer as it is", HttpBody.raw(new ArrayBuffer(1)), true],
    ["parameters as they are", HttpBody.raw(new URLSearchParams("a=1")), true],
    ["a stream of the platform", HttpBody.raw(new ReadableStream()), false]
  ] as const) {
    it.effect(`P13: ${name} is ${isSentTwice ? "" : "not "}sent twice`, () =>
      provided(
        Effect.gen(function* () {
          const provider = TestProvider.make()
          const ref = yield* SessionRef.make(provider, yield* provider.login)
          const sent: Array<HttpBody.HttpBody> = []
          const bare = HttpClient.make((request) =>
            Effect.sync(() => {
              sent.push(request.body)
              return HttpClientResponse.fromWeb(request, new Response("", { status: 401 }))
            })
          )
          const client = SessionHttpClient.attach(bare, ref, { origin: ORIGIN })
          yield* client.post(`${ORIGIN}/thing`, { body })
          assert.deepStrictEqual(sent, isSentTwice ? [body, body] : [body])
        })
      )
    )
  }

  it.effect("whose renewal is refused is SessionExpired", () =>
    provided(
      Effect.gen(function* () {
        const { client, provider, refused } = yield* signedIn()
        refused.add("token-1")
        provider.failNext(new InvalidToken({ ...where, message: "revoked" }))
        yield* fails("SessionExpired", client.get(`${ORIGIN}/me`))
      })
    )
  )

  it.effect("whose renewal fails is that failure, and the session is kept", () =>
    provided(
      Effect.gen(function* () {
        const { client, provider, ref, refused } = yield* signedIn()
        refused.add("token-1")
        provider.failNext(new ServerError({ ...where, message: "away", status: 500 }))
        yield* fails("ServerError", client.get(`${ORIGIN}/me`))
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 200)
        assert.strictEqual(Redacted.value(yield* ref.token), "token-2")
      })
    )
  )

  for (const status of [200, 204, 302, 400, 403, 404, 429, 500, 503]) {
    it.effect(`status ${status} is an answer: nothing is renewed or repeated`, () =>
      provided(
        Effect.gen(function* () {
          const { client, provider, sent } = yield* signedIn({ handler: () => Effect.succeed(empty(status)) })
          assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, status)
          assert.deepStrictEqual(yield* sent, ["Bearer token-1"])
          assert.strictEqual(provider.seen.renewals, 0)
        })
      )
    )
  }

  it.effect("a connection that breaks is a failure: nothing is renewed or repeated", () =>
    provided(
      Effect.gen(function* () {
        const { client, faults, provider, sent } = yield* signedIn()
        yield* faults.push(HttpFaults.HttpFault.DropAfter())
        yield* fails("HttpClientError", client.post(`${ORIGIN}/me`))
        assert.strictEqual((yield* sent).length, 1)
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("a client that takes a bad status for a failure renews all the same", () =>
    provided(
      Effect.gen(function* () {
        const { client, refused, sent } = yield* signedIn({ client: HttpClient.filterStatusOk })
        refused.add("token-1")
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 200)
        refused.add("token-2")
        const error = yield* fails("HttpClientError", client.get(`${ORIGIN}/me`))
        assert.strictEqual(error.reason._tag, "StatusCodeError")
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-2", "Bearer token-2"])
      })
    )
  )

  it.effect("a 401 is one, whatever else is said to be", () =>
    provided(
      Effect.gen(function* () {
        const { client, refused, sent } = yield* signedIn({
          attach: { refuses: () => Effect.succeed(false) }
        })
        refused.add("token-1")
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 200)
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-2"])
      })
    )
  )

  it.effect("what a refusal is can be said: an error in an answer of status 200", () =>
    provided(
      Effect.gen(function* () {
        const { client, sent } = yield* signedIn({
          handler: (request) =>
            Effect.succeed(
              json(200, bearer(request) === "Bearer token-2" ? { data: 1 } : { errors: ["jwt"] })
            ),
          attach: {
            refuses: (response) =>
              Effect.map(response.json, (body) => JSON.stringify(body).includes("errors"))
          }
        })
        const response = yield* client.get(`${ORIGIN}/graphql`)
        assert.deepStrictEqual(yield* response.json, { data: 1 })
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-2"])
      })
    )
  )

  it.effect("what cannot be read is no refusal, and its failure is what the client made of its status", () =>
    provided(
      Effect.gen(function* () {
        const { client, provider } = yield* signedIn({
          handler: ({ path }) => Effect.succeed(text(path === "/away" ? 503 : 200, "text/html", "<html>")),
          client: HttpClient.filterStatusOk,
          attach: { refuses: ({ json }) => Effect.as(json, true) }
        })
        const error = yield* fails("HttpClientError", client.get(`${ORIGIN}/away`))
        assert.strictEqual(error.reason._tag, "StatusCodeError")
        assert.strictEqual(yield* (yield* client.get(`${ORIGIN}/page`)).text, "<html>")
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("is none where a redirect inside led elsewhere: the token was not there", () =>
    provided(
      Effect.gen(function* () {
        const provider = TestProvider.make()
        const ref = yield* SessionRef.make(provider, yield* provider.login)
        const sent: Array<string> = []
        const following = HttpClient.make((request) =>
          Effect.sync(() => {
            sent.push(request.headers["authorization"] ?? "none")
            const answer = request.url.startsWith(ORIGIN)
              ? new Response(null, { status: 307, headers: { location: "https://other.example.com/" } })
              : new Response("", { status: 401 })
            return HttpClientResponse.fromWeb(request, answer)
          })
        ).pipe(HttpClient.followRedirects())
        const client = SessionHttpClient.attach(following, ref, { origin: ORIGIN })
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 401)
        assert.deepStrictEqual(sent, ["Bearer token-1", "none"])
        assert.strictEqual(provider.seen.renewals, 0)
      })
    )
  )

  it.effect("P18: a caller who goes away during the renewal loses nothing", () =>
    provided(
      Effect.gen(function* () {
        const { client, provider, refused } = yield* signedIn({ provider: { latency: "1 second" } })
        refused.add("token-1")
        const caller = yield* Effect.forkChild(client.get(`${ORIGIN}/me`), { startImmediately: true })
        yield* TestClock.adjust("500 millis")
        assert.isTrue(Exit.isFailure(yield* Effect.andThen(Fiber.interrupt(caller), Fiber.await(caller))))
        yield* TestClock.adjust("500 millis")
        assert.strictEqual((yield* client.get(`${ORIGIN}/me`)).status, 200)
        assert.deepStrictEqual([provider.seen.renewals, provider.seen.reuses], [1, 0])
      })
    )
  )
})

describe("P06: what is traced", () => {
  it.effect("tells method, host, path and status, hands the trace on, and holds no token", () =>
    provided(
      Effect.gen(function* () {
        const canary = Canary.make("access")
        const { spans, tracer } = recording()
        const { client, ref, requests } = yield* signedIn({ handler: () => Effect.succeed(empty(500)) })
        const issuedAt = yield* DateTime.now
        yield* ref.adopt(new Session({ key: ref.key, accessToken: canary.redacted, issuedAt }))
        yield* client.get(`${ORIGIN}/me?page=1`).pipe(Effect.withTracer(tracer))
        const [span] = spans
        assert.strictEqual(spans.length, 1)
        assert.strictEqual(span?.name, "http.client GET")
        assert.strictEqual(span?.attributes.get("url.path"), "/me")
        assert.strictEqual(span?.attributes.get("http.response.status_code"), 500)
        const [arrived] = yield* requests
        assert.include(arrived?.headers.get("traceparent") ?? "", span?.traceId ?? "nothing")
        assert.strictEqual(bearer(arrived ?? assert.fail("nothing arrived")), `Bearer ${canary.secret}`)
        Canary.assertAbsent([canary], spans)
      })
    )
  )

  it.effect("names what came in place of an answer", () =>
    provided(
      Effect.gen(function* () {
        const { spans, tracer } = recording()
        const { client, faults } = yield* signedIn()
        yield* faults.push(HttpFaults.HttpFault.DropBefore())
        yield* fails("HttpClientError", client.get(`${ORIGIN}/me`).pipe(Effect.withTracer(tracer)))
        assert.deepStrictEqual(
          spans.map(({ attributes }) => attributes.get("error.type")),
          ["TransportError"]
        )
      })
    )
  )

  it.effect("is nothing, too, of a request that a redirect inside led to", () =>
    provided(
      Effect.gen(function* () {
        const spans: Array<string> = []
        const tracer = Tracer.make({
          span: (options) => {
            spans.push(options.name)
            return Tracer.nativeTracer.span(options)
          }
        })
        const { client, sent } = yield* signedIn({
          handler: ({ path }) =>
            Effect.succeed(path === "/here" ? empty(307, { location: "/home" }) : empty(500)),
          client: HttpClient.followRedirects()
        })
        yield* client.get(`${ORIGIN}/here`).pipe(
          Effect.provideService(HttpClient.TracerDisabledWhen, ({ url }) => url.endsWith("/here")),
          Effect.withTracer(tracer)
        )
        assert.deepStrictEqual(yield* sent, ["Bearer token-1", "Bearer token-1"])
        assert.deepStrictEqual(spans, [])
      })
    )
  )

  for (const [name, unwanted] of [
    ["at all", Effect.provideService(Tracer.DisablePropagation, true)],
    [
      "for this request",
      Effect.provideService(HttpClient.TracerDisabledWhen, ({ method }) => method === "GET")
    ]
  ] as const) {
    it.effect(`is nothing, and no trace is handed on, where none is wanted ${name}`, () =>
      provided(
        Effect.gen(function* () {
          const spans: Array<string> = []
          const tracer = Tracer.make({
            span: (options) => {
              spans.push(options.name)
              return Tracer.nativeTracer.span(options)
            }
          })
          const { client, requests } = yield* signedIn()
          yield* client.get(`${ORIGIN}/me`).pipe(unwanted, Effect.withTracer(tracer))
          const [arrived] = yield* requests
          assert.isFalse(arrived?.headers.has("traceparent"))
          assert.deepStrictEqual(spans, [])
        })
      )
    )
  }
})

const is403 = ({ status }: HttpClientResponse.HttpClientResponse) => Effect.succeed(status === 403)

for (const [name, http] of [
  ["fetch", FetchHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
] as const) {
  describe(`S36: a redirect, over ${name}`, () => {
    const redirected = Effect.fnUntraced(function* (
      change: <E>(client: HttpClient.HttpClient.With<E>) => HttpClient.HttpClient.With<E>
    ) {
      const provider = TestProvider.make()
      const ref = yield* SessionRef.make(provider, yield* provider.login)
      const elsewhere = yield* HttpServer.make({
        handler: () => Effect.succeed(json(200, { from: "elsewhere" }))
      })
      const own = yield* HttpServer.make({
        handler: ({ path }) =>
          Effect.succeed(
            path === "/away"
              ? empty(307, { location: `${elsewhere.url}/there` })
              : path === "/here"
                ? empty(307, { location: "/home" })
                : json(200, { from: "own" })
          )
      })
      const context = yield* Layer.build(http)
      const client = change(
        SessionHttpClient.attach(Context.get(context, HttpClient.HttpClient), ref, { origin: own.url })
      )
      return { client, elsewhere, own }
    })

    it.live("is not followed", () =>
      provided(
        Effect.gen(function* () {
          const { client, elsewhere, own } = yield* redirected((client) => client)
          assert.strictEqual((yield* client.get(`${own.url}/away`)).status, 307)
          assert.deepStrictEqual(yield* elsewhere.requests, [])
        })
      )
    )

    it.live("that is followed around it takes the token along at home, and leaves it behind elsewhere", () =>
      provided(
        Effect.gen(function* () {
          const { client, elsewhere, own } = yield* redirected(HttpClient.followRedirects())
          assert.deepStrictEqual(yield* (yield* client.get(`${own.url}/here`)).json, { from: "own" })
          assert.deepStrictEqual(yield* (yield* client.get(`${own.url}/away`)).json, { from: "elsewhere" })
          assert.deepStrictEqual((yield* own.requests).map(bearer), [
            "Bearer token-1",
            "Bearer token-1",
            "Bearer token-1"
          ])
          assert.deepStrictEqual((yield* elsewhere.requests).map(bearer), ["none"])
        })
      )
    )

    it.live("that is followed inside it leaves the token behind elsewhere", () =>
      provided(
        Effect.gen(function* () {
          const provider = TestProvider.make()
          const ref = yield* SessionRef.make(provider, yield* provider.login)
          const elsewhere = yield* HttpServer.make({ handler: () => Effect.succeed(empty(200)) })
          const own = yield* HttpServer.make({
            handler: () => Effect.succeed(empty(307, { location: `${elsewhere.url}/there` }))
          })
          const context = yield* Layer.build(http)
          const following = HttpClient.followRedirects(Context.get(context, HttpClient.HttpClient))
          yield* SessionHttpClient.attach(following, ref, { origin: own.url }).get(own.url)
          assert.deepStrictEqual((yield* elsewhere.requests).map(bearer), ["none"])
        })
      )
    )

    it.live(
      "the answer that nobody wants keeps no connection",
      () =>
        provided(
          Effect.gen(function* () {
            const provider = TestProvider.make()
            const ref = yield* SessionRef.make(provider, yield* provider.login)
            const server = yield* HttpServer.make({
              handler: (request) =>
                Effect.succeed(
                  bearer(request) === "Bearer token-1"
                    ? { ...json(403, {}), body: new Uint8Array(16 * 1024 * 1024) }
                    : json(200, {})
                )
            })
            // What is collected as garbage is let go as well.
            const kept: Array<HttpClientResponse.HttpClientResponse> = []
            const context = yield* Layer.build(http)
            const client = SessionHttpClient.attach(Context.get(context, HttpClient.HttpClient), ref, {
              origin: server.url,
              refuses: (response) => Effect.sync(() => kept.push(response) > 0 && response.status === 403)
            })
            const response = yield* client.get(server.url)
            assert.deepStrictEqual(yield* response.json, {})
            assert.strictEqual((yield* server.requests).length, 2)
            yield* until(Effect.map(server.connections, (open) => open <= 1))

            assert.strictEqual(kept.length, 1)
          })
        ),
      // Before an idle connection is closed for being idle.
      2000
    )

    /** A refusal with a large body, which is kept: what is collected as garbage is let go as well. */
    const refusing = Effect.fnUntraced(function* (
      options: TestProvider.Options,
      refuses: (
        response: HttpClientResponse.HttpClientResponse
      ) => ReturnType<NonNullable<SessionHttpClient.Options["refuses"]>>
    ) {
      const provider = TestProvider.make(options)
      const ref = yield* SessionRef.make(provider, yield* provider.login)
      const server = yield* HttpServer.make({
        handler: () => Effect.succeed({ ...json(403, {}), body: new Uint8Array(16 * 1024 * 1024) })
      })
      const kept: Array<HttpClientResponse.HttpClientResponse> = []
      const context = yield* Layer.build(http)
      const client = SessionHttpClient.attach(Context.get(context, HttpClient.HttpClient), ref, {
        origin: server.url,
        refuses: (response) => Effect.suspend(() => (kept.push(response), refuses(response)))
      })
      const isLetGo = Effect.gen(function* () {
        yield* until(Effect.map(server.connections, (open) => open === 0))
        assert.strictEqual(kept.length, 1)
      })
      return { get: client.get(server.url), isLetGo, kept, provider }
    })

    it.live(
      "the answer keeps no connection when the renewal fails",
      () =>
        provided(
          Effect.gen(function* () {
            const { get, isLetGo, provider } = yield* refusing({}, is403)
            provider.failNext(new InvalidToken({ ...where, message: "revoked" }))
            yield* fails("SessionExpired", get)
            yield* isLetGo
          })
        ),
      2000
    )

    it.live(
      "the answer keeps no connection when its caller goes away during the renewal",
      () =>
        provided(
          Effect.gen(function* () {
            const { get, isLetGo, provider } = yield* refusing({ latency: "200 millis" }, is403)
            const caller = yield* Effect.forkChild(get)
            yield* until(Effect.sync(() => provider.seen.renewals === 1))
            yield* Fiber.interrupt(caller)
            yield* isLetGo
          })
        ),
      2000
    )

    it.live(
      "the answer keeps no connection when its caller goes away while it is looked at",
      () =>
        provided(
          Effect.gen(function* () {
            const { get, isLetGo, kept } = yield* refusing({}, () => Effect.never)
            const caller = yield* Effect.forkChild(get)
            yield* until(Effect.sync(() => kept.length === 1))
            yield* Fiber.interrupt(caller)
            yield* isLetGo
          })
        ),
      2000
    )
  })
}
