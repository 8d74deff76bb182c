/** Real sockets, through every client that a program may give, and what those clients are told. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core"
import { json } from "@latchkey/testing/HttpHandler"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpServer from "@latchkey/testing/HttpServer"
import { Effect, Fiber, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { Synmetrix } from "../src/index.ts"
import { AuthServer, SynmetrixEmulator, SynmetrixTest } from "../src/testing.ts"
import { failsBecause } from "../../../test/support/fails.ts"
import { until } from "../../../test/support/until.ts"
import { credentials, operations } from "./support/operations.ts"
import { answering } from "./support/over.ts"
import { good, session } from "./support/tokens.ts"

const { HttpFault } = HttpFaults

const clients = [
  ["fetch", FetchHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
] as const

const at = (url: string, http: (typeof clients)[number][1]) => Layer.provide(Synmetrix.layer({ url }), http)

/** Where nobody listens any more. */
const freeUrl = Effect.scoped(
  Effect.map(HttpServer.make({ handler: answering(json(200, good)) }), ({ url }) => url)
)

for (const [name, http] of clients) {
  describe(`over ${name}`, () => {
    for (const [operation, { path, run }] of Object.entries(operations)) {
      it.live(`synmetrix-21: a closed port is ConnectionFailed, a reset one Closed, of ${operation}`, () =>
        Effect.gen(function* () {
          const nobody = yield* freeUrl
          yield* Effect.gen(function* () {
            yield* failsBecause("ConnectionFailed", run(yield* Synmetrix))
          }).pipe(Effect.provide(at(nobody, http)))
          yield* Effect.gen(function* () {
            const server = yield* AuthServer
            yield* server.faults.push(HttpFault.DropBefore(), { path })
            yield* failsBecause("Closed", run(yield* Synmetrix))
            assert.strictEqual((yield* server.requests).length, 1)
          }).pipe(Effect.provide(SynmetrixEmulator.layer({ http })))
        })
      )

      it.live(
        `synmetrix-19: S36: a redirect is not followed, and nothing arrives there, of ${operation}`,
        () =>
          Effect.gen(function* () {
            const elsewhere = yield* HttpServer.make({ handler: answering(json(200, good)) })
            yield* Effect.gen(function* () {
              const synmetrix = yield* Synmetrix
              const server = yield* AuthServer
              for (const status of [301, 302, 307, 308]) {
                const location = `${elsewhere.url}${path}?refresh_token=s3cret`
                yield* server.faults.push(HttpFault.Redirect({ location, status }), { path })
                const error = yield* failsBecause("UnexpectedRedirect", run(synmetrix))
                assert.isFalse(error.isRetryable)
                // Of the target only the origin is told.
                assert.include(error.message, elsewhere.url)
                assert.notInclude(JSON.stringify(error), "s3cret")
              }
              assert.strictEqual((yield* server.requests).length, 4)
            }).pipe(Effect.provide(SynmetrixEmulator.layer({ http })))
            assert.deepStrictEqual(yield* elsewhere.requests, [])
          })
      )
    }

    it.live("synmetrix-20: an answer that takes too long is TimedOut, and its request is given up", () =>
      Effect.gen(function* () {
        const synmetrix = yield* Synmetrix
        const server = yield* AuthServer
        yield* server.faults.push(HttpFault.Delay({ duration: "10 minutes" }))
        yield* failsBecause("TimedOut", synmetrix.login(credentials, { timeout: "300 millis" }))
        yield* until(Effect.map(server.cancelled, (cancelled) => cancelled === 1))
      }).pipe(Effect.provide(SynmetrixEmulator.layer({ http })))
    )

    it.live("no body is left unread: connections end with the answer, or go on", () =>
      Effect.gen(function* () {
        const synmetrix = yield* Synmetrix
        const { server } = yield* SynmetrixEmulator
        for (let index = 0; index < 20; index++)
          yield* Effect.exit(synmetrix.login({ ...credentials, email: "x" }))
        yield* Effect.scoped(Effect.exit(synmetrix.login(credentials)))
        yield* until(Effect.map(server.connections, (open) => open <= 1))
      }).pipe(Effect.provide(SynmetrixEmulator.layer({ http })))
    )
  })
}

describe("the time limit", () => {
  for (const [operation, { path, run }] of Object.entries(operations)) {
    it.effect(`synmetrix-20: is 30 s unless told, of ${operation}`, () =>
      Effect.gen(function* () {
        const synmetrix = yield* Synmetrix
        const server = yield* AuthServer
        yield* server.faults.push(HttpFault.Silent(), { path })
        const fiber = yield* Effect.forkChild(run(synmetrix), { startImmediately: true })
        yield* TestClock.adjust(29_999)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        const error = yield* failsBecause("TimedOut", Fiber.join(fiber))
        assert.isTrue(error.isRetryable)
        assert.strictEqual(yield* server.cancelled, 1)
      }).pipe(Effect.provide(SynmetrixTest.layer()))
    )
  }

  it.effect("synmetrix-20: is that of the call before that of the client, for both requests together", () =>
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      for (const [call, limit] of [
        [undefined, 5000],
        [{ timeout: "7 seconds" }, 7000]
      ] as const) {
        yield* server.faults.push(HttpFault.Delay({ duration: "4 seconds" }), { times: 2 })
        const sending = synmetrix.sendMagicLink("ada@example.com", call)
        const fiber = yield* Effect.forkChild(sending, { startImmediately: true })
        yield* TestClock.adjust(limit - 1)
        assert.isUndefined(fiber.pollUnsafe())
        assert.strictEqual(yield* server.faults.pending, 0)
        yield* TestClock.adjust(1)
        yield* failsBecause("TimedOut", Fiber.join(fiber))
      }
    }).pipe(Effect.provide(SynmetrixTest.layer({ client: { timeout: "5 seconds" } })))
  )
})

describe("what fetch is told", () => {
  for (const [cookie, expected] of [
    [false, "omit"],
    [true, "include"]
  ] as const) {
    it.live(`with cookie ${cookie}: cookies are ${expected}, no redirect, no referrer, nothing stored`, () =>
      Effect.gen(function* () {
        const seen: Array<readonly [string, RequestInit | undefined]> = []
        const spying: typeof globalThis.fetch = (input, init) => {
          seen.push([input instanceof Request ? input.url : String(input), init])
          return globalThis.fetch(input, init)
        }
        const http = Layer.merge(
          FetchHttpClient.layer,
          Layer.succeed(FetchHttpClient.RequestInit, {
            credentials: "same-origin",
            redirect: "follow",
            keepalive: true
          })
        )
        const server = yield* HttpServer.make({ handler: answering(json(200, good)) })
        yield* Effect.gen(function* () {
          const synmetrix = yield* Synmetrix
          for (const { run } of Object.values(operations)) yield* Effect.result(run(synmetrix))
          // One whose refresh token is in a cookie, if anywhere.
          const { refreshToken: _, ...bare } = session({}, synmetrix.instance)
          const held = new Session(bare)
          yield* Effect.result(synmetrix.refresh(held))
          yield* Effect.result(synmetrix.logout(held))
          yield* Effect.result(synmetrix.revoke(held))
        }).pipe(
          Effect.provide(Layer.provide(Synmetrix.layer({ url: server.url, cookie }), http)),
          Effect.provideService(FetchHttpClient.Fetch, spying)
        )
        assert.isAtLeast(seen.length, Object.keys(operations).length)
        for (const [url, init] of seen) {
          const { cache, credentials, keepalive, redirect, referrerPolicy } = init ?? {}
          assert.deepStrictEqual(
            [cache, keepalive, redirect, referrerPolicy],
            ["no-store", true, "manual", "no-referrer"]
          )
          // A token in the query would count for nothing beside a cookie.
          if (url.includes("refresh_token=")) assert.strictEqual(credentials, "omit", url)
        }
        assert.strictEqual(seen[0]?.[1]?.credentials, expected)
        assert.strictEqual(seen[1]?.[1]?.credentials, expected)
        const byCookie = seen.slice(-3).map(([url, init]) => [new URL(url).pathname, init?.credentials])
        const paths = ["/auth/token/refresh", "/auth/logout", "/auth/logout"]
        if (cookie)
          assert.deepStrictEqual(
            byCookie,
            paths.map((path) => [path, "include"])
          )
        // Magic links: never.
        assert.strictEqual(seen[3]?.[1]?.credentials, "omit")
      })
    )
  }
})
