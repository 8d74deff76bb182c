/** A session in a `SessionRef`: handed out until it ends, and over then. */
import { assert, describe, it } from "@effect/vitest"
import { InvalidToken, Sessions, SessionRef, SessionStore } from "@latchkey/core"
import { empty } from "@latchkey/testing/HttpHandler"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { DateTime, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { CryoSparc } from "../src/index.ts"
import { CryoSparcTest, Instance } from "../src/testing.ts"
import { fails } from "../../../test/support/fails.ts"
import { build } from "./support/over.ts"

const { HttpFault } = HttpFaults

const ada = { email: "ada@example.com", password: Redacted.make("correct-horse") }

const layer = Layer.merge(CryoSparcTest.layer(), Layer.fresh(SessionStore.layerMemory))

describe("the life of a session", () => {
  it.effect("store-33: counts from before the first request, however long the answers take", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_795_329_626_777)
      const cryosparc = yield* CryoSparc
      const instance = yield* Instance
      yield* instance.faults.push(HttpFault.Delay({ duration: "10 seconds" }), { times: 2 })
      const login = yield* Effect.forkChild(cryosparc.login({ ...ada, expiresIn: "1 hour" }), {
        startImmediately: true
      })
      yield* TestClock.adjust("20 seconds")
      const { expiresAt, issuedAt } = yield* Fiber.join(login)
      assert.deepStrictEqual(expiresAt, DateTime.makeUnsafe(1_795_333_226_000))
      assert.deepStrictEqual(issuedAt, DateTime.makeUnsafe(1_795_329_646_777))
    }).pipe(Effect.provide(CryoSparcTest.layer()))
  )
})

describe("a bearer", () => {
  for (const [url, elsewhere] of [
    ["https://h", "http://h/api/cmd/users/me"],
    ["https://h", "http://h:443/api/cmd/users/me"],
    ["https://h", "https://h:39000/api/cmd/users/me"],
    ["https://h/lab/1", "https://h/lab/2/api/cmd/users/me"],
    ["https://h/lab/1", "https://h/api/cmd/users/me"],
    ["https://h/lab/1", "/../../../2/api/cmd/users/me"],
    ["https://h/lab/1", "/%2e%2e/%2E./.%2e/2/api/cmd/users/me"],
    ["https://h/lab/1", "/..%2f..%2f2/api/cmd/users/me"],
    ["https://h/lab/1", "/..;/..;/2/api/cmd/users/me"]
  ] as const) {
    it.effect(`store-38: of ${url} does not go to ${elsewhere}`, () =>
      Effect.gen(function* () {
        const { client, requests } = yield* HttpMemory.make({
          origin: new URL(elsewhere, url).origin,
          handler: () => Effect.succeed(empty(200))
        })
        const cryosparc = yield* build({ url }, client)
        const api = cryosparc.client({ token: Effect.succeed(Redacted.make("abc")) })
        const { reason } = yield* fails("HttpClientError", api.get(elsewhere))
        assert.strictEqual(reason._tag, "InvalidUrlError")
        assert.deepStrictEqual(yield* requests, [])
      })
    )
  }
})

describe("a live session", () => {
  it.effect(
    "store-36: is handed out without a request until its last moment, and is expired from then on",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_795_329_626_777)
        const cryosparc = yield* CryoSparc
        const instance = yield* Instance
        const session = yield* cryosparc.login({ ...ada, expiresIn: "1 hour" })
        const ref = yield* SessionRef.make(cryosparc, session)
        // Cut to whole seconds.
        yield* TestClock.adjust(3_600_000 - 777 - 1)
        assert.deepStrictEqual(yield* ref.token, session.accessToken)
        yield* TestClock.adjust(1)
        const error = yield* fails("SessionExpired", ref.token)
        assert.isFalse(error.isRetryable)
        yield* fails("SessionExpired", cryosparc.client(ref).get("/users/me"))
        assert.strictEqual((yield* instance.requests).length, 2)
        // Signing in again makes it whole.
        yield* ref.adopt(yield* cryosparc.login(ada))
        assert.strictEqual((yield* cryosparc.client(ref).get("/users/me")).status, 200)
      }).pipe(Effect.provide(layer))
  )

  it.effect("is not renewed in the background, however long it lasts", () =>
    Effect.gen(function* () {
      const cryosparc = yield* CryoSparc
      const instance = yield* Instance
      const ref = yield* SessionRef.make(cryosparc, yield* cryosparc.login({ ...ada, expiresIn: "1 day" }))
      yield* ref.keepAlive
      yield* TestClock.adjust("23 hours")
      yield* ref.get
      assert.strictEqual((yield* instance.requests).length, 2)
    }).pipe(Effect.provide(layer))
  )

  for (const how of ["refused", "use"] as const) {
    it.effect(`is removed from the store by ${how}, after a 401: there is no renewal to try`, () =>
      Effect.gen(function* () {
        const cryosparc = yield* CryoSparc
        const instance = yield* Instance
        const store = yield* SessionStore
        const session = yield* cryosparc.login(ada)
        const ref = yield* SessionRef.make(cryosparc, session)
        yield* instance.revokeTokens
        assert.strictEqual((yield* cryosparc.client(ref).get("/users/me")).status, 401)
        // A 401 alone changes nothing.
        assert.strictEqual((yield* store.list).length, 1)
        const { instance: name, name: provider } = cryosparc
        const refusal = new InvalidToken({ provider, instance: name, message: "the token was refused" })
        yield* fails(
          "SessionExpired",
          how === "refused" ? ref.refused(session) : ref.use(() => Effect.fail(refusal))
        )
        assert.deepStrictEqual(yield* store.list, [])
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("is forgotten at logout; its token stays good", () =>
    Effect.gen(function* () {
      const cryosparc = yield* CryoSparc
      const session = yield* cryosparc.login(ada)
      const ref = yield* SessionRef.make(cryosparc, session)
      assert.isTrue((yield* ref.logout).forgotten)
      yield* fails("NotAuthenticated", ref.token)
      assert.strictEqual((yield* cryosparc.client(session).get("/users/me")).status, 200)
    }).pipe(Effect.provide(layer))
  )

  it.effect("store-35: a refused password keeps nothing, and is not sent twice", () =>
    Effect.gen(function* () {
      const cryosparc = yield* CryoSparc
      const instance = yield* Instance
      const sessions = yield* Sessions
      const store = yield* SessionStore
      const secret = Redacted.make("wrong-horse")
      const attempt = sessions.signIn(cryosparc, {
        account: ada.email,
        secret,
        login: cryosparc.login({ email: ada.email, password: secret })
      })
      yield* fails("InvalidLogin", attempt)
      yield* fails("InvalidLogin", attempt)
      assert.strictEqual((yield* instance.requests).length, 2)
      assert.deepStrictEqual(yield* store.list, [])
    }).pipe(Effect.provide(Layer.provideMerge(Sessions.layer, layer)))
  )
})
