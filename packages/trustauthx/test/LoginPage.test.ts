/** The hosted pages of the emulator, walked as a browser without scripts would. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { TrustAuthX } from "../src/index.ts"
import { Authority, TrustAuthXEmulator } from "../src/testing.ts"
import { signed } from "../src/testing/internal/signed.ts"
import { fails } from "../../../test/support/fails.ts"

const browse = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const response = yield* client.execute(request)
    return { status: response.status, headers: response.headers, page: yield* response.text }
  }).pipe(
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    Effect.provide(FetchHttpClient.layer)
  )

const post = (url: string, email: string, password: string) =>
  browse(HttpClientRequest.post(url).pipe(HttpClientRequest.bodyUrlParams({ email, password })))

const callback = "https://app.example.com/callback?tenant=a%20b"

const layer = TrustAuthXEmulator.layer({ callback })

describe("the login page", () => {
  it.live("a wrong password shows it again, the right one leads back with a code that is good once", () =>
    Effect.gen(function* () {
      const trustauthx = yield* TrustAuthX
      const url = yield* trustauthx.generateUrl()
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/widget\/login\/\?org_id=org_main$/)
      const shown = yield* browse(HttpClientRequest.get(url))
      assert.strictEqual(shown.status, 200)
      assert.match(shown.headers["content-type"] ?? "", /^text\/html/)
      for (const part of [
        'for="email"',
        'for="password"',
        'type="submit"',
        'type="password"',
        'method="post"',
        "?org_id=org_main"
      ]) {
        assert.include(shown.page, part)
      }
      assert.notInclude(shown.page, "<script")
      assert.notInclude(shown.page, 'role="alert"')

      const wrong = yield* post(url, "ann+test@example.com", "wrong-horse")
      assert.strictEqual(wrong.status, 401)
      assert.include(wrong.page, 'role="alert"')
      assert.include(wrong.page, 'value="ann+test@example.com"')
      assert.notInclude(wrong.page, "wrong-horse")
      assert.strictEqual((yield* post(url, "nobody@example.com", "correct-horse")).status, 401)

      const right = yield* post(url, "ann+test@example.com", "correct-horse")
      assert.strictEqual(right.status, 303)
      assert.strictEqual(right.headers["referrer-policy"], "no-referrer")
      assert.strictEqual((yield* browse(HttpClientRequest.put(url))).status, 405)
      const back = new URL(right.headers["location"] ?? "")
      assert.strictEqual(`${back.origin}${back.pathname}`, "https://app.example.com/callback")
      assert.strictEqual(back.searchParams.get("tenant"), "a b")
      const code = Redacted.make(back.searchParams.get("code") ?? "")
      assert.strictEqual((yield* trustauthx.getUser(code)).uid, "uid_ann")
      yield* fails("InvalidToken", trustauthx.getUser(code))
    }).pipe(Effect.provide(layer))
  )

  it.live("an organization that there is not has none", () =>
    Effect.gen(function* () {
      const trustauthx = yield* TrustAuthX
      const url = yield* trustauthx.generateUrl({ orgId: "org_nowhere" })
      assert.strictEqual((yield* browse(HttpClientRequest.get(url))).status, 404)
      assert.strictEqual((yield* post(url, "ann+test@example.com", "correct-horse")).status, 404)
    }).pipe(Effect.provide(layer))
  )

  it.live("what was typed in is shown as text", () =>
    Effect.gen(function* () {
      const trustauthx = yield* TrustAuthX
      const url = yield* trustauthx.generateUrl()
      const { page } = yield* post(url, `"><script>alert('&')</script>`, "x")
      assert.include(page, "&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;")
      assert.notInclude(page, "<script")
    }).pipe(Effect.provide(layer))
  )

  it.live("it serves the users of the test, and leads where the test wants", () =>
    Effect.gen(function* () {
      const trustauthx = yield* TrustAuthX
      const authority = yield* Authority
      const password = Redacted.make("pä ss&=+")
      yield* authority.addUser({ uid: "uid_bob", email: "bob@example.com", password, scope: ["reports"] })
      yield* authority.setCallback("http://localhost:1234/back")
      assert.isTrue(Exit.hasDies(yield* Effect.exit(authority.setCallback("/back"))))
      const { headers, status } = yield* post(yield* trustauthx.generateUrl(), "bob@example.com", "pä ss&=+")
      assert.strictEqual(status, 303)
      const back = new URL(headers["location"] ?? "")
      assert.strictEqual(back.origin, "http://localhost:1234")
      const user = yield* trustauthx.getUser(Redacted.make(back.searchParams.get("code") ?? ""))
      assert.deepStrictEqual([user.uid, user.email, user.name], ["uid_bob", "bob@example.com", null])
      assert.deepStrictEqual(user.scope, ["reports"])
      yield* authority.removeUser("uid_bob")
      assert.isFalse(yield* trustauthx.validateAccessToken(user.accessToken))
      const gone = yield* post(yield* trustauthx.generateUrl(), "bob@example.com", "pä ss&=+")
      assert.strictEqual(gone.status, 401)
    }).pipe(Effect.provide(layer))
  )
})

describe("the page for settings", () => {
  it.live(
    "trustauthx-06: comes back with a code that reAuth takes, or with none where nothing was changed",
    () =>
      Effect.gen(function* () {
        const trustauthx = yield* TrustAuthX
        const authority = yield* Authority
        const { accessToken } = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
        const url = "https://app.example.com/back?next=%2Fa&x=1"
        const address = yield* trustauthx.generateEditUserUrl({ accessToken, url })
        const visit = Effect.suspend(() => browse(HttpClientRequest.get(Redacted.value(address))))
        const edited = yield* visit
        assert.strictEqual(edited.status, 303)
        const back = new URL(edited.headers["location"] ?? "")
        assert.deepStrictEqual([...back.searchParams.keys()], ["next", "x", "code", "ac"])
        assert.strictEqual(back.searchParams.get("next"), "/a")
        assert.strictEqual(back.searchParams.get("ac"), "true")
        const user = yield* trustauthx.reAuth(Redacted.make(back.searchParams.get("code") ?? ""))
        assert.strictEqual(user.uid, "uid_ann")

        yield* authority.setEdits(false)
        const left = new URL((yield* visit).headers["location"] ?? "")
        assert.deepStrictEqual([...left.searchParams.entries()].slice(2), [["ac", "false"]])

        const nowhere = new URL(Redacted.value(address))
        nowhere.searchParams.set("url", "/back")
        assert.strictEqual((yield* browse(HttpClientRequest.get(nowhere))).status, 422)

        yield* authority.revokeTokens("uid_ann")
        assert.strictEqual((yield* visit).status, 401)
      }).pipe(Effect.provide(layer))
  )
})

describe("the emulator", () => {
  it.live("takes no key that was signed for another application, and no session of another user", () =>
    Effect.gen(function* () {
      const { url } = yield* TrustAuthXEmulator
      const authority = yield* Authority
      const trustauthx = yield* TrustAuthX
      const statusOf = (apiKey: string) => {
        const query = new URLSearchParams({
          AccessToken: "at-valid",
          api_key: "ak_main",
          signed_key: signed({ api_key: apiKey }, "sk_main_0123456789abcdef")
        })
        const check = browse(
          HttpClientRequest.get(`${url}/api/user/me/auth/validate/token?${query.toString()}`)
        )
        return Effect.map(check, ({ status }) => status)
      }
      assert.deepStrictEqual([yield* statusOf("ak_main"), yield* statusOf("ak_two")], [200, 401])
      const signOff = yield* trustauthx.getUser(yield* authority.signIn("uid_zoe"))
      const rolIds = "rol_edt_0000000000000002"
      yield* fails("InvalidToken", trustauthx.attachRole({ uid: "uid_ann", rolIds, signOff }))
    }).pipe(Effect.provide(layer))
  )

  it.live("redirects a path that lacks its slash, or has one too many, with all that is secret", () =>
    Effect.gen(function* () {
      const { url } = yield* TrustAuthXEmulator
      const authority = yield* Authority
      const trustauthx = yield* TrustAuthX
      yield* trustauthx.validateAccessToken(Redacted.make("at-valid"))
      const [request] = yield* authority.requests
      for (const [path, target] of [
        ["/api/user/me/access/token", "/api/user/me/access/token/"],
        ["/api/user/me/data/", "/api/user/me/data"]
      ] as const) {
        const { headers, status } = yield* browse(
          HttpClientRequest.get(`${url}${path}${request?.query ?? ""}`)
        )
        assert.strictEqual(status, 307)
        assert.strictEqual(headers["location"], `${target}${request?.query}`)
      }
    }).pipe(Effect.provide(layer))
  )

  it.live("tells the number of roles on each answer, as it is told to", () =>
    Effect.gen(function* () {
      const { server, url } = yield* TrustAuthXEmulator
      const authority = yield* Authority
      const trustauthx = yield* TrustAuthX
      yield* trustauthx.validateAccessToken(Redacted.make("at-valid"))
      const keys = (yield* server.requests)[0]?.query.split("&").slice(1).join("&") ?? ""
      const edgeOf = (path: string) =>
        Effect.map(browse(HttpClientRequest.get(`${url}${path}&${keys}`)), ({ headers }) => headers["x-edge"])
      const check = "/api/user/me/auth/validate/token?AccessToken="
      const list = "/rbac/role?org_id=org_main"
      assert.deepStrictEqual([yield* edgeOf(`${check}at-valid`), yield* edgeOf(list)], ["3", undefined])
      assert.strictEqual(yield* edgeOf(`${check}at-401`), "3")
      assert.strictEqual(yield* edgeOf(`${check}at-edge99`), "99")
      yield* authority.addRole("org_main", "new", {})
      assert.strictEqual(yield* edgeOf(`${check}at-valid`), "4")
      yield* authority.setEdge("roles")
      assert.strictEqual(yield* edgeOf(list), "4")
      yield* authority.setEdge("never")
      assert.deepStrictEqual([yield* edgeOf(`${check}at-valid`), yield* edgeOf(list)], [undefined, undefined])
    }).pipe(Effect.provide(layer))
  )

  it.live("takes a refresh token that comes back for stolen: all tokens of the sign-in end", () =>
    Effect.gen(function* () {
      const authority = yield* Authority
      const trustauthx = yield* TrustAuthX
      const { refreshToken } = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
      const { accessToken } = yield* trustauthx.getAccessTokenFromRefreshToken(refreshToken)
      yield* fails("SessionExpired", trustauthx.getAccessTokenFromRefreshToken(refreshToken))
      assert.isFalse(yield* trustauthx.validateAccessToken(accessToken))
      assert.strictEqual(yield* authority.reuses, 1)
    }).pipe(Effect.provide(layer))
  )
})
