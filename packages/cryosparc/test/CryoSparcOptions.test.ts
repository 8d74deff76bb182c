import { assert, describe, it } from "@effect/vitest"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { empty, json } from "@latchkey/testing/HttpHandler"
import { Config, ConfigProvider, Duration, Effect, Layer, Redacted, Schema } from "effect"
import { HttpClient } from "effect/http"
import { CryoSparc, type Options } from "../src/index.ts"
import * as Address from "../src/internal/address.ts"
import { CryoSparcTest, Instance } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { answering, build, over } from "./support/over.ts"

const ada = { email: "ada@example.com", password: Redacted.make("correct-horse") }

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

const token = answering(json(200, { access_token: "abc", token_type: "bearer" }))

const unused = Effect.map(
  HttpMemory.make({ origin: "http://unused.invalid", handler: () => Effect.succeed(empty(500)) }),
  ({ client }) => client
)

const refused = (options: Options) =>
  Effect.gen(function* () {
    return yield* fails("InvalidRequest", Effect.scoped(build(options, yield* unused)))
  })

describe("the URL", () => {
  it("store-34: http:// goes in front of what has no scheme, and the slash at the end stays", () => {
    for (const [url, instance, api] of [
      ["h:39000", "http://h:39000", "http://h:39000/api/cmd"],
      ["h:39000/", "http://h:39000/", "http://h:39000/api/cmd"],
      ["h", "http://h", "http://h/api/cmd"],
      ["http://h:39000", "http://h:39000", "http://h:39000/api/cmd"],
      ["http://h:39000//", "http://h:39000//", "http://h:39000/api/cmd"],
      ["https://H.Example.com:443", "https://H.Example.com:443", "https://h.example.com/api/cmd"],
      ["https://h/lab/cryo/", "https://h/lab/cryo/", "https://h/lab/cryo/api/cmd"],
      ["[::1]:39000", "http://[::1]:39000", "http://[::1]:39000/api/cmd"]
    ] as const) {
      const address = Address.parse(url)
      assert.strictEqual(address?.instance, instance)
      assert.strictEqual(address?.api, api)
    }
  })

  it.effect("store-34: sessions are kept under it, whatever the slash", () =>
    Effect.gen(function* () {
      for (const [url, instance] of [
        ["localhost:39000", "http://localhost:39000"],
        ["localhost:39000/", "http://localhost:39000/"],
        ["http://localhost:39000//", "http://localhost:39000//"]
      ] as const) {
        const memory = yield* HttpMemory.make({ origin: "http://localhost:39000", handler: token })
        const cryosparc = yield* build({ url }, memory.client)
        assert.strictEqual(cryosparc.instance, instance)
        assert.strictEqual((yield* cryosparc.login(ada)).key.instance, instance)
        assert.deepStrictEqual(
          (yield* memory.requests).map(({ path }) => path),
          ["/api/cmd/openapi.json", "/api/cmd/auth/token"]
        )
      }
    })
  )

  const IMPOSSIBLE = [
    "",
    " h:39000",
    "h:39000 ",
    "h:39000\n",
    "h\t:39000",
    "h:0",
    "h:65536",
    "http://",
    "https://:443",
    "HTTP://h",
    "ftp://h",
    "file:///etc/passwd",
    "javascript://h",
    "user:s3cret@h:39000",
    "http://user:s3cret@h:39000",
    "http://@h",
    "h:39000?",
    "h:39000?token=s3cret",
    "h:39000#",
    "h:39000/#/s3cret",
    "h\\@other",
    "h/\\..",
    "h//other",
    "http:///h",
    "h o"
  ]

  it.effect("one that cannot be one is refused, and not shown", () =>
    Effect.gen(function* () {
      for (const url of IMPOSSIBLE) {
        const error = yield* refused({ url, plainHttp: "anywhere" })
        assert.strictEqual(error.field, "url", url)
        assert.notInclude(JSON.stringify(error), "s3cret")
      }
    })
  )

  it.prop("of any text is an address that holds what was said, or none", [Schema.String], ([text]) => {
    for (const url of [text, `h${text}`, `http://h:39000${text}`, `https://h/${text}`]) {
      const address = Address.parse(url)
      if (address === undefined) continue
      assert.isTrue(address.instance === url || address.instance === `http://${url}`)
      assert.match(address.instance, /^https?:\/\//)
      const { hash, origin, password, search, username } = new URL(address.api)
      assert.deepStrictEqual([hash, password, search, username], ["", "", "", ""])
      assert.strictEqual(origin, new URL(address.instance).origin)
      assert.isTrue(address.api.endsWith("/api/cmd"))
      // Said again, it is the same.
      assert.deepStrictEqual(Address.parse(address.instance), address)
    }
  })

  it.effect("plain http leads to this machine only, unless it is said", () =>
    Effect.gen(function* () {
      const client = yield* unused
      for (const url of [
        "h:39000",
        "http://h",
        "10.0.0.1:39000",
        "http://127.0.0.1.example.com",
        "localhost.example.com",
        "notlocalhost",
        // A name server may answer for it.
        "lab.localhost:39000",
        "http://128.0.0.1",
        "[::2]:39000"
      ]) {
        assert.strictEqual((yield* refused({ url })).field, "url", url)
        assert.strictEqual((yield* refused({ url, plainHttp: "loopback" })).field, "url", url)
        yield* build({ url, plainHttp: "anywhere" }, client)
      }
      for (const url of [
        "localhost",
        "LocalHost:39000",
        "127.0.0.1:39000",
        "127.1.2.3",
        "[::1]:39000",
        "https://h",
        "https://10.0.0.1"
      ]) {
        yield* build({ url }, client)
      }
    })
  )
})

describe("options", () => {
  it.effect("a time limit that cannot be one is refused, of the client and of the call", () =>
    Effect.gen(function* () {
      const { cryosparc, requests } = yield* over(token)
      for (const timeout of NO_DURATIONS) {
        assert.strictEqual((yield* refused({ url: "localhost", timeout })).field, "timeout")
        const error = yield* fails("InvalidRequest", cryosparc.login(ada, { timeout }))
        assert.strictEqual(error.field, "timeout")
      }
      assert.deepStrictEqual(yield* requests, [])
      for (const timeout of ["10000 days", "1 nano", 1] as const) {
        const { cryosparc } = yield* over(token, { timeout: "1 second" })
        yield* cryosparc.login(ada, { timeout })
      }
    })
  )

  it.effect("a life that cannot be one is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const { cryosparc, requests } = yield* over(token)
      for (const expiresIn of [
        ...NO_DURATIONS,
        "366 days",
        Duration.millis(365 * 86_400_000 + 1),
        // A session that ended before it began.
        "999 millis",
        "1 nano"
      ] as const) {
        const error = yield* fails("InvalidRequest", cryosparc.login({ ...ada, expiresIn }))
        assert.strictEqual(error.field, "expiresIn")
      }
      assert.deepStrictEqual(yield* requests, [])
    })
  )

  it.effect("an e-mail or a password that cannot be sent is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const { cryosparc, requests } = yield* over(token)
      for (const text of ["", "x\ud800"]) {
        const email = yield* fails("InvalidRequest", cryosparc.login({ ...ada, email: text }))
        assert.strictEqual(email.field, "email")
        const password = Redacted.make(text)
        const error = yield* fails("InvalidRequest", cryosparc.login({ ...ada, password }))
        assert.strictEqual(error.field, "password")
      }
      assert.deepStrictEqual(yield* requests, [])
    })
  )

  it.effect("can come from the configuration", () =>
    Effect.gen(function* () {
      const layer = CryoSparc.layerConfig({
        url: Config.String("CRYOSPARC_BASE_URL"),
        timeout: Config.Duration("TIMEOUT"),
        plainHttp: Config.Literals(["loopback", "anywhere"], "PLAIN_HTTP")
      }).pipe(Layer.provide(Layer.effect(HttpClient.HttpClient, unused)))
      const instance = (env: Record<string, string>) =>
        Effect.map(CryoSparc, (cryosparc) => cryosparc.instance).pipe(
          Effect.provide(
            Layer.provide(Layer.fresh(layer), ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)))
          )
        )
      const env = { CRYOSPARC_BASE_URL: "lab:39000", TIMEOUT: "5 seconds", PLAIN_HTTP: "anywhere" }
      assert.strictEqual(yield* instance(env), "http://lab:39000")
      yield* fails("InvalidRequest", instance({ ...env, PLAIN_HTTP: "loopback" }))
      yield* fails("ConfigError", instance({ ...env, PLAIN_HTTP: "nowhere" }))
    })
  )

  it.effect("an instance that is not there is not looked for before it is needed", () =>
    Effect.gen(function* () {
      const instance = yield* Instance
      const cryosparc = yield* CryoSparc
      assert.deepStrictEqual(yield* instance.requests, [])
      yield* instance.setReachable(false)
      yield* failsBecause("ConnectionFailed", cryosparc.login(ada))
    }).pipe(Effect.provide(CryoSparcTest.layer()))
  )
})
