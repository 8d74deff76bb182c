import { assert, describe, it } from "@effect/vitest"
import type { Session } from "@latchkey/core"
import { GrpcFaults, GrpcServer, TestCertificates } from "@latchkey/grpc/testing"
import { Context, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { Robot } from "../src/index.ts"
import { RobotTest, Spot } from "../src/testing.ts"
import * as Spots from "../src/testing/Spot.ts"
import { echo, echoing } from "./support/echo.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { onceNoticed } from "./support/onceNoticed.ts"
import { AUTH, ROBOT_ID } from "./support/sent.ts"

const { GrpcFault } = GrpcFaults

const user = { username: "user", password: Redacted.make("correct-horse") }

const tokenOf = (session: Session): string =>
  session.accessToken ? Redacted.value(session.accessToken) : "none"

/** An address that leads to one port after another. Connections stay with the one that they were made to. */
const moving = Effect.acquireRelease(
  Effect.promise(async () => {
    const open = new Set<Socket>()
    const state = { to: 0 }
    const server = createServer((near) => {
      const far = connect(state.to, "127.0.0.1")
      for (const socket of [near, far]) {
        open.add(socket)
        socket.on("error", () => {})
        socket.once("close", () => {
          near.destroy()
          far.destroy()
        })
      }
      near.pipe(far).pipe(near)
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { open, port, server, state }
  }),
  ({ open, server }) =>
    Effect.promise(async () => {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, "close")
    })
)

/** Two robots with the same users and certificate, at one address in turn. */
const twoRobots = Effect.gen(function* () {
  const certificates = yield* TestCertificates.make({ names: ["*.spot.robot"] })
  const make = Effect.fnUntraced(function* (serialNumber: string) {
    const { control, faults, handlers } = yield* Spots.make({
      serialNumber,
      rateLimit: Infinity,
      services: { [echo.authority]: { [echo.method.path]: echoing } }
    })
    const server = yield* GrpcServer.make({ listen: { _tag: "Tls", ...certificates }, handlers, faults })
    return { port: server.port, spot: control(server.dropConnections), requests: server.requests }
  })
  const [a, b] = [yield* make("BD-A"), yield* make("BD-B")]
  const { port, state } = yield* moving
  state.to = a.port
  const client = (options: { readonly serialNumber?: string } = {}) =>
    Effect.map(
      Layer.build(
        Layer.fresh(
          Robot.layer({
            url: `https://127.0.0.1:${port}`,
            rootCertificates: certificates.rootCertificate,
            ...options
          })
        )
      ),
      (context) => Context.get(context, Robot)
    )
  const moveTo = (robot: typeof a) => {
    state.to = robot.port
  }
  return { a, b, client, moveTo }
})

describe("an address that moves while connections stand", () => {
  for (const options of [{}, { serialNumber: "BD-A" }]) {
    it.live(`a token of the one robot is not sent to the other: ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const { b, client, moveTo } = yield* twoRobots
        const robot = yield* client(options)
        yield* robot.robotId
        const session = yield* robot.auth(user)
        moveTo(b)
        yield* fails("FailedPrecondition", robot.call(session, echo, "hello"))
        yield* fails("FailedPrecondition", robot.refresh(session))
        yield* fails("FailedPrecondition", robot.robotIdWith(session))
        const requests = yield* b.requests
        assert.isNotEmpty(requests)
        for (const { metadata, path } of requests) {
          assert.strictEqual(path, ROBOT_ID)
          assert.isFalse(metadata.has("authorization"))
        }
      })
    )
  }

  it.live("a password is not sent to another robot than the only one", () =>
    Effect.gen(function* () {
      const { b, client, moveTo } = yield* twoRobots
      const robot = yield* client({ serialNumber: "BD-A" })
      yield* robot.robotId
      moveTo(b)
      yield* fails("FailedPrecondition", robot.auth(user))
      assert.isFalse((yield* b.requests).some(({ path }) => path === AUTH))
    })
  )

  it.live("a session is of the robot that gave it, whichever was there before", () =>
    Effect.gen(function* () {
      const { a, b, client, moveTo } = yield* twoRobots
      const robot = yield* client()
      yield* robot.robotId
      moveTo(b)
      const ofB = yield* robot.auth(user)
      assert.strictEqual(ofB.key.instance, "BD-B")
      assert.strictEqual(yield* robot.call(ofB, echo, "hello"), "hello")
      moveTo(a)
      // The connections to B are still good, and used.
      yield* robot.refresh(ofB)
      yield* b.spot.disconnect
      yield* fails("FailedPrecondition", onceNoticed(robot.refresh(ofB)))
      const ofA = yield* robot.auth(user)
      assert.strictEqual(ofA.key.instance, "BD-A")
      assert.strictEqual(yield* robot.call(ofA, echo, "hello"), "hello")
      for (const { metadata } of yield* a.requests) {
        assert.notInclude(metadata.get("authorization") ?? "", tokenOf(ofB))
      }
    })
  )

  it.live("a new connection that leads to the other robot ends the use of all old ones", () =>
    Effect.gen(function* () {
      const { b, client, moveTo } = yield* twoRobots
      const robot = yield* client()
      const ofA = yield* robot.auth(user)
      moveTo(b)
      yield* fails("FailedPrecondition", robot.call(ofA, echo, "hello"))
      // The connection for sign-ins still leads to A.
      const ofB = yield* robot.auth(user)
      assert.strictEqual(ofB.key.instance, "BD-B")
      assert.isTrue((yield* b.requests).some(({ path }) => path === AUTH))
      yield* robot.refresh(ofB)
    })
  )
})

describe("a sign-in during which a connection is lost", () => {
  const during = Effect.fnUntraced(function* (event: Effect.Effect<void>) {
    const robot = yield* Robot
    const spot = yield* Spot
    yield* robot.auth(user)
    yield* spot.faults.push(GrpcFault.Delay({ duration: "1 second" }), { path: AUTH })
    const fiber = yield* Effect.forkChild(robot.auth(user), { startImmediately: true })
    yield* event
    yield* TestClock.adjust("1 second")
    return fiber
  })

  const layer = RobotTest.layer({ rateLimit: Infinity })

  for (const fault of [
    GrpcFault.DropBefore(),
    GrpcFault.Status({ code: 14, details: "" }),
    GrpcFault.Http({ status: 401 })
  ]) {
    it.effect(`is kept when nobody can say whether it is the same robot: ${JSON.stringify(fault)}`, () =>
      Effect.gen(function* () {
        const spot = yield* Spot
        const lost = Effect.andThen(spot.disconnect, spot.faults.push(fault, { path: ROBOT_ID }))
        const session = yield* Fiber.join(yield* during(lost))
        assert.strictEqual(session.key.instance, yield* spot.serialNumber)
        assert.strictEqual(yield* spot.faults.pending, 0)
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("is not, when it is another one", () =>
    Effect.gen(function* () {
      const spot = yield* Spot
      yield* failsBecause("Closed", Fiber.join(yield* during(spot.replace("BD-other"))))
    }).pipe(Effect.provide(layer))
  )
})
