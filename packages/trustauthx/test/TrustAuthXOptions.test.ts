import { assert, describe, it } from "@effect/vitest"
import type { AuthError } from "@latchkey/core"
import { Canary } from "@latchkey/testing"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { json } from "@latchkey/testing/HttpHandler"
import { Config, ConfigProvider, Effect, Layer, Redacted } from "effect"
import { HttpClient } from "effect/http"
import { type Options, TrustAuthX, TrustAuthXRoles } from "../src/index.ts"
import { fails } from "../../../test/support/fails.ts"
import { over, sample } from "./support/over.ts"
import { query } from "./support/query.ts"

const secret = (text: string) => Redacted.make(text)

const built = (options: Partial<Options>) =>
  Effect.map(
    over(() => Effect.succeed(json(200, true)), options),
    ({ trustauthx }) => trustauthx
  )

describe("options", () => {
  it.effect("trustauthx-01, S37: the signed key is the vector of the contract, and the same each time", () =>
    Effect.gen(function* () {
      const { requests, trustauthx } = yield* over(() => Effect.succeed(json(200, true)), {
        apiKey: "key",
        secretKey: secret("secret")
      })
      yield* trustauthx.validateAccessToken(secret("at"))
      yield* trustauthx.revokeToken({ accessToken: secret("at") })
      for (const request of yield* requests) {
        const sent = new Map(query(request))
        assert.strictEqual(sent.get("api_key"), "key")
        assert.strictEqual(
          sent.get("signed_key"),
          "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcGlfa2V5Ijoia2V5In0.mijmjtVWb89KpG9yOQGMwMwF-UPUZtzClQDdXQBskKM"
        )
      }
      assert.lengthOf(yield* requests, 2)
    })
  )

  for (const [field, options] of [
    ["apiKey", { apiKey: "" }],
    ["apiKey", { apiKey: "\ud800" }],
    ["secretKey", { secretKey: secret("") }],
    ["secretKey", { secretKey: secret("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----") }]
  ] as const) {
    it.effect(`trustauthx-02: ${JSON.stringify(options)} is no key`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* fails("InvalidRequest", built(options))).field, field)
      })
    )
  }

  for (const [field, options] of [
    ["orgId", { orgId: "" }],
    ["url", { url: "api.trustauthx.com" }],
    ["url", { url: "http://api.trustauthx.com" }],
    ["url", { url: "https://user:password@api.trustauthx.com" }],
    ["hostedUrl", { hostedUrl: "https://app.trustauthx.com/?org_id=1" }],
    ["hostedUrl", { hostedUrl: "http://app.trustauthx.com" }],
    ["timeout", { timeout: 0 }],
    ["timeout", { timeout: Infinity }],
    ["leeway", { leeway: -1 }],
    ["leeway", { leeway: Infinity }]
  ] as const) {
    it.effect(`${JSON.stringify(options)} cannot work`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* fails("InvalidRequest", built(options))).field, field)
      })
    )
  }

  it.effect("trustauthx-03: building asks nobody, also without an organization, and where nothing is", () =>
    Effect.gen(function* () {
      const memory = yield* HttpMemory.make({
        origin: "https://api.trustauthx.com",
        handler: () => Effect.succeed(json(500, null))
      })
      yield* memory.setListening(false)
      const { orgId: _, ...options } = sample
      yield* Layer.build(
        TrustAuthX.layer(options).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, memory.client)))
      )
      assert.isEmpty(yield* memory.requests)
    })
  )

  it.effect("two applications, and two addresses, are two instances", () =>
    Effect.gen(function* () {
      const main = yield* built({})
      const other = yield* built({ apiKey: "ak_two" })
      const elsewhere = yield* built({ url: "https://api.eu.trustauthx.com/v1/" })
      assert.strictEqual(main.instance, "https://api.trustauthx.com#ak_main")
      assert.strictEqual(other.instance, "https://api.trustauthx.com#ak_two")
      assert.strictEqual(elsewhere.instance, "https://api.eu.trustauthx.com/v1#ak_main")
      assert.deepStrictEqual([main.name, main.rotates], ["trustauthx", true])
    })
  )

  it.effect("the same options come from a Config", () =>
    Effect.gen(function* () {
      const layer = TrustAuthX.layerConfig({
        apiKey: Config.String("API_KEY"),
        secretKey: Config.Redacted("API_SECRET"),
        orgId: Config.String("ORG_ID")
      }).pipe(
        Layer.provide(
          Layer.succeed(
            HttpClient.HttpClient,
            HttpClient.make(() => Effect.never)
          )
        )
      )
      const env = { API_KEY: "ak", API_SECRET: "sk", ORG_ID: "org" }
      const given = ConfigProvider.layer(ConfigProvider.fromUnknown(env))
      yield* Effect.gen(function* () {
        yield* TrustAuthXRoles
        const trustauthx = yield* TrustAuthX
        assert.strictEqual(trustauthx.instance, "https://api.trustauthx.com#ak")
        assert.strictEqual(
          yield* trustauthx.generateUrl(),
          "https://app.trustauthx.com/widget/login/?org_id=org"
        )
      }).pipe(Effect.provide(layer.pipe(Layer.provide(given))))
      const none = ConfigProvider.layer(ConfigProvider.fromUnknown({}))
      yield* fails("ConfigError", Layer.build(layer.pipe(Layer.provide(none))))
    })
  )
})

describe("the addresses of pages", () => {
  it.effect("trustauthx-04: the login page is that of an organization", () =>
    Effect.gen(function* () {
      const trustauthx = yield* built({ orgId: "org_main" })
      assert.strictEqual(
        yield* trustauthx.generateUrl(),
        "https://app.trustauthx.com/widget/login/?org_id=org_main"
      )
      const encoded = new URL(yield* trustauthx.generateUrl({ orgId: "a b&c" }))
      assert.deepStrictEqual([...encoded.searchParams], [["org_id", "a b&c"]])
      assert.strictEqual(encoded.pathname, "/widget/login/")
      assert.strictEqual(
        yield* trustauthx.generateUrl({ subDomain: "shop" }),
        "https://shop.app.trustauthx.com/widget/login/?org_id=org_main"
      )
      for (const subDomain of ["", "evil.example.com/", "a b", "a@", ".a", "a.", "-a"]) {
        const error = yield* fails("InvalidRequest", trustauthx.generateUrl({ subDomain }))
        assert.strictEqual(error.field, "subDomain")
      }
      const hosted = yield* built({ hostedUrl: "https://login.example.com/x/" })
      assert.strictEqual(
        yield* hosted.generateUrl(),
        "https://login.example.com/x/widget/login/?org_id=org_main"
      )
      yield* fails("InvalidRequest", trustauthx.generateUrl({ orgId: "" }))
    })
  )

  it.effect("trustauthx-04: without an organization there is none", () =>
    Effect.gen(function* () {
      const { orgId: _, ...options } = sample
      const context = yield* Layer.build(
        TrustAuthX.layer(options).pipe(
          Layer.provide(
            Layer.succeed(
              HttpClient.HttpClient,
              HttpClient.make(() => Effect.never)
            )
          )
        )
      )
      const error = yield* fails(
        "InvalidRequest",
        Effect.provide(
          Effect.flatMap(TrustAuthX, (it) => it.generateUrl()),
          context
        )
      )
      assert.strictEqual(error.field, "orgId")
    })
  )

  it.effect("trustauthx-05: the page for settings gets its token and the way back exactly as they are", () =>
    Effect.gen(function* () {
      const trustauthx = yield* built({})
      const token = "at valid+/=&?#é"
      const url = "https://app.example.com/back?next=/a%20b&x=1#top"
      const address = yield* trustauthx.generateEditUserUrl({ accessToken: secret(token), url })
      Canary.assertAbsent([{ label: "address", secret: "AccessToken", redacted: secret("") }], address)
      const parsed = new URL(Redacted.value(address))
      assert.strictEqual(
        `${parsed.origin}${parsed.pathname}`,
        "https://api.trustauthx.com/api/user/me/settings/"
      )
      assert.deepStrictEqual([...parsed.searchParams.keys()], ["AccessToken", "api_key", "signed_key", "url"])
      assert.strictEqual(parsed.searchParams.get("AccessToken"), token)
      assert.strictEqual(parsed.searchParams.get("url"), url)
      const noToken = trustauthx.generateEditUserUrl({ accessToken: secret(""), url })
      assert.strictEqual((yield* fails("InvalidRequest", noToken)).field, "accessToken")
      for (const bad of ["back", "https://app.example.com/half\ud800"]) {
        const noUrl = trustauthx.generateEditUserUrl({ accessToken: secret(token), url: bad })
        assert.strictEqual((yield* fails("InvalidRequest", noUrl)).field, "url")
      }
    })
  )
})

describe("arguments", () => {
  it.effect("what cannot be sent is refused before it is", () =>
    Effect.gen(function* () {
      const { requests, trustauthx } = yield* over(() => Effect.succeed(json(200, true)))
      const broken = secret("half\ud800")
      const uid = "uid_ann"
      const calls: ReadonlyArray<readonly [string, Effect.Effect<unknown, AuthError>]> = [
        ["code", trustauthx.getUser(secret(""))],
        ["code", trustauthx.getUser(broken)],
        ["code", trustauthx.reAuth(secret(""))],
        ["accessToken", trustauthx.getUserData(secret(""))],
        ["accessToken", trustauthx.validateAccessToken(broken)],
        ["accessToken", trustauthx.validateTokenSet({ accessToken: secret("") })],
        ["refreshToken", trustauthx.validateTokenSet({ refreshToken: secret("") })],
        ["refreshToken", trustauthx.validateTokenSet({ accessToken: secret("at"), refreshToken: broken })],
        ["refreshToken", trustauthx.getAccessTokenFromRefreshToken(secret(""))],
        ["refreshToken", trustauthx.revokeToken({ refreshToken: broken })],
        ["uid", trustauthx.attachRole({ uid: "", rolIds: "r" })],
        ["rolIds", trustauthx.attachRole({ uid, rolIds: "" })],
        ["rolIds", trustauthx.attachRole({ uid, rolIds: [] })],
        ["rolIds", trustauthx.removeRole({ uid, rolIds: ["r", ""] })],
        ["add", trustauthx.updateRole({ uid, add: [], remove: [] })],
        ["remove", trustauthx.updateRole({ uid, add: [], remove: [""] })],
        ["orgId", trustauthx.attachRole({ uid, rolIds: "r", orgId: "" })]
      ]
      for (const [field, call] of calls) {
        assert.strictEqual((yield* fails("InvalidRequest", call)).field, field)
      }
      assert.isEmpty(yield* requests)
    })
  )
})
