/** A session in a `SessionRef`: handed out until it ends, and over then. */
import { assert, describe, it } from "@effect/vitest"
import { Sessions, SessionRef, SessionStore } from "@latchkey/core"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { DateTime, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { CryoSparc } from "../src/index.ts"
import { CryoSparcTest, Instance } from "../src/testing.ts"
import { fails } from "./support/fails.ts"

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
