import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import type { NotAuthenticated } from "@latchkey/core"
import { TestCertificates } from "@latchkey/grpc/testing"
import {
  Config,
  ConfigProvider,
  Context,
  Duration,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  Redacted,
  Schema
} from "effect"
import { type Options, Robot, type SignInError } from "../src/index.ts"
import * as Address from "../src/internal/address.ts"
import { RobotEmulator, RobotTest, Spot } from "../src/testing.ts"
import { echo, echoing } from "./support/echo.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"

/** The last one as it would come from a program without types. */
const NO_DURATIONS: ReadonlyArray<Duration.Input> = [
  0,
  -5,
  Number.NaN,
  "0 seconds",
  "-1 minute",
  "-Infinity",
  Duration.zero,
  JSON.parse('"soon"')
]

const build = (options: Options) => Effect.scoped(Layer.build(Robot.layer(options)))

const user = { username: "user", password: Redacted.make("correct-horse") }

/** After how many minutes the renewal of a fresh session is due. */
const due = (options: { readonly renewAfter?: Duration.Input }) =>
  Effect.gen(function* () {
    const robot = yield* Robot
    assert.strictEqual(robot.name, "robot")
    assert.isFalse(robot.rotates)
    return Option.map(robot.renewAfter(yield* robot.auth(user)), Duration.toMinutes)
  }).pipe(Effect.provide(RobotTest.layer({ client: options, clockOffset: "-100 days" })))

describe("options", () => {
  it("an address is https, a host, perhaps a port, and nothing else", () => {
    assert.deepStrictEqual(Address.parse("https://192.168.80.3"), { host: "192.168.80.3", port: 443 })
    assert.deepStrictEqual(Address.parse("https://spot.local:8443/"), { host: "spot.local", port: 8443 })
    assert.deepStrictEqual(Address.parse("HTTPS://Spot.Local:443"), { host: "spot.local", port: 443 })
    assert.deepStrictEqual(Address.parse("https://[fe80::1]:1"), { host: "fe80::1", port: 1 })
    for (const url of [
      "",
      "192.168.80.3",
      "http://192.168.80.3",
      "https:192.168.80.3",
      "https://",
      "https://:443",
      "https://host:0",
      "https://host:65536",
      "https://user@host",
      "https://user:pass@host",
      "https://host/path",
      "https://host?",
      "https://host#",
      "https://host/?q",
      "https://ho st",
      "https://host\\path",
      " https://host",
      "grpc://host"
    ]) {
      assert.isUndefined(Address.parse(url), url)
    }
  })

  it.prop("any text is an address or is not", { url: Schema.String }, ({ url }) => {
    const address = Address.parse(url)
    assert.isTrue(address === undefined || (address.host !== "" && address.port > 0))
    assert.isString(Address.display(url))
  })

  it.effect("options that cannot work fail the layer, and say which", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* TestCertificates.make({ names: ["*.spot.robot"] })
      const good: Options = { url: "https://192.168.80.3", rootCertificates: rootCertificate }
      yield* build(good)
      const bad: ReadonlyArray<readonly [string, Partial<Options>]> = [
        ["url", { url: "https://user:s3cret@host" }],
        ["rootCertificates", { rootCertificates: "" }],
        ["rootCertificates", { rootCertificates: "/etc/spot/root.pem" }],
        [
          "rootCertificates",
          { rootCertificates: "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n" }
        ],
        ["clientName", { clientName: "" }],
        ["clientName", { clientName: "röbot" }],
        ["clientName", { clientName: "x".repeat(101) }],
        ...["", "../../x", "a/b", "a\\b", "..", ".x", "a\nb", "x".repeat(101)].map(
          (serialNumber) => ["serialNumber", { serialNumber }] as const
        ),
        ...NO_DURATIONS.flatMap((duration) => [
          ["timeout", { timeout: duration }] as const,
          ["renewAfter", { renewAfter: duration }] as const
        ]),
        ["timeout", { timeout: Duration.infinity }]
      ]
      for (const [field, options] of bad) {
        const error = yield* fails("InvalidRequest", build({ ...good, ...options }))
        assert.strictEqual(error.field, field)
        assert.notInclude(JSON.stringify(error), "s3cret")
      }
    })
  )

  it.effect("a deadline that cannot be one is refused with each call, and nothing is sent", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const session = yield* robot.auth(user)
      const token = session.accessToken ?? user.password
      const before = (yield* spot.requests).length
      for (const timeout of [...NO_DURATIONS, Duration.infinity]) {
        const attempts: ReadonlyArray<Effect.Effect<unknown, SignInError | NotAuthenticated>> = [
          robot.auth(user, { timeout }),
          robot.authWithToken(token, { username: "user", timeout }),
          robot.authenticate({ held: session, timeout }),
          robot.robotIdWith(session, { timeout }),
          robot.call(session, echo, "", { timeout })
        ]
        for (const attempt of attempts) {
          assert.strictEqual((yield* fails("InvalidRequest", attempt)).field, "timeout")
        }
      }
      assert.strictEqual((yield* spot.requests).length, before)
      for (const timeout of ["10000 days", "1 nano", 1] as const) yield* robot.auth(user, { timeout })
    }).pipe(Effect.provide(RobotTest.layer({ rateLimit: Infinity })))
  )

  it.effect("an address without a scheme is told with one, unless it holds more than that", () =>
    Effect.gen(function* () {
      const { rootCertificate } = yield* TestCertificates.make({ names: ["*.spot.robot"] })
      const refused = (url: string) =>
        Effect.map(
          fails("InvalidRequest", build({ url, rootCertificates: rootCertificate })),
          ({ message }) => message
        )
      assert.include(yield* refused("192.168.80.3"), "https://192.168.80.3")
      assert.include(yield* refused("spot.local:8443"), "https://spot.local:8443")
      assert.notInclude(yield* refused("user:s3cret@192.168.80.3"), "s3cret")
    })
  )

  it.live("come from Config too", () =>
    Effect.gen(function* () {
      const emulator = yield* RobotEmulator
      const layer = Robot.layerConfig({
        url: Config.String("SPOT_URL"),
        rootCertificates: Config.String("SPOT_ROOTS"),
        timeout: Config.Duration("SPOT_TIMEOUT")
      })
      const provider = ConfigProvider.layer(
        ConfigProvider.fromEnvRecord({
          SPOT_URL: emulator.url,
          SPOT_ROOTS: emulator.rootCertificates,
          SPOT_TIMEOUT: "5 seconds"
        })
      )
      const context = yield* Layer.build(Layer.provide(layer, provider))
      yield* Context.get(context, Robot).auth(user)
    }).pipe(Effect.provide(RobotEmulator.layer()))
  )

  it.effect("a renewal is due an hour after the token was taken, or when told", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* due({}), Option.some(60))
      assert.deepStrictEqual(yield* due({ renewAfter: "10 minutes" }), Option.some(10))
      assert.deepStrictEqual(yield* due({ renewAfter: "Infinity" }), Option.some(Infinity))
    })
  )

  it.effect("the client's name is the host's and the process's unless told", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      yield* robot.robotId
      const [request] = yield* spot.requests
      assert.match(Buffer.from(request?.message ?? []).toString("latin1"), /latchkey-[\x21-\x7e]+:\d+/)
    }).pipe(Effect.provide(RobotTest.layer()))
  )
})

const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`

describe("root certificates", () => {
  const folder = Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const root = yield* files.makeTempDirectoryScoped({ prefix: "latchkey-robot-" })
    return {
      root,
      write: (name: string, text: string) => files.writeFileString(path.join(root, name), text)
    }
  })

  it.live("are all files of a pattern, one after another", () =>
    Effect.gen(function* () {
      const { root, write } = yield* folder
      yield* write("a.pem", pem("a"))
      yield* write("b.pem", `${pem("b")}\n`)
      yield* write("c.txt", "no certificate")
      assert.strictEqual(yield* Robot.rootCertificates(`${root}/*.pem`), `${pem("a")}\n${pem("b")}\n`)
      assert.strictEqual(yield* Robot.rootCertificates(`${root}/a.pem`), `${pem("a")}\n`)
      for (const pattern of [`${root}/*.crt`, `${root}/none/*.pem`, `${root}/*.txt`, `${root}/*`, root]) {
        assert.strictEqual(
          (yield* fails("InvalidRequest", Robot.rootCertificates(pattern))).field,
          "rootCertificates"
        )
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("from a file are those of the connection", () =>
    Effect.gen(function* () {
      const { root, write } = yield* folder
      const { rootCertificates, url } = yield* RobotEmulator
      yield* write("root.pem", rootCertificates)
      const read = yield* Robot.rootCertificates(`${root}/root.pem`)
      const context = yield* Layer.build(Robot.layer({ url, rootCertificates: read }))
      yield* Context.get(context, Robot).auth(user)
    }).pipe(Effect.provide(Layer.merge(RobotEmulator.layer(), NodeServices.layer)))
  )
})

describe("other services", () => {
  const { path } = echo.method
  const options = { services: { [echo.authority]: { [path]: echoing } }, rateLimit: Infinity }

  for (const { layer, name, test } of [
    { name: "RobotTest", layer: RobotTest.layer(options), test: it.effect },
    { name: "RobotEmulator", layer: RobotEmulator.layer(options), test: it.live }
  ]) {
    test(`${name}: a session opens them: its token and their authority go with each call`, () =>
      Effect.gen(function* () {
        const robot = yield* Robot
        const spot = yield* Spot
        const session = yield* robot.auth(user)
        assert.strictEqual(yield* robot.call(session, echo, "hello"), "hello")
        const request = (yield* spot.requests).find((one) => one.path === path)
        assert.strictEqual(request?.authority, "api.spot.robot")
        assert.strictEqual(
          request?.metadata.get("authorization"),
          `Bearer ${session.accessToken && Redacted.value(session.accessToken)}`
        )
        const elsewhere = { ...echo, authority: "nonsense.spot.robot" }
        yield* failsBecause("NotImplemented", robot.call(session, elsewhere, "hello"))
        yield* spot.revokeTokens
        yield* fails("InvalidToken", robot.call(session, echo, "hello"))
      }).pipe(Effect.provide(layer)))
  }

  it.effect("not with a session of another robot", () =>
    Effect.gen(function* () {
      const robot = yield* Robot
      const spot = yield* Spot
      const session = yield* robot.auth(user)
      yield* spot.replace("BD-other")
      yield* fails("FailedPrecondition", robot.call(session, echo, "hello"))
      assert.isFalse((yield* spot.requests).some((one) => one.path === path))
    }).pipe(Effect.provide(RobotTest.layer(options)))
  )
})
