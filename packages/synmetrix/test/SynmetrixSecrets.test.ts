/** No secret shows anywhere but on the wire, whatever the server repeats. */
import { assert, describe, it } from "@effect/vitest"
import { type AuthError, SessionRef, SessionStore } from "@latchkey/core"
import { Canary } from "@latchkey/testing"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { empty, type HttpHandler, type HttpRequest, json, text } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as HttpServer from "@latchkey/testing/HttpServer"
import { Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { Synmetrix } from "../src/index.ts"
import { build, ORIGIN } from "./support/over.ts"
import { claims, good, jwt, session, USER } from "./support/tokens.ts"
import { recording } from "../../../test/support/tracing.ts"

const { HttpFault } = HttpFaults

const password = Canary.make("password")
const newPassword = Canary.make("new password")
const refreshToken = Canary.make("refresh token")
const ticket = Canary.make("ticket")
const code = Canary.make("code")
const query = Canary.make("query of the URL")

/** A token is a canary from its first letter to its last. */
const accessToken: Canary.Canary = {
  label: "access token",
  secret: jwt({ ...claims, jti: "canary" }),
  redacted: Redacted.make("")
}

const canaries = [password, newPassword, refreshToken, ticket, code, query, accessToken]

const credentials = { email: "ada@example.com", password: password.redacted }

const held = (instance: string) =>
  session(
    { accessToken: Redacted.make(accessToken.secret), refreshToken: refreshToken.redacted, account: {} },
    instance
  )

const said = ({ body, headers, query }: HttpRequest) =>
  [
    Buffer.from(body).toString(),
    query,
    headers.get("authorization"),
    accessToken.secret,
    refreshToken.secret
  ].join(" ")

const granted = { ...good, jwt_token: accessToken.secret, refresh_token: refreshToken.secret }

/** Answers that repeat the whole request, and tokens, wherever an answer can hold a text. */
const echoes: ReadonlyArray<HttpHandler> = [
  ...[200, 201, 204, 302, 400, 401, 403, 404, 418, 422, 429, 500, 503].flatMap(
    (status): ReadonlyArray<HttpHandler> => [
      (request) =>
        Effect.succeed(json(status, { statusCode: status, error: said(request), message: said(request) })),
      (request) =>
        Effect.succeed(json(status, { statusCode: status, message: `"${said(request)}" is not allowed` })),
      (request) =>
        Effect.succeed({
          ...text(status, "text/html", said(request)),
          headers: {
            "content-type": `text/html; ${encodeURIComponent(said(request))}`,
            "x-echo": encodeURIComponent(said(request))
          }
        }),
      (request) =>
        Effect.succeed({
          ...json(status, granted),
          headers: {
            "content-type": `application/json; ${encodeURIComponent(said(request))}`,
            location: `https://elsewhere.invalid/${encodeURIComponent(said(request))}`,
            "retry-after": encodeURIComponent(said(request)),
            "set-cookie": `refresh_token=${refreshToken.secret}; Path=/`,
            date: encodeURIComponent(said(request))
          }
        })
    ]
  ),
  () => Effect.succeed(json(200, granted)),
  () => Effect.succeed(json(200, { ...granted, jwt_token: `${accessToken.secret}.` })),
  () => Effect.succeed(json(200, { ...granted, jwt_token: [accessToken.secret] })),
  () => Effect.succeed(json(200, { ...granted, refresh_token: undefined })),
  () => Effect.succeed(json(200, { ...granted, refresh_token: [refreshToken.secret] })),
  () => Effect.succeed(json(200, { ...granted, user: refreshToken.secret })),
  () => Effect.succeed(json(200, { ...granted, error: "x", message: accessToken.secret, statusCode: 400 })),
  () => Effect.succeed(text(200, "application/json", `{"jwt_token": "${accessToken.secret}`)),
  () => Effect.succeed(json(200, { mfa: true, ticket: ticket.secret })),
  () => Effect.succeed(json(200, { magicLink: true, ticket: ticket.secret })),
  () => Effect.succeed(json(200, { jwt_token: null, user: { id: USER, email: "ada@example.com" } })),
  () => Effect.die(new Error(accessToken.secret))
]

/** Each operation gets each of the answers in turn. */
const repeating = (): HttpHandler => {
  const calls = new Map<string, number>()
  return (request) => {
    const name = `${request.method} ${request.path}`
    const index = calls.get(name) ?? 0
    calls.set(name, index + 1)
    return echoes[index % echoes.length]?.(request) ?? Effect.succeed(empty(500))
  }
}

const operations: ReadonlyArray<(synmetrix: Synmetrix["Service"]) => Effect.Effect<unknown, AuthError>> = [
  (it) => it.login(credentials),
  (it) => it.register({ ...credentials, userData: { secret: newPassword.secret } }),
  (it) => it.submitTotp({ ticket: ticket.redacted, code: code.redacted }),
  (it) => it.requestMagicLink("ada@example.com"),
  (it) => it.sendMagicLink("ada@example.com"),
  (it) =>
    it.completeMagicLink(
      Redacted.make(`https://h/?refresh_token=${encodeURIComponent(refreshToken.secret)}&q=${query.secret}`)
    ),
  (it) => it.refresh(held(it.instance)),
  (it) => it.logout(held(it.instance)),
  (it) => it.revoke(held(it.instance)),
  (it) =>
    it.changePassword(held(it.instance), {
      oldPassword: password.redacted,
      newPassword: newPassword.redacted
    }),
  // These send nothing.
  (it) => it.completeMagicLink(Redacted.make(query.secret)),
  (it) => it.completeMagicLink(Redacted.make(`https://h/?q=${query.secret}`)),
  (it) => it.login({ ...credentials, password: Redacted.make(`${password.secret}\ud800`) }),
  (it) => it.refresh(held("http://localhost:1")),
  (it) => it.authHeaders(held(it.instance), { role: "admin" }),
  (it) => it.parseAccessToken(password.redacted),
  (it) => it.register({ email: "a", userData: { secret: password.secret, toJSON: null } })
]

/** Everything that can be made of the operations, of their failures, and of what they give. */
const everything = Effect.fnUntraced(function* (
  synmetrix: Synmetrix["Service"],
  faults: HttpFaults.HttpFaults
) {
  const outcomes: Array<unknown> = [synmetrix, held(synmetrix.instance)]
  const note = <A, E>(effect: Effect.Effect<A, E>) =>
    effect.pipe(
      Effect.tapError((error) => Effect.logError("failed", error)),
      Effect.tapCause((cause) => Effect.logDebug("failed", cause)),
      Effect.tap((value) => Effect.logTrace("done", value)),
      Effect.withSpan("test"),
      Effect.exit,
      Effect.map((exit) => void outcomes.push(exit, Exit.isFailure(exit) ? exit.cause : exit.value))
    )
  for (const run of operations) {
    for (const _ of echoes) yield* note(run(synmetrix))
    for (const fault of [
      HttpFault.DropBefore(),
      HttpFault.DropAfter(),
      HttpFault.ResetBody(),
      HttpFault.Truncated(),
      HttpFault.Oversized({ bytes: 2 ** 20 + 1 })
    ]) {
      yield* faults.push(fault)
      yield* note(run(synmetrix))
      yield* faults.clear
    }
  }
  yield* faults.push(HttpFault.Silent())
  yield* note(synmetrix.login(credentials, { timeout: "100 millis" }))
  return outcomes
})

const check = (outcomes: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    assert.isAbove(outcomes.length, operations.length * echoes.length)
    for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
    yield* Canary.assertNoneCaptured(canaries)
  })

describe("secrets", () => {
  it("P06: a canary is found where it is", () => {
    for (const canary of canaries) {
      assert.isNotEmpty(Canary.find(canaries, new Error(`x ${canary.secret} y`)))
    }
  })

  it.live("synmetrix-39: P06: none shows in what is printed, encoded, logged, traced or counted", () =>
    Effect.gen(function* () {
      const faults = yield* HttpFaults.make
      const { client } = yield* HttpMemory.make({ origin: ORIGIN, handler: repeating(), faults })
      const synmetrix = yield* build({ url: ORIGIN }, client)
      yield* check(yield* everything(synmetrix, faults))
    }).pipe(Effect.provide(Canary.capture))
  )

  it.live("synmetrix-39: P06: nor over a real connection", () =>
    Effect.gen(function* () {
      const faults = yield* HttpFaults.make
      const server = yield* HttpServer.make({ handler: repeating(), faults })
      yield* Effect.gen(function* () {
        yield* check(yield* everything(yield* Synmetrix, faults))
      }).pipe(Effect.provide(Layer.provide(Synmetrix.layer({ url: server.url }), FetchHttpClient.layer)))
    }).pipe(Effect.provide(Canary.capture))
  )

  it.effect("synmetrix-39: P06: nor in a live session, its events and its store's failures", () =>
    Effect.gen(function* () {
      const outcomes: Array<unknown> = []
      for (const answer of echoes) {
        const { client } = yield* HttpMemory.make({ origin: ORIGIN, handler: answer })
        const synmetrix = yield* build({ url: ORIGIN }, client)
        const ref = yield* SessionRef.make(synmetrix, held(ORIGIN))
        const exit = yield* Effect.exit(ref.refused(held(ORIGIN)))
        const told = yield* Effect.exit(ref.logout)
        outcomes.push(exit, told)
        yield* Effect.logTrace("live", exit, told)
      }
      for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Layer.merge(Canary.capture, Layer.fresh(SessionStore.layerMemory))))
  )
})

describe("spans", () => {
  it.effect("P07, S06: even Effect's own, switched on again, mask the token in the query", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const { client, requests } = yield* HttpMemory.make({
        origin: ORIGIN,
        handler: ({ path }) => Effect.succeed(path === "/auth/logout" ? empty(204) : json(200, granted))
      })
      const loud = HttpClient.transformResponse(
        client,
        Effect.provideService(HttpClient.TracerDisabledWhen, () => false)
      )
      const synmetrix = yield* build({ url: ORIGIN }, loud)
      yield* Effect.gen(function* () {
        yield* synmetrix.refresh(held(ORIGIN))
        yield* synmetrix.logout(held(ORIGIN))
        const callback = `https://h/?refresh_token=${encodeURIComponent(refreshToken.secret)}`
        yield* Fiber.join(yield* Effect.forkDetach(synmetrix.completeMagicLink(Redacted.make(callback))))
      }).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(
        (yield* requests).map(({ query }) => new URLSearchParams(query).get("refresh_token")),
        Array.from({ length: 3 }, () => refreshToken.secret)
      )
      const whole = spans.filter(({ attributes }) => attributes.has("url.full"))
      assert.strictEqual(whole.length, 3)
      for (const { attributes } of whole) {
        assert.include(String(attributes.get("url.query")), "refresh_token")
        for (const name of ["url.full", "url.query"]) Canary.assertAbsent(canaries, attributes.get(name))
      }
      for (const { attributes } of spans) Canary.assertAbsent(canaries, [...attributes])
    })
  )

  it.effect("P07: ours name operation, method and path, and neither account nor query", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const { client, requests } = yield* HttpMemory.make({
        origin: ORIGIN,
        handler: () => Effect.succeed(json(200, granted))
      })
      const synmetrix = yield* build({ url: ORIGIN }, client)
      yield* Effect.gen(function* () {
        yield* synmetrix.login(credentials)
        yield* synmetrix.refresh(held(ORIGIN))
      }).pipe(Effect.withTracer(tracer), Effect.withSpan("test"))
      assert.deepStrictEqual(
        spans.map(({ attributes, name }) => [name, attributes.get("url.path")]),
        [
          ["Synmetrix.login", undefined],
          ["http.client POST", "/auth/login"],
          ["Synmetrix.refresh", undefined],
          ["http.client GET", "/auth/token/refresh"]
        ]
      )
      const account: Canary.Canary = { ...Canary.make("account"), secret: credentials.email }
      for (const { attributes } of spans) Canary.assertAbsent([...canaries, account], [...attributes])
      // The server is told of no trace, and from nowhere.
      for (const { headers } of yield* requests) {
        for (const name of ["traceparent", "b3", "referer"]) assert.isFalse(headers.has(name), name)
      }
    })
  )
})
