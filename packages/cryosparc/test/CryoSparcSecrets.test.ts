import { assert, describe, it } from "@effect/vitest"
import { Canary } from "@latchkey/testing"
import { empty, type HttpHandler, type HttpRequest, json, text } from "@latchkey/testing/HttpHandler"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as HttpServer from "@latchkey/testing/HttpServer"
import { Cause, Effect, Exit, Layer, Logger, Redacted } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { createHash } from "node:crypto"
import { inspect } from "node:util"
import { CryoSparc } from "../src/index.ts"
import { CryoSparcTest } from "../src/testing.ts"
import { build } from "./support/over.ts"
import { form } from "./support/form.ts"
import { recording } from "../../../test/support/tracing.ts"

const { HttpFault } = HttpFaults

const password = Canary.make("password")
const token = Canary.make("token")

/** As good as the password: whoever has it can sign in. */
const hash: Canary.Canary = {
  label: "hash",
  secret: createHash("sha256").update(password.secret).digest("hex"),
  redacted: Redacted.make("")
}

const canaries = [password, token, hash]

const ada = { email: "ada@example.com", password: password.redacted }

const described = (path: string, extra: string) =>
  json(200, { info: extra, paths: { [path]: { post: { summary: "login" } } } })

/** Answers that repeat the whole request, and a token, wherever an answer can hold a text. */
const echoes: ReadonlyArray<HttpHandler> = [
  ...[200, 201, 204, 302, 400, 401, 403, 404, 418, 422, 429, 500, 503].flatMap(
    (status): ReadonlyArray<HttpHandler> => [
      (request) => Effect.succeed(json(status, { detail: [{ input: said(request) }] })),
      (request) => Effect.succeed(text(status, "text/html", said(request))),
      (request) =>
        Effect.succeed({
          ...json(status, token.secret),
          headers: {
            "content-type": `application/json; ${encodeURIComponent(said(request))}`,
            location: `https://elsewhere.invalid/${encodeURIComponent(said(request))}`,
            "retry-after": encodeURIComponent(said(request)),
            "www-authenticate": encodeURIComponent(said(request))
          }
        })
    ]
  ),
  () => Effect.succeed(json(200, { access_token: token.secret, token_type: "Bearer" })),
  () => Effect.succeed(json(200, { access_token: `${token.secret}\n`, token_type: "bearer" })),
  () => Effect.succeed(json(200, { access_token: [token.secret], token_type: "bearer" })),
  () => Effect.succeed(text(200, "application/json", `{"access_token": "${token.secret}`)),
  () => Effect.die(new Error(token.secret)),
  () => Effect.succeed(json(200, { access_token: token.secret, token_type: "bearer" }))
]

const said = (request: HttpRequest) =>
  `${form(request).flat().join(" ")} ${request.headers.get("authorization")} ${token.secret}`

/** An instance that describes its API in good and in bad ways, and gives each of the answers in turn. */
const instance = (): HttpHandler => {
  let calls = 0
  return (request) => {
    if (request.path === "/api/cmd/users/me") return Effect.succeed(json(401, { detail: said(request) }))
    if (request.method === "POST") {
      return echoes[calls++ % echoes.length]?.(request) ?? Effect.succeed(empty(500))
    }
    return Effect.succeed(described("/auth/token", token.secret))
  }
}

/** Everything that can be made of signing in, of its failures, and of the session. */
const everything = Effect.fnUntraced(function* (
  cryosparc: CryoSparc["Service"],
  faults: HttpFaults.HttpFaults
) {
  const outcomes: Array<unknown> = []
  const note = <A, E>(effect: Effect.Effect<A, E>) =>
    effect.pipe(
      Effect.tapError((error) => Effect.logError("failed", error)),
      Effect.tapCause((cause) => Effect.logDebug("failed", cause)),
      Effect.tap((value) => Effect.logTrace("done", value)),
      Effect.withSpan("test"),
      Effect.exit,
      Effect.map((exit) => {
        outcomes.push(exit, Exit.isFailure(exit) ? exit.cause : exit.value)
        return exit
      })
    )
  for (const _ of echoes) yield* note(cryosparc.login(ada))
  for (const fault of [
    HttpFault.DropBefore(),
    HttpFault.DropAfter(),
    HttpFault.ResetBody(),
    HttpFault.Truncated(),
    HttpFault.Oversized({ bytes: 2 ** 20 + 1 })
  ]) {
    yield* faults.push(fault, { path: "/api/cmd/auth/token" })
    yield* note(cryosparc.login(ada))
  }
  yield* faults.push(HttpFault.Silent(), { path: "/api/cmd/auth/token" })
  yield* note(cryosparc.login(ada).pipe(Effect.timeoutOption("100 millis")))
  yield* note(cryosparc.login({ ...ada, email: "" }))
  yield* note(cryosparc.login({ ...ada, expiresIn: 0 }))
  yield* note(cryosparc.login({ ...ada, password: Redacted.make(`${password.secret}\ud800`) }))
  outcomes.push(cryosparc.client({ token: Effect.succeed(token.redacted) }))
  outcomes.push(cryosparc)
  return outcomes
})

const check = (outcomes: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    assert.isAbove(outcomes.length, 2 * echoes.length)
    for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
    yield* Canary.assertNoneCaptured(canaries)
  })

describe("secrets", () => {
  it.effect("store-38: a canary is found where it is", () =>
    Effect.sync(() => {
      for (const canary of canaries) {
        assert.isNotEmpty(Canary.find(canaries, new Error(`x ${canary.secret} y`)))
      }
    })
  )

  it.live("store-38: no password, hash or token shows anywhere, whatever the instance repeats", () =>
    Effect.gen(function* () {
      const faults = yield* HttpFaults.make
      const origin = "http://localhost:39000"
      const { client } = yield* HttpMemory.make({ origin, handler: instance(), faults })
      const cryosparc = yield* build({ url: origin }, client)
      yield* check(yield* everything(cryosparc, faults))
    }).pipe(Effect.provide(Canary.capture))
  )

  it.live("store-38: nor over a real connection", () =>
    Effect.gen(function* () {
      const faults = yield* HttpFaults.make
      const server = yield* HttpServer.make({ handler: instance(), faults })
      yield* Effect.gen(function* () {
        yield* check(yield* everything(yield* CryoSparc, faults))
      }).pipe(Effect.provide(CryoSparc.layer({ url: server.url }).pipe(Layer.provide(FetchHttpClient.layer))))
    }).pipe(Effect.provide(Canary.capture))
  )

  it.effect("store-38: a bearer is masked wherever a request or its failure is printed", () =>
    Effect.gen(function* () {
      const faults = yield* HttpFaults.make
      const origin = "http://localhost:39000"
      const { client, requests } = yield* HttpMemory.make({ origin, handler: instance(), faults })
      const { spans, tracer } = recording()
      const lines: Array<string> = []
      const logger = Logger.make((options) => {
        lines.push(Logger.formatLogFmt.log(options), Logger.formatJson.log(options))
      })
      const cryosparc = yield* build({ url: origin }, client)
      const failing = HttpClient.filterStatusOk(cryosparc.client({ token: Effect.succeed(token.redacted) }))
      const unsendable = cryosparc.client({ token: Effect.succeed(Redacted.make(`${token.secret}\n`)) })
      yield* faults.push(HttpFault.DropBefore())
      for (const attempt of [failing.get("/x"), failing.get("/users/me"), unsendable.get("/users/me")]) {
        const exit = yield* attempt.pipe(
          Effect.tapCause((cause) => Effect.logError("failed", cause)),
          Effect.tapError((error) => Effect.logError("failed", error)),
          Effect.exit,
          Effect.withTracer(tracer),
          Effect.provideService(HttpClient.TracerHeaderFilter, () => true),
          Effect.provideService(Logger.CurrentLoggers, new Set([logger]))
        )
        assert.isTrue(Exit.isFailure(exit))
        if (Exit.isSuccess(exit)) continue
        const error = Cause.squash(exit.cause)
        const { message, stack } = error instanceof Error ? error : assert.fail("no error")
        const texts = [message, stack, String(error), JSON.stringify(error), JSON.stringify(exit)]
        for (const value of [error, exit]) texts.push(inspect(value, { depth: Infinity }))
        Canary.assertAbsent(canaries, [...texts, Cause.pretty(exit.cause)])
      }
      assert.strictEqual(lines.length, 12)
      Canary.assertAbsent(canaries, lines)
      assert.deepStrictEqual(
        spans.map(({ attributes, name }) => [name, ...attributes]),
        [
          ["CryoSparc.client", ["http.request.method", "GET"], ["error.type", "TransportError"]],
          ["CryoSparc.client", ["http.request.method", "GET"], ["http.response.status_code", 401]]
        ]
      )
      Canary.assertAbsent(
        canaries,
        spans.map(({ status }) => status)
      )
      // They were sent, all the same.
      assert.deepStrictEqual(
        (yield* requests).map(({ headers }) => headers.get("authorization")),
        Array.from({ length: 2 }, () => `Bearer ${token.secret}`)
      )
    })
  )

  it.effect("store-38: a bearer is in no span, whatever the answer", () =>
    Effect.gen(function* () {
      const faults = yield* HttpFaults.make
      const origin = "http://localhost:39000"
      const { client, requests } = yield* HttpMemory.make({ origin, handler: instance(), faults })
      const cryosparc = yield* build({ url: origin }, client)
      const api = cryosparc.client({ token: Effect.succeed(token.redacted) })
      for (const status of [200, 307, 401, 500]) {
        yield* faults.push(HttpFault.Status({ status }))
        assert.strictEqual((yield* api.get("/users/me")).status, status)
      }
      yield* faults.push(HttpFault.DropBefore())
      assert.isTrue(Exit.isFailure(yield* Effect.exit(api.get("/users/me"))))
      assert.strictEqual((yield* requests).length, 5)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.effect("store-38: the spans of a sign-in name the operation, and neither account nor secret", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const account: Canary.Canary = { ...Canary.make("account"), secret: "canary@example.com" }
      yield* Effect.gen(function* () {
        const cryosparc = yield* CryoSparc
        const credentials = { email: account.secret, password: password.redacted }
        yield* cryosparc.login(credentials)
        yield* Effect.flip(cryosparc.login({ ...credentials, password: token.redacted }))
      }).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(
        spans.map((span) => span.name),
        [
          "CryoSparc.login",
          "http.client GET",
          "http.client POST",
          "CryoSparc.login",
          "http.client GET",
          "http.client POST"
        ]
      )
      for (const { attributes } of spans) Canary.assertAbsent([...canaries, account], [...attributes])
    }).pipe(Effect.provide(CryoSparcTest.layer({ users: { "canary@example.com": password.secret } })))
  )

  it.effect("store-38: no trace goes to the instance with a sign-in", () =>
    Effect.gen(function* () {
      const origin = "http://localhost:39000"
      const { client, requests } = yield* HttpMemory.make({ origin, handler: instance() })
      const cryosparc = yield* build({ url: origin }, client)
      yield* Effect.exit(cryosparc.login(ada)).pipe(Effect.withSpan("test"))
      for (const { headers } of yield* requests) {
        assert.isFalse(headers.has("traceparent"))
        assert.isFalse(headers.has("b3"))
      }
    })
  )
})
