/** Every way to fail, on every operation. */
import { assert, describe, it } from "@effect/vitest"
import type { AuthError } from "@latchkey/core"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { json } from "@latchkey/testing/HttpHandler"
import { Effect, Fiber, Layer, Predicate, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { TrustAuthX, TrustAuthXRoles } from "../src/index.ts"
import { Authority, TrustAuthXEmulator, TrustAuthXTest } from "../src/testing.ts"
import { type Operation, operations, type Sent } from "./support/operations.ts"
import { over } from "./support/over.ts"
import { failsBecause } from "../../../test/support/fails.ts"
import { until } from "../../../test/support/until.ts"

const { HttpFault } = HttpFaults

type Expected = string | { readonly [S in Sent]: string }

const all = (tag: string, check = tag): Expected => ({
  code: tag,
  refresh: tag,
  token: tag,
  application: tag,
  check
})

const refused: Expected = {
  code: "InvalidToken",
  refresh: "SessionExpired",
  token: "InvalidToken",
  application: "PermissionDenied",
  check: "false"
}

const html = (status: number) => HttpFault.Html({ status })

const status = (code: number) => HttpFault.Status({ status: code })

const redirect = (code: number) =>
  HttpFault.Redirect({ location: "https://elsewhere.invalid/", status: code })

const faults: ReadonlyArray<readonly [name: string, fault: HttpFaults.HttpFault, expected: Expected]> = [
  ["a connection cut before the request is heard", HttpFault.DropBefore(), "Closed"],
  ["a connection cut after the change is made", HttpFault.DropAfter(), "Closed"],
  ["a reset in the middle of the body", HttpFault.ResetBody(), "Closed"],
  ["no answer at all", HttpFault.Silent(), "TimedOut"],
  ["an answer that comes too late", HttpFault.Delay({ duration: "31 seconds" }), "TimedOut"],
  ["301", redirect(301), "UnexpectedRedirect"],
  ["302", redirect(302), "UnexpectedRedirect"],
  ["307", redirect(307), "UnexpectedRedirect"],
  ["308", redirect(308), "UnexpectedRedirect"],
  ["304", status(304), "UnexpectedRedirect"],
  [
    "400",
    status(400),
    {
      code: "InvalidToken",
      refresh: "SessionExpired",
      token: "InvalidRequest",
      application: "InvalidRequest",
      check: "false"
    }
  ],
  ["401", status(401), refused],
  ["403", status(403), refused],
  ["405", status(405), all("NotImplemented", "false")],
  ["408", status(408), "TimedOut"],
  ["418", status(418), all("InvalidResponse", "false")],
  ["422", status(422), all("InvalidRequest", "false")],
  ["429", HttpFault.Status({ status: 429, headers: { "retry-after": "9" } }), "RateLimited"],
  ["500", status(500), "ServerError"],
  ["501", status(501), "ServerError"],
  ["502 in HTML", html(502), "ServerError"],
  ["503", status(503), "ServerError"],
  ["599", status(599), "ServerError"],
  ["400 in HTML", html(400), "ServerError"],
  ["401 in HTML", html(401), "ServerError"],
  ["403 in HTML", html(403), "ServerError"],
  ["404 in HTML", html(404), "ServerError"],
  ["200 in HTML", html(200), "InvalidResponse"],
  ["201", status(201), all("InvalidResponse", "false")],
  ["204", HttpFault.NoContent(), all("InvalidResponse", "false")],
  ["an empty body", status(200), "InvalidResponse"],
  ["truncated JSON", HttpFault.Truncated(), "InvalidResponse"],
  ["a wrong content type", HttpFault.ContentType({ contentType: "text/plain" }), "InvalidResponse"]
]

/** The tag of what went wrong, or the answer. */
const outcome = <R>(call: Effect.Effect<unknown, AuthError, R>) =>
  Effect.match(call, {
    onFailure: (error) => (error._tag === "TransportError" ? error.reason._tag : error._tag),
    onSuccess: (value) => (typeof value === "boolean" ? String(value) : "answered")
  })

const run = (operation: Operation) =>
  Effect.gen(function* () {
    return yield* operation.run({ trustauthx: yield* TrustAuthX, roles: yield* TrustAuthXRoles })
  })

const expectedOf = (expected: Expected, { sent }: Operation): string =>
  typeof expected === "string" ? expected : expected[sent]

/** What an operation makes of a body that is not what it should be. */
const madeOf = (body: unknown, { anyJson, maxBytes, missing, path, sent }: Operation): string => {
  if (anyJson === true) return "true"
  if (Array.isArray(body)) return body.length === 0 && maxBytes !== undefined ? "answered" : "InvalidResponse"
  // What this answer holds is not settled.
  if (missing === "uid" && sent === "application")
    return Predicate.isObject(body) ? "answered" : "InvalidResponse"
  const isJwt = sent === "code" || path === "/api/user/me/data"
  return isJwt && typeof body === "string" ? "InvalidToken" : "InvalidResponse"
}

describe("every fault, on every operation", () => {
  for (const [name, fault, expected] of faults) {
    it.effect(name, () =>
      Effect.gen(function* () {
        for (const operation of operations) {
          yield* Effect.gen(function* () {
            const { faults } = yield* Authority
            yield* faults.push(fault, { path: operation.path })
            const fiber = yield* Effect.forkChild(outcome(run(operation)))
            yield* TestClock.adjust("30 seconds")
            const wanted = expectedOf(expected, operation)
            assert.strictEqual(yield* Fiber.join(fiber), wanted, operation.name)
            assert.strictEqual(yield* faults.pending, 0, operation.name)
          }).pipe(Effect.provide(Layer.fresh(TrustAuthXTest.layer())))
        }
      })
    )
  }

  it.effect("trustauthx-21: at-slow is an error once the time limit is over, and not before", () =>
    Effect.gen(function* () {
      const trustauthx = yield* TrustAuthX
      const check = trustauthx.validateAccessToken(Redacted.make("at-slow"))
      const fiber = yield* Effect.forkChild(Effect.exit(check))
      yield* TestClock.adjust(4999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* failsBecause("TimedOut", Effect.flatten(Fiber.join(fiber)))
    }).pipe(Effect.provide(TrustAuthXTest.layer({ client: { timeout: "5 seconds" } })))
  )

  it.effect("404 names what is not there", () =>
    Effect.gen(function* () {
      for (const operation of operations) {
        yield* Effect.gen(function* () {
          const { faults } = yield* Authority
          yield* faults.push(status(404), { path: operation.path })
          const result = yield* Effect.result(run(operation))
          const error = result._tag === "Failure" ? result.failure : undefined
          if (operation.missing !== undefined) {
            assert.strictEqual(
              error?._tag === "InvalidRequest" ? error.field : error?._tag,
              operation.missing,
              operation.name
            )
          } else if (operation.sent === "check") assert.isUndefined(error)
          else
            assert.strictEqual(
              error?._tag === "TransportError" ? error.reason._tag : error?._tag,
              "NotImplemented"
            )
        }).pipe(Effect.provide(Layer.fresh(TrustAuthXTest.layer())))
      }
    })
  )

  it.effect("nobody there", () =>
    Effect.gen(function* () {
      const authority = yield* Authority
      yield* authority.setReachable(false)
      for (const operation of operations) {
        assert.strictEqual(yield* outcome(run(operation)), "ConnectionFailed", operation.name)
      }
    }).pipe(Effect.provide(TrustAuthXTest.layer()))
  )

  it.effect("an oversized body", () =>
    Effect.gen(function* () {
      for (const operation of operations) {
        const { maxBytes = 1024 * 1024, name, path } = operation
        // The lists of roles are large: one of them is enough.
        if (name === "query") continue
        yield* Effect.gen(function* () {
          const { faults } = yield* Authority
          yield* faults.push(HttpFault.Oversized({ bytes: maxBytes + 1 }), { path })
          assert.strictEqual(yield* outcome(run(operation)), "MessageTooLarge", name)
        }).pipe(Effect.provide(Layer.fresh(TrustAuthXTest.layer())))
      }
    })
  )

  for (const body of [null, {}, [], "", 0, [null], { uid: 1 }, { access_token: "" }, { access_token: 1 }]) {
    it.effect(`members that are missing: ${JSON.stringify(body)}`, () =>
      Effect.gen(function* () {
        for (const operation of operations) {
          const { path } = operation
          const { roles, trustauthx } = yield* over((request) =>
            Effect.succeed(request.path === path ? json(200, body) : json(401, null))
          )
          const result = yield* outcome(operation.run({ roles, trustauthx }))
          assert.strictEqual(result, madeOf(body, operation), operation.name)
        }
      })
    )
  }
})

describe("over a real connection", () => {
  for (const [name, fault, expected, client] of [
    ["a reset in the middle of the body", HttpFault.ResetBody(), "Closed", {}],
    ["a connection cut before the request is heard", HttpFault.DropBefore(), "Closed", {}],
    ["a redirect", redirect(307), "UnexpectedRedirect", {}],
    ["no answer at all", HttpFault.Silent(), "TimedOut", { timeout: "200 millis" }]
  ] as const) {
    it.live(name, () =>
      Effect.gen(function* () {
        for (const operation of operations) {
          yield* Effect.gen(function* () {
            const { faults } = yield* Authority
            yield* faults.push(fault, { path: operation.path })
            assert.strictEqual(yield* outcome(run(operation)), expected, operation.name)
          }).pipe(Effect.provide(Layer.fresh(TrustAuthXEmulator.layer({ client }))))
        }
      })
    )
  }

  it.live("trustauthx-21: a slow answer is TimedOut, and the request is given up", () =>
    Effect.gen(function* () {
      const trustauthx = yield* TrustAuthX
      const authority = yield* Authority
      yield* failsBecause("TimedOut", trustauthx.validateAccessToken(Redacted.make("at-slow")))
      yield* until(Effect.map(authority.cancelled, (count) => count === 1))
    }).pipe(Effect.provide(TrustAuthXEmulator.layer({ client: { timeout: "1 second" } })))
  )
})
