import { assert, describe, it } from "@effect/vitest"
import { SessionKey } from "@latchkey/core"
import { empty, json } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { Config, ConfigProvider, Duration, Effect, Layer, Redacted } from "effect"
import { HttpClient } from "effect/http"
import { type Options, Synmetrix } from "../src/index.ts"
import { AuthServer, SynmetrixTest } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { credentials, operations } from "./support/operations.ts"
import { answering, build, over } from "./support/over.ts"
import { bodyOf } from "./support/sent.ts"
import { good, session, UUID } from "./support/tokens.ts"

/** The last one as it would come from a program without types. */
const NO_DURATIONS: ReadonlyArray<Duration.Input> = [
  0,
  -5,
  Number.NaN,
  "0 seconds",
  "-1 minute",
  "Infinity",
  Duration.infinity,
  JSON.parse('"soon"')
]

const unused = Effect.map(
  HttpMemory.make({ origin: "http://unused.invalid", handler: () => Effect.succeed(empty(500)) }),
  ({ client }) => client
)

const refused = (options: Options) =>
  Effect.gen(function* () {
    return yield* fails("InvalidRequest", Effect.scoped(build(options, yield* unused)))
  })

const field = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => ("field" in error ? error.field : error._tag))

describe("the URL", () => {
  for (const [name, { path, run }] of Object.entries(operations)) {
    it.effect(`synmetrix-01: slashes at its end do not double, in ${name}`, () =>
      Effect.gen(function* () {
        for (const [url, prefix] of [
          ["http://localhost:1", ""],
          ["http://localhost:1/", ""],
          ["http://localhost:1///", ""],
          ["http://localhost:1/app//", "/app"]
        ] as const) {
          const { requests, synmetrix } = yield* over(answering(json(200, good)), { url })
          yield* Effect.result(run(synmetrix))
          assert.strictEqual((yield* requests)[0]?.path, `${prefix}${path}`)
          assert.strictEqual(synmetrix.instance, `http://localhost:1${prefix}`)
        }
      })
    )
  }

  it.effect("one that cannot be one is refused, and not shown", () =>
    Effect.gen(function* () {
      for (const url of [
        "",
        "h:3000",
        "ftp://h",
        "https://user:s3cret@h",
        "https://h?token=s3cret",
        "https://h/#s3cret",
        "https://h o"
      ]) {
        const error = yield* refused({ url, plainHttp: "anywhere" })
        assert.strictEqual(error.field, "url", url)
        assert.notInclude(JSON.stringify(error), "s3cret")
      }
    })
  )

  it.effect("plain http leads to this machine only, unless it is said", () =>
    Effect.gen(function* () {
      const client = yield* unused
      for (const url of ["http://h", "http://10.0.0.1:3000"]) {
        assert.strictEqual((yield* refused({ url })).field, "url")
        assert.strictEqual((yield* refused({ url, plainHttp: "loopback" })).field, "url")
        yield* build({ url, plainHttp: "anywhere" }, client)
      }
      for (const url of ["http://localhost", "http://127.0.0.1:3000", "https://h"])
        yield* build({ url }, client)
    })
  )
})

describe("arguments", () => {
  it.effect("a time limit that cannot be one is refused, of the client and of every operation", () =>
    Effect.gen(function* () {
      const { requests, synmetrix } = yield* over(answering(json(200, good)))
      const factor = { ticket: Redacted.make(UUID), code: Redacted.make("123456") }
      const change = { oldPassword: credentials.password, newPassword: credentials.password }
      const callback = Redacted.make(`/callback?refresh_token=${UUID}`)
      for (const timeout of NO_DURATIONS) {
        assert.strictEqual((yield* refused({ url: "http://localhost", timeout })).field, "timeout")
        const call = { timeout }
        const held = session()
        for (const error of [
          yield* fails("InvalidRequest", synmetrix.login(credentials, call)),
          yield* fails("InvalidRequest", synmetrix.register(credentials, call)),
          yield* fails("InvalidRequest", synmetrix.submitTotp(factor, call)),
          yield* fails("InvalidRequest", synmetrix.requestMagicLink("a@example.com", call)),
          yield* fails("InvalidRequest", synmetrix.sendMagicLink("a@example.com", call)),
          yield* fails("InvalidRequest", synmetrix.completeMagicLink(callback, call)),
          yield* fails("InvalidRequest", synmetrix.refresh(held, call)),
          yield* fails("InvalidRequest", synmetrix.refreshToken(held, call)),
          yield* fails("InvalidRequest", synmetrix.logout(held, call)),
          yield* fails("InvalidRequest", synmetrix.revoke(held, call)),
          yield* fails("InvalidRequest", synmetrix.changePassword(held, change, call))
        ]) {
          assert.strictEqual(error.field, "timeout")
        }
      }
      assert.deepStrictEqual(yield* requests, [])
    })
  )

  it.effect("texts that cannot be sent are refused by name, and nothing is sent", () =>
    Effect.gen(function* () {
      const { requests, synmetrix } = yield* over(answering(json(200, good)))
      for (const text of ["", "x\ud800"]) {
        const secret = Redacted.make(text)
        const { email, password } = credentials
        const held = session()
        assert.strictEqual(yield* field(synmetrix.login({ email: text, password })), "email")
        assert.strictEqual(yield* field(synmetrix.login({ email, password: secret })), "password")
        assert.strictEqual(yield* field(synmetrix.register({ email: text })), "email")
        assert.strictEqual(yield* field(synmetrix.register({ email, password: secret })), "password")
        assert.strictEqual(yield* field(synmetrix.requestMagicLink(text)), "email")
        assert.strictEqual(yield* field(synmetrix.sendMagicLink(text)), "email")
        const code = Redacted.make("123456")
        assert.strictEqual(yield* field(synmetrix.submitTotp({ ticket: secret, code })), "ticket")
        assert.strictEqual(yield* field(synmetrix.submitTotp({ ticket: code, code: secret })), "code")
        for (const [name, change] of [
          ["oldPassword", { oldPassword: secret, newPassword: password }],
          ["newPassword", { oldPassword: password, newPassword: secret }]
        ] as const) {
          assert.strictEqual(yield* field(synmetrix.changePassword(held, change)), name)
        }
      }
      assert.deepStrictEqual(yield* requests, [])
    })
  )

  it.effect("what cannot be written as JSON is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const { requests, synmetrix } = yield* over(answering(json(200, good)))
      const circular: { [name: string]: Record<string, never> } = {}
      circular["self"] = JSON.parse("{}")
      Object.assign(circular["self"] ?? {}, { circular })
      const error = yield* fails("InvalidRequest", synmetrix.register({ ...credentials, userData: circular }))
      assert.strictEqual(error.field, "userData")
      assert.deepStrictEqual(yield* requests, [])
    })
  )

  it.effect("S05: a session of another server, or of another provider, is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const { requests, synmetrix } = yield* over(answering(json(200, good)))
      const change = { oldPassword: credentials.password, newPassword: credentials.password }
      const { key } = session()
      for (const other of [
        session({}, "http://localhost:3001"),
        session({}, "https://localhost:3000"),
        session({}, "http://localhost:3000/app"),
        session({ key: new SessionKey({ ...key, provider: "cryosparc" }) })
      ]) {
        for (const error of [
          yield* fails("InvalidRequest", synmetrix.refresh(other)),
          yield* fails("InvalidRequest", synmetrix.logout(other)),
          yield* fails("InvalidRequest", synmetrix.revoke(other)),
          yield* fails("InvalidRequest", synmetrix.changePassword(other, change))
        ]) {
          assert.strictEqual(error.field, "session")
        }
      }
      assert.deepStrictEqual(yield* requests, [])
    })
  )

  it.effect("synmetrix-31: a token that no request can hold is as good as none", () =>
    Effect.gen(function* () {
      const { requests, synmetrix } = yield* over(answering(empty(204)))
      const change = { oldPassword: credentials.password, newPassword: credentials.password }
      yield* fails("NotAuthenticated", synmetrix.refresh(session({ refreshToken: Redacted.make("x\ud800") })))
      for (const text of ["a b", "a\r\nb: c", "é", "x".repeat(16 * 1024 + 1)]) {
        const held = session({ accessToken: Redacted.make(text) })
        yield* fails("NotAuthenticated", synmetrix.changePassword(held, change))
        yield* fails("NotAuthenticated", synmetrix.authHeaders(held))
      }
      assert.deepStrictEqual(yield* requests, [])
      yield* synmetrix.logout(session({ accessToken: Redacted.make("a\r\nb: c") }))
      assert.isFalse((yield* requests)[0]?.headers.has("authorization"))
    })
  )
})

describe("options", () => {
  it.effect("can come from the configuration", () =>
    Effect.gen(function* () {
      const memory = yield* HttpMemory.make({
        origin: "http://lab:3000",
        handler: answering(json(200, good))
      })
      const layer = Synmetrix.layerConfig({
        url: Config.String("SYNMETRIX_URL"),
        timeout: Config.Duration("TIMEOUT"),
        plainHttp: Config.Literals(["loopback", "anywhere"], "PLAIN_HTTP"),
        cookie: Config.Boolean("COOKIE"),
        logoutAll: Config.Boolean("LOGOUT_ALL"),
        claimsNamespace: Config.String("NAMESPACE")
      }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, memory.client)))
      const login = (env: Record<string, string>) =>
        Effect.flatMap(Synmetrix, (synmetrix) => synmetrix.login(credentials)).pipe(
          Effect.provide(
            Layer.provide(Layer.fresh(layer), ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)))
          )
        )
      const env = {
        SYNMETRIX_URL: "http://lab:3000/",
        TIMEOUT: "5 seconds",
        PLAIN_HTTP: "anywhere",
        COOKIE: "true",
        LOGOUT_ALL: "false",
        NAMESPACE: "urn:own"
      }
      const result = yield* login(env)
      assert.strictEqual(result._tag === "SignedIn" && result.session.key.instance, "http://lab:3000")
      assert.deepInclude(bodyOf((yield* memory.requests)[0]), { cookie: true })
      yield* fails("InvalidRequest", login({ ...env, PLAIN_HTTP: "loopback" }))
      yield* fails("ConfigError", login({ ...env, PLAIN_HTTP: "nowhere" }))
    })
  )

  it.effect("a server that is not there is not looked for before it is needed", () =>
    Effect.gen(function* () {
      const server = yield* AuthServer
      const synmetrix = yield* Synmetrix
      assert.deepStrictEqual(yield* server.requests, [])
      yield* server.setReachable(false)
      yield* failsBecause("ConnectionFailed", synmetrix.login(credentials))
    }).pipe(Effect.provide(SynmetrixTest.layer()))
  )
})
