import { assert, describe, it } from "@effect/vitest"
import { type AuthError, Session, SessionKey } from "@latchkey/core"
import { Canary } from "@latchkey/testing"
import { type HttpHandler, type HttpRequest, json, text } from "@latchkey/testing/HttpHandler"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import * as HttpServer from "@latchkey/testing/HttpServer"
import { DateTime, Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { createHmac } from "node:crypto"
import { TrustAuthXTest } from "../src/testing.ts"
import { Authority } from "../src/testing.ts"
import { signed } from "../src/testing/internal/signed.ts"
import { TrustAuthX } from "../src/index.ts"
import { failsBecause } from "../../../test/support/fails.ts"
import { recording } from "../../../test/support/tracing.ts"
import { build, sample } from "./support/over.ts"
import type { Services } from "./support/operations.ts"

const { HttpFault } = HttpFaults

const secretKey = Canary.make("secret-key")
const code = Canary.make("code")
const access = Canary.make("access-token")
const refresh = Canary.make("refresh-token")
/** What only the service knows before it answers. */
const answered = Canary.make("answer")

const signature = createHmac("sha256", secretKey.secret)
const head = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url")
const payload = Buffer.from('{"api_key":"ak_main"}').toString("base64url")

/** Its last part alone would be as good as the whole. */
const signedKey: Canary.Canary = {
  label: "signed-key",
  secret: signature.update(`${head}.${payload}`).digest("base64url"),
  redacted: Redacted.make("")
}

const canaries = [secretKey, code, access, refresh, answered, signedKey]

const uid = "uid_ann"
const rolIds = "rol_edt_0000000000000002"
const tokens = { accessToken: access.redacted, refreshToken: refresh.redacted }

const sessionAt = ({ instance }: TrustAuthX["Service"]) =>
  new Session({
    key: new SessionKey({ provider: "trustauthx", instance, account: uid }),
    ...tokens,
    issuedAt: DateTime.makeUnsafe(0)
  })

const calls: ReadonlyArray<(services: Services) => Effect.Effect<unknown, AuthError>> = [
  ({ trustauthx }) => trustauthx.getUser(code.redacted),
  ({ trustauthx }) => trustauthx.reAuth(code.redacted),
  ({ trustauthx }) => trustauthx.getUserData(access.redacted),
  ({ trustauthx }) => trustauthx.getAccessTokenFromRefreshToken(refresh.redacted),
  ({ trustauthx }) => trustauthx.validateAccessToken(access.redacted),
  ({ trustauthx }) => trustauthx.validateTokenSet(tokens),
  ({ trustauthx }) => trustauthx.revokeToken({ accessToken: access.redacted }),
  ({ trustauthx }) => trustauthx.revokeToken({ refreshToken: refresh.redacted, all: true }),
  ({ trustauthx }) => trustauthx.attachRole({ uid, rolIds }),
  ({ trustauthx }) => trustauthx.attachRole({ uid, rolIds, signOff: tokens }),
  ({ trustauthx }) => trustauthx.updateRole({ uid, add: rolIds, remove: [], signOff: tokens }),
  ({ trustauthx }) =>
    trustauthx.generateEditUserUrl({ accessToken: access.redacted, url: "https://app.example.com/" }),
  ({ trustauthx }) => trustauthx.getUser(Redacted.make(`${code.secret}\ud800`)),
  ({ trustauthx }) => trustauthx.removeRole({ uid, rolIds: "", signOff: tokens }),
  ({ roles }) => roles.getAllRoles(),
  ({ roles }) => roles.deleteRole({ rolId: rolIds }),
  ({ roles }) => roles.query(),
  ({ trustauthx }) => trustauthx.refresh(sessionAt(trustauthx)),
  ({ trustauthx }) => trustauthx.logout(sessionAt(trustauthx))
]

const said = (request: HttpRequest): string => {
  const query = new URLSearchParams(request.query)
  return `${[...query.values()].join(" ")} ${Buffer.from(request.body).toString("utf8")} ${answered.secret}`
}

const claims = {
  access_token: access.secret,
  refresh_token: refresh.secret,
  sub: JSON.stringify({ uid, email: "ann@example.com" }),
  unknown: answered.secret
}

/** Answers that repeat the whole request wherever an answer can hold a text, and others that hold what is secret. */
const echoes = (statuses: ReadonlyArray<number>): ReadonlyArray<HttpHandler> => [
  ...statuses.flatMap((status): ReadonlyArray<HttpHandler> => [
    (request) =>
      Effect.succeed(
        json(status, { detail: [{ loc: ["query", said(request), "uid"], input: said(request) }] })
      ),
    (request) => Effect.succeed(json(status, { detail: said(request) })),
    (request) => Effect.succeed(text(status, "text/html", said(request))),
    (request) =>
      Effect.succeed({
        ...json(status, answered.secret),
        headers: {
          "content-type": `application/json; ${encodeURIComponent(said(request))}`,
          location: `https://elsewhere.invalid/${encodeURIComponent(said(request))}`,
          "retry-after": encodeURIComponent(said(request)),
          "x-edge": encodeURIComponent(said(request))
        }
      })
  ]),
  () => Effect.succeed(text(200, "application/json", `"${answered.secret}`)),
  () => Effect.succeed(json(200, signed(claims, `${secretKey.secret}!`))),
  () => Effect.succeed(json(200, signed({ ...claims, exp: 0 }, secretKey.secret))),
  () => Effect.succeed(json(200, signed({ ...claims, sub: answered.secret }, secretKey.secret))),
  () => Effect.succeed(json(200, signed({ ...claims, aud: answered.secret }, secretKey.secret))),
  () => Effect.succeed(json(200, signed(claims, secretKey.secret))),
  () => Effect.succeed(json(200, { ...claims, uid, role: [] })),
  () => Effect.succeed(json(200, { ...claims, access_token: [answered.secret] })),
  () => Effect.succeed(json(200, [{ org_id: answered.secret, permissions: 1 }])),
  () => Effect.die(new Error(answered.secret))
]

/** Everything that can be made of the calls, of their failures, and of what they give. */
const everything = Effect.fnUntraced(function* (services: Services, { faults, next, steps }: Walk) {
  const outcomes: Array<unknown> = [services.trustauthx, services.roles]
  const note = (call: Effect.Effect<unknown, AuthError>) =>
    call.pipe(
      Effect.tapError((error) => Effect.logError("failed", error)),
      Effect.tapCause((cause) => Effect.logDebug("failed", cause)),
      Effect.tap((value) => Effect.logTrace("done", value)),
      Effect.withSpan("test"),
      Effect.exit,
      Effect.map((exit) => {
        outcomes.push(exit, Exit.isFailure(exit) ? exit.cause : exit.value)
      })
    )
  for (let step = 0; step < steps; step++) {
    for (const call of calls) yield* note(call(services))
    next()
  }
  for (const fault of [
    HttpFault.DropBefore(),
    HttpFault.DropAfter(),
    HttpFault.ResetBody(),
    HttpFault.Truncated(),
    HttpFault.Oversized({ bytes: 2 ** 20 + 1 })
  ]) {
    for (const call of calls) {
      yield* faults.push(fault)
      yield* note(call(services))
      yield* faults.clear
    }
  }
  // Also where the application runs it: on a fiber of its own, that is given up.
  for (const call of calls) {
    yield* faults.push(HttpFault.Silent())
    const fiber = yield* Effect.forkChild(note(call(services)), { startImmediately: true })
    yield* Fiber.interrupt(fiber)
    yield* faults.clear
  }
  return outcomes
})

const check = (outcomes: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    assert.isAbove(outcomes.length, 2 * 14 * calls.length)
    for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
    yield* Canary.assertNoneCaptured(canaries)
  })

/** A client whose own spans are on, whatever anybody says: they hold the whole address. */
const tracing = (client: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.transformResponse(
    client,
    Effect.provideService(HttpClient.TracerDisabledWhen, () => false)
  )

const options = { ...sample, secretKey: secretKey.redacted }

interface Walk {
  readonly faults: HttpFaults.HttpFaults
  readonly handler: HttpHandler
  readonly next: () => void
  readonly steps: number
}

const good: HttpHandler = () => Effect.succeed(json(200, signed(claims, secretKey.secret)))

/** A service that gives each of the answers in turn. */
const walk = (statuses: ReadonlyArray<number>): Effect.Effect<Walk> =>
  Effect.map(HttpFaults.make, (faults) => {
    const steps = echoes(statuses)
    let at = 0
    return {
      faults,
      handler: (request) => (steps[at] ?? good)(request),
      next: () => void at++,
      steps: steps.length
    }
  })

describe("secrets", () => {
  it.effect("trustauthx-58: a canary is found where it is", () =>
    Effect.sync(() => {
      for (const canary of canaries) {
        assert.isNotEmpty(Canary.find(canaries, new Error(`x ${canary.secret} y`)))
      }
    })
  )

  it.live("trustauthx-58, P06: none shows anywhere, whatever the service repeats", () =>
    Effect.gen(function* () {
      const steps = yield* walk([200, 201, 204, 302, 400, 401, 403, 404, 418, 422, 429, 500, 503])
      const { faults, handler } = steps
      const { client, requests } = yield* HttpMemory.make({
        origin: "https://api.trustauthx.com",
        handler,
        faults
      })
      const services = yield* build(options, client)
      yield* check(yield* everything(services, steps))
      // They were sent, all the same.
      const sent = (yield* requests).map(said).join(" ")
      for (const { secret } of [code, access, refresh, signedKey]) assert.include(sent, secret)
      assert.notInclude(sent, secretKey.secret)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.live("trustauthx-58, P06: nor over a real connection", () =>
    Effect.gen(function* () {
      const steps = yield* walk([200, 401, 422])
      const { faults, handler } = steps
      const server = yield* HttpServer.make({ handler, faults })
      const client = yield* HttpClient.HttpClient
      const services = yield* build({ ...options, url: server.url }, client)
      yield* check(yield* everything(services, steps))
    }).pipe(Effect.provide(Layer.merge(FetchHttpClient.layer, Canary.capture)))
  )

  it.effect("P07, S06: every secret parameter is masked in the span of the HTTP client", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const faults = yield* HttpFaults.make
      const { client } = yield* HttpMemory.make({
        origin: "https://api.trustauthx.com",
        handler: () => Effect.succeed(json(500, null)),
        faults
      })
      const services = yield* build(options, tracing(client))
      for (const call of calls) {
        const traced = Effect.exit(call(services)).pipe(Effect.withTracer(tracer))
        yield* traced
        yield* faults.push(HttpFault.DropBefore())
        yield* traced
        yield* faults.clear
        // Also where the application runs it: on a fiber of its own, that is given up.
        yield* faults.push(HttpFault.Silent())
        yield* Fiber.interrupt(yield* Effect.forkChild(traced, { startImmediately: true }))
        yield* faults.clear
      }
      const queries = spans.flatMap(({ attributes }) => {
        const query = attributes.get("url.query")
        return typeof query === "string" ? [query] : []
      })
      assert.isAtLeast(queries.length, 3 * 12)
      const inClear = new Set(
        queries.flatMap((query) =>
          [...new URLSearchParams(query)].flatMap(([name, value]) =>
            value === "REDACTED" ? [] : [`${name}=${value}`]
          )
        )
      )
      assert.deepStrictEqual([...inClear].toSorted(), [
        "AccessToken=false",
        "AccessToken=true",
        "SpecificTokenOnly=false",
        "SpecificTokenOnly=true",
        "org_id=org_main"
      ])
      Canary.assertAbsent(
        canaries,
        spans.map(({ attributes }) => [...attributes])
      )
    })
  )

  it.effect("the spans name the operation, and neither account nor secret", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const trustauthx = yield* TrustAuthX
      const authority = yield* Authority
      yield* Effect.gen(function* () {
        const { session } = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
        const renewed = yield* trustauthx.refresh(session)
        yield* trustauthx.logout(renewed)
      }).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        [
          "TrustAuthX.getUser",
          "http.client GET",
          "TrustAuthX.refresh",
          "http.client GET",
          "TrustAuthX.logout",
          "http.client DELETE",
          "http.client DELETE"
        ]
      )
      for (const { attributes } of spans) assert.notInclude(JSON.stringify([...attributes]), "uid_ann")
    }).pipe(Effect.provide(TrustAuthXTest.layer()))
  )

  it.effect("no trace goes to the service", () =>
    Effect.gen(function* () {
      const { client, requests } = yield* HttpMemory.make({
        origin: "https://api.trustauthx.com",
        handler: () => Effect.succeed(json(500, null))
      })
      const services = yield* build(options, client)
      for (const call of calls) yield* Effect.exit(call(services)).pipe(Effect.withSpan("test"))
      for (const { headers } of yield* requests) {
        for (const name of ["traceparent", "b3", "referer", "authorization", "cookie"]) {
          assert.isFalse(headers.has(name), name)
        }
      }
    })
  )

  for (const status of [301, 302, 303, 307, 308]) {
    it.live(`trustauthx-57, S36: a ${status} is not followed, and nothing arrives elsewhere`, () =>
      Effect.gen(function* () {
        const elsewhere = yield* HttpServer.make({ handler: () => Effect.succeed(json(200, true)) })
        const server = yield* HttpServer.make({
          handler: ({ path, query }) =>
            Effect.succeed({
              ...json(status, null),
              headers: { location: `${elsewhere.url}${path}${query}` }
            })
        })
        const client = yield* HttpClient.HttpClient
        const services = yield* build({ ...options, url: server.url }, client)
        for (const call of calls.slice(0, 11)) {
          const error = yield* failsBecause("UnexpectedRedirect", call(services))
          Canary.assertAbsent(canaries, error)
        }
        assert.lengthOf(yield* server.requests, 11)
        assert.isEmpty(yield* elsewhere.requests)
      }).pipe(Effect.provide(FetchHttpClient.layer))
    )
  }
})
