import { assert, describe, type Vitest } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, type Layer, Option, Redacted, type Scope } from "effect"
import * as Clock from "effect/Clock"
import { fieldNumbers } from "./fields.ts"
import { toTimestamp } from "../../src/internal/wire.ts"
import { type Options, Robot, type SignInError } from "../../src/index.ts"
import { Spot } from "../../src/testing.ts"
import type * as SpotOptions from "../../src/testing/Spot.ts"
import { GrpcFaults } from "@latchkey/grpc/testing"
import { type NotAuthenticated, Session, SessionKey } from "@latchkey/core"
import { echo, echoing } from "./echo.ts"
import { fails, failsBecause } from "../../../../test/support/fails.ts"
import { onceNoticed } from "./onceNoticed.ts"
import { AUTH, idRequests, ROBOT_ID, sent } from "./sent.ts"
import { until } from "../../../../test/support/until.ts"

const { GrpcFault } = GrpcFaults

export interface SuiteOptions extends SpotOptions.Options {
  readonly client?: Pick<Options, "serialNumber" | "clientName" | "timeout" | "renewAfter">
}

type Attempt = Effect.Effect<unknown, SignInError | NotAuthenticated>

const password = Redacted.make("correct-horse")
const user = { username: "user", password }
const wrong = { username: "user", password: Redacted.make("wrong-horse") }

const value = (session: Session): string => Redacted.value(session.accessToken ?? Redacted.make(""))

const services = { [echo.authority]: { [echo.method.path]: echoing } }

/** What every robot must do, whatever carries the calls. */
export const suite = (
  it: Vitest.Tester<Scope.Scope>,
  layer: (options?: SuiteOptions) => Layer.Layer<Robot | Spot, unknown>,
  /** What each test begins with. */
  first: Effect.Effect<void> = Effect.void
): void => {
  const test = <E>(
    title: string,
    program: Effect.Effect<void, E, Robot | Spot | Scope.Scope>,
    options?: SuiteOptions
  ): void =>
    it(title, () =>
      Effect.andThen(first, Effect.provide(program, layer({ rateLimit: Infinity, ...options })))
    )

  describe("a robot", () => {
    describe("requests", () => {
      test(
        "robot-01: a login sends exactly user name, password and header",
        Effect.gen(function* () {
          const robot = yield* Robot
          yield* robot.auth(user)
          const [request, ...others] = yield* sent
          assert.strictEqual(others.length, 0)
          assert.deepStrictEqual(fieldNumbers(request?.message), [1, 2, 3])
          assert.deepInclude(request?.body, { username: "user", password: "correct-horse", token: "" })
        })
      )

      test(
        "robot-02: a re-mint sends exactly token and header",
        Effect.gen(function* () {
          const robot = yield* Robot
          const session = yield* robot.auth(user)
          yield* robot.authWithToken(session.accessToken ?? password, { username: "user" })
          yield* robot.refresh(session)
          const [, ...requests] = yield* sent
          assert.strictEqual(requests.length, 2)
          for (const request of requests) {
            assert.deepStrictEqual(fieldNumbers(request.message), [1, 4])
            assert.strictEqual(request.body.token, value(session))
          }
        })
      )

      test(
        "robot-03: the header names the client and the time of the call",
        Effect.gen(function* () {
          const robot = yield* Robot
          const start = yield* Clock.currentTimeNanos
          yield* robot.auth(user)
          const end = yield* Clock.currentTimeNanos
          assert.isAbove(Number(start), 0)
          const header = (yield* sent)[0]?.body.header
          assert.strictEqual(header?.clientName, "suite")
          const { nanos = -1, seconds = -1n } = header?.requestTimestamp ?? {}
          assert.isTrue(nanos >= 0 && nanos <= 999_999_999)
          const at = seconds * 1_000_000_000n + BigInt(nanos)
          assert.isTrue(start <= at && at <= end, `${start} ${at} ${end}`)
          assert.deepStrictEqual(header?.requestTimestamp, toTimestamp(at))
        }),
        { client: { clientName: "suite" } }
      )

      test(
        "robot-04: the robot is asked not to log what holds secrets",
        Effect.gen(function* () {
          const robot = yield* Robot
          yield* robot.refresh(yield* robot.auth(user))
          const requests = yield* sent
          assert.deepStrictEqual(
            requests.map(({ body }) => body.header?.disableRpcLogging),
            [true, true]
          )
        })
      )

      test(
        "robot-05: the authority is that of the service, without a port",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* robot.auth(user)
          assert.deepStrictEqual(
            (yield* spot.requests).map(({ authority, path }) => [path, authority]),
            [
              [ROBOT_ID, "id.spot.robot"],
              [AUTH, "auth.spot.robot"]
            ]
          )
        })
      )

      test(
        "robot-06: no authorization goes with a login",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* robot.auth(user)
          yield* robot.robotId
          for (const { metadata } of yield* spot.requests) assert.isFalse(metadata.has("authorization"))
        })
      )

      test(
        "robot-07: a token goes with every later call",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const session = yield* robot.auth(user)
          yield* robot.refresh(session)
          yield* robot.robotIdWith(session)
          const [, , ...later] = yield* spot.requests
          assert.strictEqual(later.length, 2)
          for (const { metadata } of later) {
            assert.strictEqual(metadata.get("authorization"), `Bearer ${value(session)}`)
          }
        })
      )

      test(
        "robot-08: the next call carries the refreshed token",
        Effect.gen(function* () {
          const robot = yield* Robot
          const first = yield* robot.auth(user)
          const second = yield* robot.refresh(first)
          yield* robot.refresh(second)
          assert.notStrictEqual(value(first), value(second))
          assert.deepStrictEqual(
            (yield* sent).map(({ metadata }) => metadata.get("authorization")),
            [undefined, `Bearer ${value(first)}`, `Bearer ${value(second)}`]
          )
        })
      )

      test(
        "robot-09: the deadline is 30 s, or what the caller says, whatever is called",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const session = yield* robot.auth(user)
          const token = session.accessToken ?? password
          const given = { timeout: "7 seconds" } as const
          const calls: ReadonlyArray<readonly [string, number, Effect.Effect<unknown, unknown>]> = [
            ["auth", 30, robot.auth(user)],
            ["auth", 7, robot.auth(user, given)],
            ["authWithToken", 30, robot.authWithToken(token, { username: "user" })],
            ["authWithToken", 7, robot.authWithToken(token, { username: "user", ...given })],
            ["refresh", 30, robot.refresh(session)],
            ["authenticate", 30, robot.authenticate({ held: session })],
            ["authenticate", 7, robot.authenticate({ held: session, ...given })],
            ["authenticate", 7, robot.authenticate({ held: { username: "user", token }, ...given })],
            ["authenticate", 7, robot.authenticate({ prompt: Effect.succeed(user), ...given })],
            ["robotId", 30, robot.robotId],
            ["robotIdWith", 30, robot.robotIdWith(session)],
            ["robotIdWith", 7, robot.robotIdWith(session, given)],
            ["call", 30, robot.call(session, echo, "")],
            ["call", 7, robot.call(session, echo, "", given)]
          ]
          for (const [name, wanted, call] of calls) {
            yield* call
            const last = (yield* spot.requests).at(-1)
            const seconds = Duration.toSeconds(Option.getOrThrow(last?.timeout ?? Option.none()))
            assert.isTrue(seconds <= wanted && seconds > wanted - 2, `${name}: ${seconds}`)
          }
        }),
        { services }
      )

      test(
        "robot-09: the client's own deadline is that of every call that states none",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const session = yield* robot.auth(user)
          yield* robot.refresh(session)
          yield* robot.robotId
          yield* robot.robotIdWith(session)
          yield* robot.call(session, echo, "")
          for (const { path, timeout } of yield* spot.requests) {
            const seconds = Duration.toSeconds(Option.getOrThrow(timeout))
            assert.isTrue(seconds <= 11 && seconds > 9, `${path}: ${seconds}`)
          }
        }),
        { services, client: { timeout: "11 seconds" } }
      )
    })

    describe("answers", () => {
      test(
        "robot-10: a good login is a session of this robot and user",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const before = yield* DateTime.now
          const session = yield* robot.auth(user)
          assert.deepStrictEqual(
            session.key,
            new SessionKey({ provider: "robot", instance: yield* spot.serialNumber, account: "user" })
          )
          assert.strictEqual(session.tokenType, "Bearer")
          assert.isUndefined(session.expiresAt)
          assert.isTrue(DateTime.isGreaterThanOrEqualTo(session.issuedAt, before))
          assert.match(value(session), /^[\x21-\x7e]+$/)
        })
      )

      test(
        "robot-11: a refused password, a refused token and a lock-out are three tags",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* fails("InvalidLogin", robot.auth({ ...wrong, username: "nobody" }))
          yield* fails("InvalidToken", robot.authWithToken(Redacted.make("made.up"), { username: "user" }))
          yield* Effect.repeat(fails("InvalidLogin", robot.auth(wrong)), { times: 5 })
          yield* fails("TemporarilyLockedOut", robot.auth(user))
          yield* spot.elapse("59 seconds")
          yield* fails("TemporarilyLockedOut", robot.auth(user))
          yield* spot.elapse("1 second")
          yield* robot.auth(user)
        })
      )

      test(
        "robot-16: software that wants an application token says so",
        Effect.gen(function* () {
          yield* fails("InvalidApplicationToken", (yield* Robot).auth(user))
        }),
        { applicationToken: "Invalid" }
      )

      test(
        "robot-16: software that has an expired application token says so",
        Effect.gen(function* () {
          yield* fails("ExpiredApplicationToken", (yield* Robot).auth(user))
        }),
        { applicationToken: "Expired" }
      )

      test(
        "robot-23: a robot whose clock is a day off lets in as any other",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* robot.refresh(yield* robot.auth(user))
          yield* spot.setClockOffset("-400 days")
          yield* robot.refresh(yield* robot.auth(user))
        }),
        { clockOffset: "1 day" }
      )

      test(
        "a token ends with its life, its user's password, or all of them",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const first = yield* robot.auth(user)
          yield* spot.elapse("1 hour")
          yield* fails("InvalidToken", robot.refresh(first))
          const second = yield* robot.auth(user)
          yield* spot.changePassword("user", Redacted.make("new-horse"))
          yield* fails("InvalidToken", robot.refresh(second))
          yield* spot.changePassword("user", password)
          yield* fails("InvalidToken", robot.refresh(second))
          yield* spot.changePassword("user", Redacted.make("new-horse"))
          yield* fails("InvalidLogin", robot.auth(user))
          yield* spot.addUser("other", password)
          const third = yield* robot.auth({ username: "other", password })
          yield* spot.revokeTokens
          yield* fails("InvalidToken", robot.refresh(third))
          const fourth = yield* robot.auth({ username: "other", password })
          yield* spot.removeUser("other")
          yield* fails("InvalidToken", robot.refresh(fourth))
        }),
        { tokenLife: "1 hour" }
      )

      test(
        "a lock-out is of one robot",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* Effect.repeat(fails("InvalidLogin", robot.auth(wrong)), { times: 5 })
          yield* fails("TemporarilyLockedOut", robot.auth(user))
          yield* spot.replace("BD-other")
          yield* onceNoticed(robot.auth(user))
        })
      )

      test(
        "more than five logins in a second are too many",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* Effect.repeat(robot.auth(user), { times: 4 })
          const error = yield* failsBecause("RateLimited", robot.auth(user))
          assert.isTrue(error.isRetryable)
          yield* spot.elapse("1 second")
          yield* robot.auth(user)
        }),
        { rateLimit: 5 }
      )
    })

    describe("arguments", () => {
      test(
        "nothing is sent for arguments that cannot work",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const empty = Redacted.make("")
          const attempts = [
            ["username", robot.auth({ username: "", password })],
            ["password", robot.auth({ username: "user", password: empty })],
            ["password", robot.auth({ username: "user", password: Redacted.make("half \ud800") })],
            ["username", robot.auth({ username: "\udc00", password })],
            ["username", robot.authWithToken(Redacted.make("a.b.c"), { username: "" })],
            ["token", robot.authWithToken(empty, { username: "user" })],
            ["token", robot.authWithToken(Redacted.make("a\nb"), { username: "user" })],
            ["token", robot.authWithToken(Redacted.make("tök"), { username: "user" })],
            ["token", robot.authWithToken(Redacted.make("x".repeat(16_385)), { username: "user" })]
          ] as const
          for (const [field, attempt] of attempts) {
            assert.strictEqual((yield* fails("InvalidRequest", attempt)).field, field)
          }
          const session = yield* robot.auth(user)
          const without = new Session({ key: session.key, issuedAt: session.issuedAt })
          yield* fails("InvalidRequest", robot.refresh(without))
          yield* fails("InvalidRequest", robot.robotIdWith(without))
          yield* fails("InvalidRequest", robot.call(without, echo, ""))
          assert.strictEqual((yield* spot.requests).length, 2)
        })
      )
    })

    describe("which robot", () => {
      test(
        "is asked once, and again after a lost connection",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* Effect.all([robot.auth(user), robot.auth(user), robot.auth(user)], {
            concurrency: "unbounded"
          })
          yield* robot.auth(user)
          assert.strictEqual(yield* idRequests, 1)
          yield* spot.reboot
          yield* onceNoticed(robot.auth(user))
          assert.isAtLeast(yield* idRequests, 2)
        })
      )

      test(
        "is asked once for each service, and not again while the connections stand",
        Effect.gen(function* () {
          const robot = yield* Robot
          const session = yield* robot.auth(user)
          assert.strictEqual(yield* idRequests, 1)
          yield* robot.call(session, echo, "")
          const asked = yield* idRequests
          assert.isAtMost(asked, 2)
          yield* robot.refresh(session)
          yield* robot.call(session, echo, "")
          yield* robot.auth(user)
          assert.strictEqual(yield* idRequests, asked)
        }),
        { services }
      )

      test(
        "may be said beforehand: no other one gets a secret",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const session = yield* robot.auth(user)
          assert.strictEqual(session.key.instance, "BD-known")
          assert.strictEqual(yield* idRequests, 1)
          yield* spot.replace("BD-other")
          const before = (yield* sent).length
          const token = session.accessToken ?? password
          const attempts: ReadonlyArray<Attempt> = [
            robot.auth(user),
            robot.authWithToken(token, { username: "user" }),
            robot.refresh(session),
            robot.authenticate({ prompt: Effect.succeed(user) }),
            robot.robotIdWith(session),
            robot.call(session, echo, "")
          ]
          for (const attempt of attempts) {
            const refused = yield* fails("FailedPrecondition", onceNoticed(attempt))
            assert.strictEqual(refused.precondition, "OtherInstance")
          }
          assert.strictEqual((yield* sent).length, before)
          for (const { metadata } of yield* spot.requests) assert.isFalse(metadata.has("authorization"))
          assert.strictEqual((yield* robot.robotId).serialNumber, "BD-other")
        }),
        { services, serialNumber: "BD-known", client: { serialNumber: "BD-known" } }
      )

      test(
        "and which provider: a session of another one is not sent",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const { accessToken, issuedAt, key } = yield* robot.auth(user)
          const strange = new Session({
            key: new SessionKey({ ...key, provider: "turnstile" }),
            issuedAt,
            ...(accessToken && { accessToken })
          })
          const attempts: ReadonlyArray<Attempt> = [
            robot.refresh(strange),
            robot.robotIdWith(strange),
            robot.call(strange, echo, "")
          ]
          for (const attempt of attempts) yield* fails("FailedPrecondition", attempt)
          for (const { metadata } of yield* spot.requests) assert.isFalse(metadata.has("authorization"))
        }),
        { services }
      )

      test(
        "that it wants a token to say so is no verdict on any token",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const session = yield* robot.auth(user)
          const attempts: ReadonlyArray<Attempt> = [
            robot.robotId,
            robot.refresh(session),
            robot.robotIdWith(session),
            robot.auth(user)
          ]
          for (const fault of [
            GrpcFault.Http({ status: 401 }),
            GrpcFault.Status({ code: 16, details: "" })
          ]) {
            for (const attempt of attempts) {
              yield* spot.disconnect
              yield* spot.faults.push(fault, { path: ROBOT_ID })
              yield* fails("PermissionDenied", onceNoticed(attempt))
              yield* spot.faults.clear
            }
          }
          // With a token it is one.
          yield* robot.robotIdWith(session)
          yield* spot.faults.push(GrpcFault.Status({ code: 16, details: "" }), { path: ROBOT_ID })
          yield* fails("InvalidToken", robot.robotIdWith(session))
        })
      )

      test(
        "must be known before a password is sent",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* spot.faults.push(GrpcFault.Status({ code: 7, details: "" }), { path: ROBOT_ID })
          yield* fails("PermissionDenied", robot.auth(user))
          assert.strictEqual((yield* sent).length, 0)
          yield* robot.auth(user)
        })
      )

      test(
        "decides where a token is sent: not to another one",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const session = yield* robot.auth(user)
          yield* spot.replace("BD-other")
          const refused = fails("FailedPrecondition", onceNoticed(robot.refresh(session)))
          assert.strictEqual((yield* refused).precondition, "OtherInstance")
          yield* fails("FailedPrecondition", robot.robotIdWith(session))
          for (const { metadata } of yield* spot.requests) assert.isFalse(metadata.has("authorization"))
          assert.strictEqual((yield* robot.auth(user)).key.instance, "BD-other")
        })
      )

      test(
        "tells its id",
        Effect.gen(function* () {
          const id = yield* (yield* Robot).robotId
          assert.strictEqual(id.serialNumber, "BD-7")
          assert.strictEqual(id.softwareRelease?.version?.majorVersion, 5)
        }),
        { serialNumber: "BD-7" }
      )

      test(
        "is asked once by any number, and taken back when nobody waits",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          yield* spot.faults.push(GrpcFault.Silent(), { path: ROBOT_ID })
          const fibers = yield* Effect.forEach([1, 2, 3], () =>
            Effect.forkChild(robot.auth(user), { startImmediately: true })
          )
          yield* until(Effect.map(spot.faults.pending, (pending) => pending === 0))
          assert.strictEqual(yield* idRequests, 0)
          yield* Effect.forEach(fibers, Fiber.interrupt)
          yield* robot.auth(user)
          assert.strictEqual(yield* idRequests, 1)
        })
      )
    })

    describe("sessions", () => {
      test(
        "robot-45: a held token that is refused says so, and a password works on the same client",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          const session = yield* robot.auth(user)
          yield* spot.revokeTokens
          yield* fails("InvalidToken", robot.refresh(session))
          yield* robot.refresh(yield* robot.auth(user))
        })
      )

      test(
        "logout forgets, and sends nothing",
        Effect.gen(function* () {
          const robot = yield* Robot
          const session = yield* robot.auth(user)
          assert.strictEqual(yield* robot.logout(session), "NotRevocable")
          assert.strictEqual((yield* sent).length, 1)
          yield* robot.refresh(session)
        })
      )

      test(
        "robot-34: a call that loses its connection may be repeated, on the same client",
        Effect.gen(function* () {
          const robot = yield* Robot
          const spot = yield* Spot
          for (const fault of [GrpcFault.DropBefore(), GrpcFault.DropAfter()]) {
            yield* spot.faults.push(fault, { path: AUTH })
            const error = yield* failsBecause("Closed", robot.auth(user))
            assert.isTrue(error.isRetryable)
            yield* robot.auth(user)
          }
        })
      )
    })
  })
}
