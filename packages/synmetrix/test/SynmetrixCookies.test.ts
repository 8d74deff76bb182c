/** Sessions whose refresh token is in a cookie that only the HTTP client knows. */
import { assert, describe, it } from "@effect/vitest"
import { SessionRef, SessionStore } from "@latchkey/core"
import { type Cookies, FetchHttpClient, HttpClient } from "effect/http"
import { Effect, Layer, Redacted, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Synmetrix } from "../src/index.ts"
import { AuthServer, SynmetrixEmulator, SynmetrixTest } from "../src/testing.ts"
import { fails } from "../../../test/support/fails.ts"
import { bodyOf, queryOf } from "./support/sent.ts"
import { session as heldEarlier, UUID, value } from "./support/tokens.ts"

const ada = { email: "ada@example.com", password: Redacted.make("correct-horse") }

const jar = Ref.makeUnsafe<ReadonlyArray<Cookies.Cookie>>([])

const client = { cookie: true }

/** Each test begins with an empty jar. */
const withJar = SynmetrixTest.layer({ client, around: HttpClient.withCookiesRef(jar) })

const emptied = Ref.set(jar, [])

const signedIn = Effect.gen(function* () {
  yield* emptied
  const synmetrix = yield* Synmetrix
  const server = yield* AuthServer
  const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
  return { synmetrix, server, session }
})

const cookiesOf = Effect.map(Ref.get(jar), (cookies) =>
  cookies.flatMap(({ name, value }) => (name === "refresh_token" ? [value] : []))
)

describe("cookie mode", () => {
  it.effect("synmetrix-14: an answer without a refresh token is a session without one", () =>
    Effect.gen(function* () {
      const { server, session } = yield* signedIn
      assert.isUndefined(session.refreshToken)
      assert.deepStrictEqual(bodyOf((yield* server.requests)[0]), {
        email: ada.email,
        password: "correct-horse",
        cookie: true
      })
      assert.strictEqual((yield* cookiesOf).length, 1)
    }).pipe(Effect.provide(withJar))
  )

  it.effect("synmetrix-14: is renewed and ended by the cookie, which is spent as any other", () =>
    Effect.gen(function* () {
      const { server, session, synmetrix } = yield* signedIn
      const [first] = yield* cookiesOf
      const ref = yield* SessionRef.make(synmetrix, session)
      yield* TestClock.adjust("10800 minutes")
      const renewed = yield* ref.get
      assert.isUndefined(renewed.refreshToken)
      assert.deepStrictEqual(renewed.key, session.key)
      const [, request] = yield* server.requests
      assert.deepStrictEqual(queryOf(request), [])
      assert.include(request?.headers.get("cookie") ?? "", `refresh_token=${first}`)
      const [second] = yield* cookiesOf
      assert.notStrictEqual(second, first)
      assert.strictEqual(yield* server.refreshTokens, 1)
      yield* ref.logout
      assert.strictEqual(yield* server.refreshTokens, 0)
      assert.deepStrictEqual(queryOf((yield* server.requests).at(-1)), [])
      assert.deepStrictEqual(yield* cookiesOf, [])
      yield* fails("SessionExpired", synmetrix.refresh(session))
    }).pipe(Effect.provide(Layer.merge(withJar, Layer.fresh(SessionStore.layerMemory))))
  )

  it.effect("is renewed although the new access token cannot be read: the cookie is spent", () =>
    Effect.gen(function* () {
      const { server, session, synmetrix } = yield* signedIn
      yield* server.setPayload((payload) => ({ ...payload, exp: "soon" }))
      const renewed = yield* synmetrix.refresh(session)
      assert.deepStrictEqual(renewed.account, session.account)
      assert.notStrictEqual(value(renewed.accessToken), value(session.accessToken))
      yield* synmetrix.refresh(renewed)
    }).pipe(Effect.provide(withJar))
  )

  it.effect("is ended alone by revoke, by the cookie as well", () =>
    Effect.gen(function* () {
      const { server, session, synmetrix } = yield* signedIn
      const elsewhere = yield* Ref.get(jar)
      yield* emptied
      yield* synmetrix.login(ada)
      assert.strictEqual(yield* synmetrix.revoke(session), "Revoked")
      assert.deepStrictEqual(bodyOf((yield* server.requests).at(-1)), { all: false })
      assert.deepStrictEqual(yield* cookiesOf, [])
      assert.strictEqual(yield* server.refreshTokens, 1)
      yield* Ref.set(jar, elsewhere)
      yield* synmetrix.refresh(session)
    }).pipe(Effect.provide(withJar))
  )

  it.effect("register and the second factor leave it in a cookie as well", () =>
    Effect.gen(function* () {
      yield* emptied
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const result = yield* synmetrix.register({ ...ada, email: "new@example.com" })
      assert.isTrue(result._tag === "SignedIn" && result.session.refreshToken === undefined)
      yield* server.addAccount({ ...ada, email: "mfa@example.com", mfa: true })
      const step = yield* synmetrix.login({ ...ada, email: "mfa@example.com" })
      if (step._tag !== "SecondFactorRequired") return assert.fail(step._tag)
      const session = yield* synmetrix.submitTotp({ ticket: step.ticket, code: Redacted.make("123456") })
      assert.isUndefined(session.refreshToken)
      yield* synmetrix.refresh(session)
    }).pipe(Effect.provide(withJar))
  )

  it.effect("synmetrix-35: no cookie is kept of a magic link that was asked for", () =>
    Effect.gen(function* () {
      yield* emptied
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      yield* synmetrix.requestMagicLink(ada.email)
      const created = yield* synmetrix.sendMagicLink("new@example.com")
      yield* synmetrix.sendMagicLink("new@example.com")
      assert.deepStrictEqual(yield* Ref.get(jar), [])
      for (const request of yield* server.requests) assert.deepInclude(bodyOf(request), { cookie: false })
      // What came in the body is renewed by what came in the body.
      if (created._tag !== "SignedIn") return assert.fail(created._tag)
      const renewed = yield* synmetrix.refresh(created.session)
      assert.notStrictEqual(value(renewed.refreshToken), value(created.session.refreshToken))
    }).pipe(Effect.provide(withJar))
  )

  it.effect("a link that a cookie would stand in for is not taken for completed", () =>
    Effect.gen(function* () {
      const { server, synmetrix } = yield* signedIn
      yield* server.addAccount({ ...ada, email: "eve@example.com" })
      yield* synmetrix.requestMagicLink("eve@example.com")
      const token = new URL((yield* server.outbox)[0]?.link ?? "").searchParams.get("token")
      const callback = Redacted.make(`/callback?refresh_token=${token}`)
      yield* fails("InvalidResponse", synmetrix.completeMagicLink(callback))
    }).pipe(Effect.provide(withJar))
  )

  it.effect("a token that is held is not forgotten because a cookie was believed", () =>
    Effect.gen(function* () {
      const { session, synmetrix } = yield* signedIn
      const held = heldEarlier({ account: session.account })
      const renewed = yield* synmetrix.refresh(held)
      assert.strictEqual(value(renewed.refreshToken), UUID)
    }).pipe(Effect.provide(withJar))
  )

  it.live("works over a real connection, with both cookies of the server", () =>
    Effect.gen(function* () {
      const { session, synmetrix } = yield* signedIn
      const names = (yield* Ref.get(jar)).map(({ name }) => name)
      assert.deepStrictEqual(names.toSorted(), ["permission_variables", "refresh_token"])
      const renewed = yield* synmetrix.refresh(session)
      assert.isUndefined(renewed.refreshToken)
      assert.strictEqual(yield* synmetrix.logout(renewed), "Revoked")
      assert.deepStrictEqual(yield* cookiesOf, [])
    }).pipe(
      Effect.provide(
        SynmetrixEmulator.layer({
          client,
          http: Layer.effect(
            HttpClient.HttpClient,
            Effect.map(HttpClient.HttpClient, HttpClient.withCookiesRef(jar))
          ).pipe(Layer.provide(FetchHttpClient.layer))
        })
      )
    )
  )
})
