/** Everything that can happen to a request, on every operation: what it is called, and what it leaves alone. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { type AuthError, SessionRef, SessionStore } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { Duration, Effect, Fiber, Layer, Option, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { Synmetrix } from "../src/index.ts"
import { AuthServer, SynmetrixEmulator, SynmetrixTest } from "../src/testing.ts"
import { until } from "../../../test/support/until.ts"

const { HttpFault } = HttpFaults

type Service = Synmetrix["Service"]

const password = Redacted.make("correct-horse")
const ada = { email: "ada@example.com", password }
const mfa = { email: "mfa@example.com", password }

const LIMIT = 30_000

/** What a fault is for an operation that is answered by JSON, and for one that is answered by nothing. */
interface Row {
  readonly fault: HttpFaults.HttpFault | "Unreachable"
  readonly json: string
  readonly none: string
}

const both = (fault: Row["fault"], expected: string): Row => ({ fault, json: expected, none: expected })

const onlyJson = (fault: Row["fault"], expected: string): Row => ({ fault, json: expected, none: "Success" })

const LOCATION = "https://elsewhere.example.com/auth/login?refresh_token=s3cret"

const rows: Readonly<Record<string, Row>> = {
  "nobody there": both("Unreachable", "ConnectionFailed"),
  "cut before": both(HttpFault.DropBefore(), "Closed"),
  "cut after": both(HttpFault.DropAfter(), "Closed"),
  "reset in the body": onlyJson(HttpFault.ResetBody(), "Closed"),
  silence: both(HttpFault.Silent(), "TimedOut"),
  "too slow": both(HttpFault.Delay({ duration: Duration.millis(LIMIT + 1) }), "TimedOut"),
  ...Object.fromEntries(
    [301, 302, 303, 307, 308].map((status) => [
      `redirect by ${status}`,
      both(HttpFault.Redirect({ location: LOCATION, status }), "UnexpectedRedirect")
    ])
  ),
  "400 by a proxy": both(HttpFault.Html({ status: 400 }), "InvalidResponse"),
  "401 by a proxy": both(HttpFault.Html({ status: 401 }), "PermissionDenied"),
  "403 by a proxy": both(HttpFault.Html({ status: 403 }), "PermissionDenied"),
  "404 by a proxy": both(HttpFault.Html({ status: 404 }), "NotImplemented"),
  "405 by a proxy": both(HttpFault.Html({ status: 405 }), "NotImplemented"),
  "413 by a proxy": both(HttpFault.Html({ status: 413 }), "InvalidRequest"),
  "429": both(HttpFault.Status({ status: 429, headers: { "retry-after": "900" } }), "RateLimited"),
  "500": both(HttpFault.Status({ status: 500 }), "ServerError"),
  "502 in HTML": both(HttpFault.Html({ status: 502 }), "ServerError"),
  "503": both(HttpFault.Status({ status: 503 }), "ServerError"),
  "504": both(HttpFault.Status({ status: 504 }), "ServerError"),
  "200 in HTML": both(HttpFault.Html({ status: 200 }), "InvalidResponse"),
  "204": onlyJson(HttpFault.NoContent(), "InvalidResponse"),
  "half of the answer": onlyJson(HttpFault.Truncated(), "InvalidResponse"),
  "another content type": onlyJson(HttpFault.ContentType({ contentType: "text/plain" }), "InvalidResponse"),
  "more than a mebibyte": onlyJson(HttpFault.Oversized({ bytes: 2 ** 20 + 1 }), "MessageTooLarge")
}

/** What is in the mail that was asked for, as the callback that it leads to. */
const callback = Effect.gen(function* () {
  const synmetrix = yield* Synmetrix
  const server = yield* AuthServer
  yield* synmetrix.requestMagicLink(ada.email)
  const token = new URL((yield* server.outbox).at(-1)?.link ?? "").searchParams.get("token")
  return Redacted.make(`https://app.example.com/callback?refresh_token=${token}`)
})

const signedIn = Effect.gen(function* () {
  const synmetrix = yield* Synmetrix
  return yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
})

type Run = Effect.Effect<unknown, AuthError>

/** Operations that would succeed, and the path of the request that something happens to. */
const operations: Readonly<
  Record<
    string,
    {
      readonly path: string
      readonly answers: "json" | "none"
      readonly prepare: (synmetrix: Service) => Effect.Effect<Run, AuthError, Synmetrix | AuthServer>
    }
  >
> = {
  login: {
    path: "/auth/login",
    answers: "json",
    prepare: (it) => Effect.succeed(it.login(ada))
  },
  register: {
    path: "/auth/register",
    answers: "json",
    prepare: (it) => Effect.succeed(it.register({ ...ada, email: "new@example.com" }))
  },
  submitTotp: {
    path: "/auth/mfa/totp",
    answers: "json",
    prepare: (it) =>
      Effect.map(it.login(mfa), (result) =>
        result._tag === "SecondFactorRequired"
          ? it.submitTotp({ ticket: result.ticket, code: Redacted.make("123456") })
          : assert.fail("no ticket")
      )
  },
  requestMagicLink: {
    path: "/auth/login",
    answers: "json",
    prepare: (it) => Effect.succeed(it.requestMagicLink(ada.email))
  },
  "sendMagicLink, to a new address,": {
    path: "/auth/register",
    answers: "json",
    prepare: (it) => Effect.succeed(it.sendMagicLink("new@example.com"))
  },
  "sendMagicLink, to a known address,": {
    path: "/auth/login",
    answers: "json",
    prepare: (it) => Effect.succeed(it.sendMagicLink(ada.email))
  },
  completeMagicLink: {
    path: "/auth/token/refresh",
    answers: "json",
    prepare: (it) => Effect.map(callback, (url) => it.completeMagicLink(url))
  },
  refresh: {
    path: "/auth/token/refresh",
    answers: "json",
    prepare: (it) => Effect.map(signedIn, (session) => it.refresh(session))
  },
  logout: {
    path: "/auth/logout",
    answers: "none",
    prepare: (it) => Effect.map(signedIn, (session) => it.logout(session, { all: false }))
  },
  revoke: {
    path: "/auth/logout",
    answers: "none",
    prepare: (it) => Effect.map(signedIn, (session) => it.revoke(session))
  },
  changePassword: {
    path: "/auth/change-password",
    answers: "none",
    prepare: (it) =>
      Effect.map(signedIn, (session) =>
        it.changePassword(session, { oldPassword: password, newPassword: password })
      )
  }
}

const shown = (result: Result.Result<unknown, AuthError>): string => {
  if (Result.isSuccess(result)) return "Success"
  return result.failure._tag === "TransportError" ? result.failure.reason._tag : result.failure._tag
}

/**
 * A socket that was open before may end as a request goes out, and an answer without a body may be through before its connection
 * is cut: either way it is told by the socket, and either is true.
 */
const orByChance = (fault: Row["fault"], expected: string): ReadonlyArray<string> =>
  fault === "Unreachable" || (fault._tag === "ResetBody" && expected === "Success")
    ? [expected, "Closed"]
    : [expected]

const check = (
  operation: string,
  { fault, ...expected }: Row,
  isByChance: boolean
): Effect.Effect<void, unknown, Synmetrix | AuthServer | SessionStore> =>
  Effect.gen(function* () {
    const synmetrix = yield* Synmetrix
    const server = yield* AuthServer
    const store = yield* SessionStore
    const { answers, path, prepare } = operations[operation] ?? assert.fail(operation)
    yield* server.addAccount({ ...mfa, mfa: true })
    const ref = yield* SessionRef.make(synmetrix, yield* signedIn)
    const stored = Effect.map(store.get(ref.key), (entry) =>
      Option.map(entry, ({ session }) => StoredSession.encode(session))
    )
    const before = yield* stored
    const run = yield* prepare(synmetrix)
    const count = Effect.map(
      server.requests,
      (requests) => requests.filter((request) => request.path === path).length
    )
    const earlier = yield* count
    if (fault === "Unreachable") yield* server.setReachable(false)
    else yield* server.faults.push(fault, { path })
    const fiber = yield* Effect.forkChild(Effect.result(run), { startImmediately: true })
    if (expected[answers] === "TimedOut") {
      yield* until(Effect.map(server.faults.pending, (pending) => pending === 0))
      yield* TestClock.adjust(LIMIT)
    }
    const result = yield* Fiber.join(fiber)
    const possible = isByChance ? orByChance(fault, expected[answers]) : [expected[answers]]
    assert.include(possible, shown(result))
    // Nothing is repeated, and nothing follows anybody.
    assert.strictEqual(yield* count, fault === "Unreachable" ? earlier : earlier + 1)
    if (Result.isFailure(result)) assert.notInclude(JSON.stringify(result.failure), "s3cret")
    assert.deepStrictEqual(yield* stored, before)
    assert.isTrue(Option.isSome(before))
  }).pipe(Effect.scoped)

const store = Layer.fresh(SessionStore.layerMemory)

describe("in memory", () => {
  for (const operation of Object.keys(operations)) {
    for (const [name, row] of Object.entries(rows)) {
      it.effect(`${operation} and ${name}`, () =>
        check(operation, row, false).pipe(Effect.provide(Layer.merge(SynmetrixTest.layer(), store)))
      )
    }
  }
})

for (const [client, http] of [
  ["fetch", undefined],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
] as const) {
  describe(`over ${client}`, () => {
    for (const operation of Object.keys(operations)) {
      // On the test clock: nobody waits for a time limit, and sockets take the time that they take.
      it.effect(`${operation} and all that can happen`, () =>
        Effect.forEach(
          Object.values(rows),
          (row) =>
            check(operation, row, true).pipe(
              Effect.provide(
                Layer.merge(SynmetrixEmulator.layer(http && { http }), Layer.fresh(SessionStore.layerMemory))
              )
            ),
          { discard: true }
        )
      )
    }
  })
}

/** After these nobody can know whether the server has spent the token. */
const LOST = new Set(["Closed", "TimedOut", "MessageTooLarge"])
const isLost = (name: string, { json }: Row): boolean =>
  LOST.has(json) || name === "504" || (json === "InvalidResponse" && !name.endsWith("by a proxy"))

describe("a session that is due", () => {
  for (const [name, row] of Object.entries(rows)) {
    const { fault, json } = row
    const [outcome, later] = isLost(name, row) ? ["RefreshUncertain", "RefreshUncertain"] : [json, "Success"]
    const promise = isLost(name, row)
      ? "P42, P08: is kept, and not sent again"
      : "P08: is kept, and renewed when it can be"
    it.effect(`${promise}: ${name}`, () =>
      Effect.gen(function* () {
        const synmetrix = yield* Synmetrix
        const server = yield* AuthServer
        const store = yield* SessionStore
        const ref = yield* SessionRef.make(synmetrix, yield* signedIn)
        const stored = Effect.map(store.get(ref.key), (entry) =>
          Option.map(entry, ({ session }) => StoredSession.encode(session))
        )
        const before = yield* stored
        yield* TestClock.adjust(Duration.minutes(10_800))
        if (fault === "Unreachable") yield* server.setReachable(false)
        else yield* server.faults.push(fault, { path: "/auth/token/refresh" })
        const fiber = yield* Effect.forkChild(Effect.result(ref.get), { startImmediately: true })
        if (json === "TimedOut") {
          yield* until(Effect.map(server.faults.pending, (pending) => pending === 0))
          yield* TestClock.adjust(LIMIT)
        }
        assert.strictEqual(shown(yield* Fiber.join(fiber)), outcome)
        assert.deepStrictEqual(yield* stored, before)
        yield* server.setReachable(true)
        const sent = (yield* server.requests).length
        yield* TestClock.adjust("20 minutes")
        assert.strictEqual(shown(yield* Effect.result(ref.get)), later)
        assert.strictEqual((yield* server.requests).length - sent, later === "Success" ? 1 : 0)
        yield* ref.adopt(yield* signedIn)
        yield* ref.get
      }).pipe(Effect.provide(Layer.merge(SynmetrixTest.layer(), Layer.fresh(SessionStore.layerMemory))))
    )
  }
})
