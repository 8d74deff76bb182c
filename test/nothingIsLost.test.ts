/** Whatever goes wrong on the way to a robot, the stored session stays as it is, unless the robot gave a verdict. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { SessionRef, SessionStore } from "@latchkey/core"
import { GrpcFaults } from "@latchkey/grpc/testing"
import { Robot } from "@latchkey/robot"
import { RobotEmulator, Spot } from "@latchkey/robot/testing"
import { SqliteSessionStore } from "@latchkey/store"
import { Context, Effect, FileSystem, Layer, Option, Redacted, type Scope } from "effect"

const { GrpcFault } = GrpcFaults
const renewal = { path: "/bosdyn.api.AuthService/GetAuthToken" }
const credentials = { username: "user", password: Redacted.make("correct-horse") }

const onARobot = <A, E>(
  effect: Effect.Effect<A, E, RobotEmulator | Robot | Spot | FileSystem.FileSystem | Scope.Scope>
) =>
  effect.pipe(
    Effect.scoped,
    Effect.provide([RobotEmulator.layer({ client: { timeout: "1 second" } }), NodeServices.layer])
  )

const signedIn = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/sessions.db`
  const store = Context.get(yield* Layer.build(SqliteSessionStore.layer({ path })), SessionStore)
  const robot = yield* Robot
  const session = yield* robot.auth(credentials)
  const { version } = yield* store.put(session)
  return { store, session, version }
})

/** Has a session renewed over this robot, in vain; tells the failure, once what is stored was seen to be as before. */
const inVain = Effect.fnUntraced(function* (robot: Robot["Service"]) {
  const { session, store, version } = yield* signedIn
  const live = yield* SessionRef.open(robot, session.key).pipe(Effect.provideService(SessionStore, store))
  const failure = yield* Effect.flip(live.refused(yield* live.get))
  const stored = Option.getOrThrow(yield* store.get(session.key))
  assert.strictEqual(stored.version, version)
  assert.deepStrictEqual(stored.session, session)
  return failure._tag === "TransportError" ? failure.reason._tag : failure._tag
})

describe("nothing is lost from the store", () => {
  for (const [name, fault, tag] of [
    ["a hang-up before the robot acted", GrpcFault.DropBefore(), "Closed"],
    ["a hang-up after it acted", GrpcFault.DropAfter(), "Closed"],
    ["silence", GrpcFault.Silent(), "TimedOut"],
    ["a web page", GrpcFault.Html(), "InvalidResponse"],
    ["garbage", GrpcFault.Garbage({ bytes: new Uint8Array([255, 255, 255]) }), "InvalidResponse"],
    ["an answer without a header", GrpcFault.Garbage({ bytes: new Uint8Array() }), "ServerError"],
    ["an answer that is cut off", GrpcFault.Truncated(), "InvalidResponse"],
    ["no message", GrpcFault.NoMessage(), "InvalidResponse"],
    ["no status", GrpcFault.NoTrailers(), "InvalidResponse"],
    ["an unknown status", GrpcFault.RawStatus({ status: "99" }), "InvalidResponse"],
    ["the proxy's 429", GrpcFault.Http({ status: 429 }), "RateLimited"],
    ["the proxy's 502", GrpcFault.Http({ status: 502 }), "ServiceUnavailable"],
    ["a server that is away", GrpcFault.Status({ code: 14, details: "away" }), "ServiceUnavailable"],
    ["a server that failed", GrpcFault.Status({ code: 13, details: "oops" }), "InvalidResponse"]
  ] as const) {
    it.live(`by ${name}: ${tag}`, () =>
      onARobot(
        Effect.gen(function* () {
          const { faults } = yield* Spot
          const robot = yield* Robot
          const failing: Robot["Service"] = {
            ...robot,
            refresh: (session) => Effect.andThen(faults.push(fault, renewal), robot.refresh(session))
          }
          assert.strictEqual(yield* inVain(failing), tag)
        })
      )
    )
  }

  for (const [name, url, tag] of [
    ["no listener", "https://127.0.0.1:1", "ConnectionFailed"],
    ["a host without an address", "https://robot.invalid", "NameNotResolved"]
  ] as const) {
    it.live(`by ${name}: ${tag}`, () =>
      onARobot(
        Effect.gen(function* () {
          const { rootCertificates } = yield* RobotEmulator
          const layer = Robot.layer({ url, rootCertificates })
          const robot = Context.get(yield* Layer.build(layer), Robot)
          assert.strictEqual(yield* inVain(robot), tag)
        })
      )
    )
  }

  it.live("by a robot of another certificate authority: CertificateRejected", () =>
    onARobot(
      Effect.gen(function* () {
        const stranger = Context.get(yield* Layer.build(RobotEmulator.layer()), RobotEmulator)
        const { rootCertificates } = yield* RobotEmulator
        const layer = Robot.layer({ url: stranger.url, rootCertificates })
        const robot = Context.get(yield* Layer.build(layer), Robot)
        assert.strictEqual(yield* inVain(robot), "CertificateRejected")
        assert.deepStrictEqual(yield* stranger.server.requests, [])
      })
    )
  )

  it.live("by another robot at the address: FailedPrecondition, and it never sees the token", () =>
    onARobot(
      Effect.gen(function* () {
        const context = yield* Layer.build(RobotEmulator.layer({ serialNumber: "spot-BD-87654321" }))
        assert.strictEqual(yield* inVain(Context.get(context, Robot)), "FailedPrecondition")
        const requests = yield* Context.get(context, Spot).requests
        assert.isTrue(requests.every(({ metadata }) => !metadata.has("authorization")))
      })
    )
  )

  it.live("but a verdict of the robot ends the session, here and in the store", () =>
    onARobot(
      Effect.gen(function* () {
        const { revokeTokens } = yield* Spot
        const robot = yield* Robot
        const { session, store } = yield* signedIn
        const live = yield* SessionRef.open(robot, session.key).pipe(
          Effect.provideService(SessionStore, store)
        )
        yield* revokeTokens
        assert.strictEqual((yield* Effect.flip(live.refused(yield* live.get)))._tag, "SessionExpired")
        assert.isTrue(Option.isNone(yield* store.get(session.key)))
      })
    )
  )
})
