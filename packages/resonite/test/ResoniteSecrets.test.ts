import { assert, describe, it } from "@effect/vitest"
import { Session, SessionKey } from "@latchkey/core"
import { GrpcStatus } from "@latchkey/grpc"
import { GrpcFaults, type GrpcHandlers, GrpcMemory, GrpcServer } from "@latchkey/grpc/testing"
import { Canary } from "@latchkey/testing"
import { Effect, Exit, Redacted } from "effect"
import { createServer } from "node:http2"
import { join } from "node:path"
import { AuthLoginRequest } from "../src/gen/resonite_io/v1/auth.ts"
import { Resonite } from "../src/index.ts"
import * as Operations from "../src/internal/operations.ts"
import { where } from "../src/internal/where.ts"
import { Game, ResoniteTest } from "../src/testing.ts"
import { client, listening, temporary } from "./support/places.ts"
import { LOGIN, LOGOUT, STATUS } from "./support/sent.ts"
import { recording } from "../../../test/support/tracing.ts"

const { GrpcFault } = GrpcFaults

const credential = Canary.make("credential")
const password = Canary.make("password")
const totp = Canary.make("totp")
const canaries = [credential, password, totp]

const given = { credential: credential.secret, password: password.redacted, totp: totp.redacted }

/** As a mod might put them into its sentences. */
const repeated = ({ message }: GrpcHandlers.GrpcRequest): ReadonlyArray<string> => {
  const { credential, password, totp } = AuthLoginRequest.decode(message)
  const all = `${credential} ${password} ${totp}`
  return [
    all,
    JSON.stringify(all),
    encodeURIComponent(all),
    Buffer.from(all).toString("base64"),
    Buffer.from(message).toString("hex"),
    Array.from(all).toReversed().join("")
  ]
}

const SENTENCES = [
  "Login failed.",
  "Login failed (HTTP 403).",
  "Login failed (HTTP 503).",
  "Login failed (HTTP 429).",
  "Two-factor authentication code was rejected.",
  "Auth bridge faulted:"
]

/** Every status, in the sentences that are known and in others, with the whole request in it. */
const echoes: ReadonlyArray<GrpcHandlers.GrpcHandler> = [
  ...[
    ...SENTENCES.map((text) => [16, text] as const),
    ...[1, 2, 3, 4, 7, 12, 13, 14, 99].map((code) => [code, "Auth bridge faulted:"] as const),
    [9, "Two-factor authentication code is required."] as const,
    [14, "Auth bridge is not configured."] as const
  ].map(
    ([code, text]): GrpcHandlers.GrpcHandler =>
      (request) =>
        Effect.fail(new GrpcStatus.GrpcStatus({ code, details: `${text} ${repeated(request).join(" ")}` }))
  ),
  ...["ENOENT", "EACCES", "EAGAIN"].map(
    (error): GrpcHandlers.GrpcHandler =>
      (request) =>
        Effect.fail(
          new GrpcStatus.GrpcStatus({
            code: 14,
            details: `No connection established. Last error: Error: connect ${error} /${repeated(request).join(" ")}`
          })
        )
  ),
  () => Effect.succeed(new Uint8Array()),
  ({ message }) => Effect.succeed(message),
  ({ message }) => Effect.succeed(message.subarray(1)),
  () => Effect.die(new Error(password.secret))
]

const cycling = (handlers: ReadonlyArray<GrpcHandlers.GrpcHandler>): GrpcHandlers.GrpcHandler => {
  let calls = 0
  return (request) => handlers[calls++ % handlers.length]?.(request) ?? Effect.die("none")
}

/** Everything that can be made of a login and of its failures, by a game that gives each of the answers in turn. */
const everything = Effect.fnUntraced(function* (resonite: Resonite["Service"], tries: number) {
  const outcomes: Array<unknown> = []
  const note = <A, E>(effect: Effect.Effect<A, E>) =>
    effect.pipe(
      Effect.tapError((error) => Effect.logError("failed", error)),
      Effect.tapCause((cause) => Effect.logDebug("failed", cause)),
      Effect.exit,
      Effect.map((exit) => {
        outcomes.push(exit, ...(Exit.isFailure(exit) ? [exit.cause] : [exit.value]))
        assert.isTrue(Exit.isFailure(exit))
      })
    )
  for (let index = 0; index < tries; index++) yield* note(resonite.login(given))
  for (let index = 0; index < tries; index++) yield* note(resonite.signIn(given))
  yield* note(resonite.login({ ...given, password: Redacted.make(`${password.secret}\ud800`) }))
  yield* note(resonite.login({ ...given, credential: `${credential.secret}\ud800` }))
  yield* note(resonite.login({ ...given, totp: Redacted.make(`${totp.secret}\ud800`) }))
  yield* note(resonite.login(given, { timeout: -1 }))
  return outcomes
})

describe("resonite-25: secrets", () => {
  it.effect("none shows anywhere, whatever the game repeats", () =>
    Effect.gen(function* () {
      const channel = yield* GrpcMemory.make({
        ...where(undefined),
        handlers: { [LOGIN]: cycling(echoes) }
      })
      const resonite = yield* Operations.make(channel, where(undefined), {})
      const outcomes = yield* everything(resonite, echoes.length)
      assert.isAbove(outcomes.length, 4 * echoes.length)
      for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.live("nor over a real socket", () =>
    Effect.gen(function* () {
      const socket = join(yield* temporary, "socket")
      yield* GrpcServer.make({
        listen: { _tag: "UnixSocket", path: socket },
        handlers: { [LOGIN]: cycling(echoes) }
      })
      const resonite = yield* client({ socket })
      const outcomes = yield* everything(resonite, echoes.length)
      for (const outcome of outcomes) Canary.assertAbsent(canaries, outcome)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.live("nor from an answer that looks as if none had come", () =>
    Effect.gen(function* () {
      const socket = join(yield* temporary, "socket")
      const server = createServer()
      // There is no metadata at all then.
      const withoutDate = { endStream: true, sendDate: false }
      server.on("stream", (stream) => {
        const chunks: Array<Buffer> = []
        stream.on("data", (chunk: Buffer) => chunks.push(chunk))
        stream.once("end", () => {
          const message = new Uint8Array(Buffer.concat(chunks).subarray(5))
          const { credential, password, totp } = AuthLoginRequest.decode(message)
          const said = `No connection established. Last error: Error: connect ENOENT /${credential}${password}${totp}`
          stream.respond(
            { ":status": 200, "grpc-status": "14", "grpc-message": encodeURI(said) },
            withoutDate
          )
        })
      })
      yield* listening(socket, server)
      const resonite = yield* client({ socket })
      for (const call of [Effect.asVoid(resonite.login(given)), Effect.asVoid(resonite.signIn(given))]) {
        Canary.assertAbsent(canaries, yield* Effect.flip(call))
      }
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(Effect.provide(Canary.capture))
  )

  it.effect("nor in what refresh and logout of a session say", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, signIn } = yield* Resonite
      const session = yield* signIn(given)
      const calls = [Effect.asVoid(provider.refresh(session)), Effect.asVoid(provider.logout(session))]
      const other = new Session({
        ...session,
        key: new SessionKey({ ...session.key, account: credential.secret, instance: "other" })
      })
      const failures = [
        yield* Effect.flip(provider.refresh(other)),
        yield* Effect.flip(provider.logout(other))
      ]
      for (const call of calls) {
        yield* game.faults.push(GrpcFault.DropBefore())
        failures.push(yield* Effect.flip(call))
      }
      yield* game.loginInGame({ userId: "U-2", userName: "bob", password: password.redacted })
      failures.push(yield* Effect.flip(provider.refresh(session)))
      yield* game.logoutInGame
      failures.push(yield* Effect.flip(provider.refresh(session)))
      yield* game.setStarting(true)
      failures.push(yield* Effect.flip(provider.logout(session)))
      assert.deepStrictEqual(
        failures.map((failure) => failure._tag),
        [
          "FailedPrecondition",
          "FailedPrecondition",
          "TransportError",
          "TransportError",
          "SessionExpired",
          "SessionExpired",
          "FailedPrecondition"
        ]
      )
      Canary.assertAbsent(canaries, failures)
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(
      Effect.provide([
        ResoniteTest.layer({
          accounts: [
            { userId: "U-1", userName: credential.secret, password: password.redacted, totp: totp.redacted }
          ]
        }),
        Canary.capture
      ])
    )
  )

  it.effect("nor in what goes wrong on the way, or in a login that succeeds", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      for (const fault of [
        GrpcFault.DropBefore(),
        GrpcFault.DropAfter(),
        GrpcFault.Html(),
        GrpcFault.Garbage({ bytes: Buffer.from(password.secret) }),
        GrpcFault.Http({ status: 500, body: password.secret })
      ]) {
        yield* game.faults.push(fault)
        Canary.assertAbsent(canaries, yield* Effect.flip(resonite.login(given)))
      }
      Canary.assertAbsent([password, totp], yield* resonite.login(given))
      Canary.assertAbsent([password, totp], yield* resonite.signIn(given))
      yield* Canary.assertNoneCaptured(canaries)
    }).pipe(
      Effect.provide([
        ResoniteTest.layer({
          accounts: [
            { userId: "U-1", userName: credential.secret, password: password.redacted, totp: totp.redacted }
          ]
        }),
        Canary.capture
      ])
    )
  )

  it.effect("the spans name the operation, and nothing else", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      yield* Effect.gen(function* () {
        const resonite = yield* Resonite
        yield* resonite.login(given)
        yield* resonite.status()
        const session = yield* resonite.signIn(given)
        yield* resonite.provider.refresh(session)
        yield* resonite.provider.logout(session)
        yield* resonite.logout()
      }).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(
        spans.map((span) => span.name),
        ["login", "status", "signIn", "refresh", "revoke", "logout"].map((name) => `Resonite.${name}`)
      )
      for (const { attributes } of spans) assert.strictEqual(attributes.size, 0)
    }).pipe(
      Effect.provide(
        ResoniteTest.layer({
          accounts: [
            { userId: "U-1", userName: credential.secret, password: password.redacted, totp: totp.redacted }
          ]
        })
      )
    )
  )

  it.effect("they go out with a login, and with nothing else", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const resonite = yield* Resonite
      yield* Effect.flip(resonite.login(given))
      yield* resonite.status()
      yield* resonite.logout()
      const requests = yield* game.requests
      assert.deepStrictEqual(
        requests.map(({ path }) => path),
        [LOGIN, STATUS, LOGOUT]
      )
      assert.lengthOf(Canary.find([password], requests[0]?.message), 1)
      for (const { message, metadata } of requests.slice(1)) {
        Canary.assertAbsent(canaries, [message, [...metadata]])
      }
    }).pipe(Effect.provide(ResoniteTest.layer()))
  )
})
