import { assert, describe, type Vitest } from "@effect/vitest"
import { GrpcFaults } from "@latchkey/grpc/testing"
import { DateTime, Duration, Effect, Fiber, type Layer, Option, Redacted, type Scope } from "effect"
import { type Options, type LoginError, Resonite, type StatusError } from "../../src/index.ts"
import { Game } from "../../src/testing.ts"
import type { Options as GameOptions } from "../../src/testing/Game.ts"
import { fails, failsBecause } from "../../../../test/support/fails.ts"
import { inFlight, lastSent, LOGIN, LOGOUT, STATUS } from "./sent.ts"
import { bytes, hex, int64, loggedIn, message } from "./wire.ts"

const { GrpcFault } = GrpcFaults

export interface SuiteOptions extends GameOptions {
  readonly client?: Pick<Options, "timeout">
}

const password = Redacted.make("correct-horse")
const ada = { credential: "ada", password }
const grace = { credential: "grace", password }
const code = Redacted.make("123456")

/** The account of the contract's byte vectors. */
const alice = { userId: "U-1", userName: "alice", password: Redacted.make("pw") }

const sentHex = Effect.map(lastSent, (request) => Buffer.from(request?.message ?? hex("ff")).toString("hex"))

/** The status that these bytes are. */
const told = Effect.fnUntraced(function* (answer: Uint8Array) {
  const game = yield* Game
  yield* game.faults.push(GrpcFault.Garbage({ bytes: answer }))
  return yield* (yield* Resonite).status()
})

/** What these bytes fail with as an answer to each of the three. */
const refusedBytes = Effect.fnUntraced(function* (answer: Uint8Array) {
  const game = yield* Game
  const resonite = yield* Resonite
  for (const call of [resonite.status(), resonite.logout(), resonite.login(ada)]) {
    yield* game.faults.push(GrpcFault.Garbage({ bytes: answer }))
    yield* fails("InvalidResponse", call)
  }
})

/** What each of the three calls makes of a status of the server. */
const after = Effect.fnUntraced(function* (status: number, details: string) {
  const game = yield* Game
  const resonite = yield* Resonite
  const failure = <E extends LoginError | StatusError>(call: Effect.Effect<unknown, E>) =>
    Effect.andThen(game.faults.push(GrpcFault.Status({ code: status, details })), Effect.flip(call))
  return {
    login: yield* failure(resonite.login(ada)),
    withCode: yield* failure(resonite.login({ ...grace, totp: code })),
    logout: yield* failure(resonite.logout()),
    status: yield* failure(resonite.status())
  }
})

/** Whether a login says more than another call that failed in the same way, which it repeats. */
const isAdvised = (login: LoginError, other: StatusError): boolean =>
  login.message !== other.message && login.message.startsWith(other.message)

/** What every game must do, whatever carries the calls. */
export const suite = (
  it: Vitest.Tester<Scope.Scope>,
  layer: (options?: SuiteOptions) => Layer.Layer<Resonite | Game, unknown>
): void => {
  const test = <E>(
    title: string,
    program: Effect.Effect<void, E, Resonite | Game | Scope.Scope>,
    options?: SuiteOptions
  ): void => it(title, () => Effect.provide(program, layer(options)))

  describe("a game", () => {
    describe("requests", () => {
      test(
        "resonite-01: a login with defaults sends credential, password and remember_me",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          yield* resonite.login({ credential: "alice", password: alice.password })
          assert.strictEqual((yield* lastSent)?.path, "/resonite_io.v1.Auth/Login")
          assert.strictEqual(yield* sentHex, "0a05616c696365120270772001")
        }),
        { accounts: [alice] }
      )

      test(
        "resonite-02: a login that is not to be remembered leaves remember_me out",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          yield* resonite.login({ credential: "alice", password: alice.password, rememberMe: false })
          assert.strictEqual(yield* sentHex, "0a05616c69636512027077")
        }),
        { accounts: [alice] }
      )

      test(
        "resonite-03: a code is sent as it is",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          const given = { credential: "alice", password: alice.password, totp: code, rememberMe: false }
          yield* resonite.login(given)
          assert.strictEqual(yield* sentHex, "0a05616c696365120270771a06313233343536")
        }),
        { accounts: [{ ...alice, totp: code }] }
      )

      test(
        "resonite-03: an empty code, credential or password is refused, and nothing is sent",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          for (const bad of ["", "\ud800"]) {
            const attempts = {
              totp: { ...grace, totp: Redacted.make(bad) },
              credential: { ...grace, credential: bad },
              password: { ...grace, password: Redacted.make(bad) }
            }
            for (const [field, attempt] of Object.entries(attempts)) {
              assert.strictEqual((yield* fails("InvalidRequest", resonite.login(attempt))).field, field)
              assert.strictEqual((yield* fails("InvalidRequest", resonite.signIn(attempt))).field, field)
            }
          }
          assert.deepStrictEqual(yield* game.requests, [])
        })
      )

      test(
        "resonite-04: status and logout are zero bytes at their paths",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          yield* resonite.status()
          assert.deepInclude(yield* lastSent, { path: "/resonite_io.v1.Auth/Status" })
          assert.strictEqual(yield* sentHex, "")
          yield* resonite.logout()
          assert.deepInclude(yield* lastSent, { path: "/resonite_io.v1.Auth/Logout" })
          assert.strictEqual(yield* sentHex, "")
        })
      )

      test(
        "resonite-05: the authority is a host, and there is no authorization",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          yield* resonite.login(ada)
          yield* resonite.status()
          yield* resonite.logout()
          const requests = yield* game.requests
          assert.lengthOf(requests, 3)
          for (const { authority, metadata } of requests) {
            assert.strictEqual(authority, "localhost")
            assert.isFalse(metadata.has("authorization"))
          }
        })
      )

      for (const [client, changes, asks] of [
        [undefined, 30, 10],
        ["20 seconds", 20, 20]
      ] as const) {
        test(
          `resonite-06: the deadline is ${changes} s and ${asks} s, or what the caller says`,
          Effect.gen(function* () {
            const resonite = yield* Resonite
            const given = { timeout: "7 seconds" } as const
            const calls: ReadonlyArray<readonly [string, number, Effect.Effect<unknown, unknown>]> = [
              ["login", changes, resonite.login(ada)],
              ["signIn", changes, resonite.signIn(ada)],
              ["status", asks, resonite.status()],
              ["logout", changes, resonite.logout()],
              ["login", 7, resonite.login(ada, given)],
              ["signIn", 7, resonite.signIn(ada, given)],
              ["status", 7, resonite.status(given)],
              ["logout", 7, resonite.logout(given)]
            ]
            for (const [name, wanted, call] of calls) {
              yield* call
              const timeout = (yield* lastSent)?.timeout ?? Option.none()
              const seconds = Duration.toSeconds(Option.getOrThrow(timeout))
              assert.isTrue(seconds <= wanted && seconds > wanted - 2, `${name}: ${seconds}`)
            }
          }),
          client === undefined ? {} : { client: { timeout: client } }
        )
      }

      test(
        "resonite-06: a deadline that cannot be one is refused",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          for (const timeout of [0, "Infinity", -1] as const) {
            for (const call of [
              resonite.status({ timeout }),
              resonite.logout({ timeout }),
              resonite.login(ada, { timeout })
            ]) {
              assert.strictEqual((yield* fails("InvalidRequest", call)).field, "timeout")
            }
          }
        })
      )

      it("resonite-06: nor is it taken as an option", () =>
        Effect.gen(function* () {
          for (const timeout of [0, "Infinity"] as const) {
            const error = yield* Effect.flip(Effect.provide(Resonite, layer({ client: { timeout } })))
            assert.deepInclude(error, { _tag: "InvalidRequest", field: "timeout" })
          }
        }))
    })

    describe("answers", () => {
      test(
        "resonite-07: all four fields arrive unchanged",
        Effect.gen(function* () {
          const status = yield* told(hex("08011203552d311a05616c69636520959ac3e9b386baa31a"))
          assert.deepInclude(status, {
            loggedIn: true,
            userId: "U-1",
            userName: "alice",
            sessionExpiresUnixNanos: 1893456000123456789n
          })
        })
      )

      test(
        "resonite-08: an expiry is exact to the nanosecond, as JSON too",
        Effect.gen(function* () {
          for (const nanos of [9007199254740993n, 1893456000123456789n, 9223372036854775807n]) {
            const status = yield* told(loggedIn(nanos))
            assert.strictEqual(status.sessionExpiresUnixNanos, nanos)
            assert.include(JSON.stringify(status), `"${nanos}"`)
          }
        })
      )

      test(
        "resonite-09: an expiry of 0 or less is no date, and kept",
        Effect.gen(function* () {
          for (const nanos of [0n, -1n, -4852116231933722724n, -9223372036854775808n]) {
            const status = yield* told(loggedIn(nanos))
            assert.isTrue(status.loggedIn)
            assert.strictEqual(status.sessionExpiresUnixNanos, nanos)
            assert.isTrue(Option.isNone(status.sessionExpires))
          }
        })
      )

      test(
        "resonite-10: the date is rounded down to the millisecond",
        Effect.gen(function* () {
          for (const [nanos, iso] of [
            [1893456000123456789n, "2030-01-01T00:00:00.123Z"],
            [1893456000123999999n, "2030-01-01T00:00:00.123Z"],
            [9223372036854775807n, "2262-04-11T23:47:16.854Z"],
            [1n, "1970-01-01T00:00:00.000Z"]
          ] as const) {
            const { sessionExpires } = yield* told(loggedIn(nanos))
            assert.strictEqual(DateTime.formatIso(Option.getOrThrow(sessionExpires)), iso)
          }
        })
      )

      test(
        "resonite-11: an answer of zero bytes is logged out",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          const game = yield* Game
          const nobody = { loggedIn: false, sessionExpiresUnixNanos: 0n }
          assert.deepEqual({ ...(yield* told(hex(""))) }, nobody)
          yield* game.faults.push(GrpcFault.Garbage({ bytes: hex("") }))
          assert.deepEqual({ ...(yield* resonite.logout()) }, nobody)
          yield* game.faults.push(GrpcFault.Garbage({ bytes: hex("") }))
          yield* fails("InvalidResponse", resonite.login(ada))
        })
      )

      test(
        "resonite-12: logged in with empty id and name is logged in",
        Effect.gen(function* () {
          const status = yield* told(hex("0801"))
          assert.deepEqual({ ...status }, { loggedIn: true, sessionExpiresUnixNanos: 0n })
          assert.isTrue((yield* told(message(int64(1, 1n), bytes(2, ""), bytes(3, "")))).loggedIn)
        })
      )

      test(
        "resonite-13: logged out with leftovers is logged out, and nobody",
        Effect.gen(function* () {
          const status = yield* told(hex("1203552d311a05616c69636520959ac3e9b386baa31a"))
          assert.deepEqual({ ...status }, { loggedIn: false, sessionExpiresUnixNanos: 1893456000123456789n })
          assert.isTrue(Option.isNone(status.sessionExpires))
        })
      )

      test(
        "resonite-14: unknown fields, fields given twice and a padded bool change nothing",
        Effect.gen(function* () {
          const plain = yield* told(hex("08011203552d311a05616c69636520959ac3e9b386baa31a"))
          const odd = message(
            hex("088001"),
            bytes(15, "unknown"),
            int64(16, 7n),
            hex("9d0100000000"),
            hex("990100000000000000009b019c01"),
            bytes(2, "U-0"),
            bytes(2, "U-1"),
            int64(4, 1n),
            bytes(3, "alice"),
            int64(4, 1893456000123456789n)
          )
          assert.deepStrictEqual(yield* told(odd), plain)
        })
      )

      test(
        "resonite-15: what is no message is a malformed answer",
        Effect.gen(function* () {
          for (const bad of [
            "08",
            "0801120355",
            "1202c328",
            "1a01ff",
            "00",
            "ffffff",
            "0807ff01020304",
            "0b"
          ]) {
            yield* refusedBytes(hex(bad))
          }
        })
      )

      test(
        "resonite-16: logging out twice succeeds, and says logged out",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          assert.isTrue((yield* resonite.login(ada)).loggedIn)
          assert.isFalse((yield* resonite.logout()).loggedIn)
          assert.isFalse((yield* resonite.logout()).loggedIn)
          assert.isFalse((yield* resonite.status()).loggedIn)
        })
      )

      test(
        "a user signs in by name, address or id, in any letters",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          for (const credential of ["zoë k", "zoë@example.com", "U-zoë"]) {
            const status = yield* resonite.login({ credential, password })
            assert.deepInclude(status, { userId: "U-zoë", userName: "zoë k" })
            assert.deepStrictEqual(yield* resonite.status(), status)
            yield* resonite.logout()
          }
        }),
        { accounts: [{ userId: "U-zoë", userName: "zoë k", email: "zoë@example.com", password }] }
      )
    })

    describe("errors", () => {
      test(
        "resonite-17: a refusal of the cloud is InvalidLogin, an outage is not",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          const wrong = { credential: "ada", password: Redacted.make("wrong-horse") }
          const refused = yield* fails("InvalidLogin", resonite.login(wrong))
          assert.strictEqual(refused.factor, "password")
          assert.isFalse(refused.isRetryable)
          assert.include(refused.message, "HTTP 403")
          yield* game.setCloud({ http: 503 })
          assert.strictEqual((yield* fails("ServerError", resonite.login(ada))).status, 503)
          yield* game.setCloud({ http: 429 })
          yield* failsBecause("RateLimited", resonite.login(ada))
          yield* game.setCloud("Up")
          assert.isTrue((yield* resonite.login(ada)).loggedIn)
        })
      )

      test(
        "resonite-18: a cloud that is out of reach is told from a refusal",
        Effect.gen(function* () {
          const game = yield* Game
          yield* game.setCloud("Down")
          const error = yield* fails("ServerError", (yield* Resonite).login(ada))
          assert.strictEqual(error.status, 16)
          assert.isTrue(error.isRetryable)
        })
      )

      test(
        "resonite-19: a refused code is InvalidLogin of the second factor",
        Effect.gen(function* () {
          const attempt = (yield* Resonite).login({ ...grace, totp: Redacted.make("000000") })
          const error = yield* fails("InvalidLogin", attempt)
          assert.strictEqual(error.factor, "totp")
          assert.isFalse(error.isRetryable)
        })
      )

      test(
        "resonite-20: a code that is required, a game that is not ready, and any other words",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          const required = yield* fails("FailedPrecondition", resonite.login(grace))
          assert.strictEqual(required.precondition, "TotpRequired")
          yield* resonite.login(ada)
          yield* game.setStarting(true)
          for (const call of [resonite.login(grace), resonite.logout()]) {
            const error = yield* fails("FailedPrecondition", call)
            assert.strictEqual(error.precondition, "NotReady")
            assert.isTrue(error.isRetryable)
          }
          assert.isFalse((yield* resonite.status()).loggedIn)
          yield* game.setStarting(false)
          assert.isTrue((yield* resonite.status()).loggedIn)
          for (const error of Object.values(yield* after(9, "not today"))) {
            assert.deepInclude(error, { _tag: "FailedPrecondition", precondition: "NotReady" })
          }
        })
      )

      test(
        "resonite-21: after a code was required, the same login with it succeeds",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          yield* fails("FailedPrecondition", resonite.login(grace))
          const status = yield* resonite.login({ ...grace, totp: code })
          assert.deepInclude(status, { loggedIn: true, userId: "U-grace" })
        })
      )

      test(
        "resonite-22: a missing bridge is told from a game that is not there",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          yield* game.setBridgeMissing(true)
          for (const call of [resonite.login(ada), resonite.logout(), resonite.status()]) {
            const error = yield* fails("FailedPrecondition", call)
            assert.strictEqual(error.precondition, "BridgeNotConfigured")
            assert.isFalse(error.isRetryable)
          }
          for (const error of Object.values(yield* after(14, "busy"))) {
            yield* failsBecause("ServiceUnavailable", Effect.fail(error))
          }
        })
      )

      test(
        "resonite-23: a mod without the service is told apart",
        Effect.gen(function* () {
          const resonite = yield* Resonite
          for (const call of [resonite.login(ada), resonite.logout(), resonite.status()]) {
            assert.isFalse((yield* failsBecause("NotImplemented", call)).isRetryable)
          }
        }),
        { auth: false }
      )

      test(
        "resonite-23: a fault of the server is ServerError, with its status and text",
        Effect.gen(function* () {
          for (const status of [2, 13]) {
            const errors = yield* after(status, "Auth bridge faulted: boom")
            for (const error of Object.values(errors)) {
              assert.deepInclude(error, { _tag: "ServerError", status })
            }
            assert.include(errors.status.message, "Auth bridge faulted: boom")
            assert.include(errors.logout.message, "Auth bridge faulted: boom")
            // A login holds secrets, which the text may repeat.
            assert.notInclude(errors.login.message, "boom")
          }
        })
      )

      test(
        "resonite-23: every other status is kept, with its text",
        Effect.gen(function* () {
          for (const status of [1, 3, 5, 6, 7, 8, 10, 11, 15, 99]) {
            const errors = yield* after(status, "words of the server")
            for (const error of Object.values(errors)) {
              assert.deepInclude(error, { _tag: "InvalidResponse", code: status })
            }
            assert.include(errors.status.message, "words of the server")
            assert.include(errors.logout.message, "words of the server")
          }
          for (const error of Object.values(yield* after(4, "late"))) {
            yield* failsBecause("TimedOut", Effect.fail(error))
          }
          const refused = yield* after(16, "who are you?")
          assert.strictEqual(refused.login._tag, "InvalidLogin")
          assert.deepInclude(refused.status, { _tag: "InvalidResponse", code: 16 })
          assert.deepInclude(refused.logout, { _tag: "InvalidResponse", code: 16 })
        })
      )

      test(
        "resonite-23: no text is shown with what cannot be seen, or at any length",
        Effect.gen(function* () {
          for (const status of [2, 13, 3, 99]) {
            const errors = yield* after(status, `one\u001b[31m\u0085\u202etwo ${"long ".repeat(200)}`)
            for (const error of [errors.status, errors.logout]) {
              assert.notMatch(error.message, /[\p{C}\p{Zl}\p{Zp}]/u)
              assert.include(error.message, "one[31mtwo")
              assert.isBelow(error.message.length, 300)
            }
          }
        })
      )

      test(
        "resonite-24: a text arrives decoded",
        Effect.gen(function* () {
          const text = "Auth bridge faulted: 100 % für 猫, %41"
          assert.include((yield* after(13, text)).status.message, text)
        })
      )

      test(
        "what is no answer of the mod is typed",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          for (const fault of [
            GrpcFault.Html(),
            GrpcFault.NoMessage(),
            GrpcFault.Truncated(),
            GrpcFault.NoTrailers(),
            GrpcFault.Http({ status: 401 }),
            GrpcFault.Http({ status: 403 }),
            GrpcFault.RawStatus({ status: "sixteen" })
          ]) {
            for (const call of [resonite.login(ada), resonite.status()]) {
              yield* game.faults.push(fault)
              yield* fails("InvalidResponse", call)
            }
          }
        })
      )

      test(
        "a login whose answer was lost has succeeded",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          yield* game.faults.push(GrpcFault.DropAfter(), { path: LOGIN })
          const login = yield* failsBecause("Closed", resonite.login(ada))
          assert.isTrue((yield* resonite.status()).loggedIn)
          yield* game.faults.push(GrpcFault.DropBefore(), { path: LOGOUT })
          const logout = yield* failsBecause("Closed", resonite.logout())
          assert.isTrue((yield* resonite.status()).loggedIn)
          assert.isTrue(isAdvised(login, logout))
          yield* game.faults.push(GrpcFault.Status({ code: 4, details: "" }), { times: 2 })
          const late = yield* failsBecause("TimedOut", resonite.login(ada))
          const other = yield* failsBecause("TimedOut", resonite.logout())
          assert.isTrue(isAdvised(late, other))
        })
      )

      test(
        "a login whose answer broke off has succeeded",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          for (const fault of [GrpcFault.Truncated(), GrpcFault.NoTrailers()]) {
            yield* game.faults.push(fault, { path: LOGIN })
            const login = yield* fails("InvalidResponse", resonite.login(ada))
            assert.isTrue((yield* resonite.status()).loggedIn)
            yield* game.faults.push(fault, { path: LOGOUT })
            const logout = yield* fails("InvalidResponse", resonite.logout())
            assert.isTrue(isAdvised(login, logout))
            assert.strictEqual(login.code, logout.code)
          }
          yield* game.faults.push(GrpcFault.Oversized({ bytes: 101 * 2 ** 20 }), { times: 2 })
          const login = yield* failsBecause("MessageTooLarge", resonite.login(ada))
          assert.isTrue(isAdvised(login, yield* failsBecause("MessageTooLarge", resonite.logout())))
        })
      )

      test(
        "a login that was not sent has not",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          yield* game.stop
          const login = yield* failsBecause("SocketNotFound", resonite.login(ada))
          assert.isFalse(isAdvised(login, yield* failsBecause("SocketNotFound", resonite.logout())))
        })
      )
    })

    describe("a game that changes by itself", () => {
      test(
        "the player signs in and out",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          yield* game.addAccount(alice)
          yield* game.setSessionExpires(1893456000123456700n)
          yield* game.loginInGame(alice)
          assert.deepInclude(yield* resonite.status(), {
            userId: "U-1",
            sessionExpiresUnixNanos: 1893456000123456700n
          })
          yield* game.logoutInGame
          assert.isFalse((yield* resonite.status()).loggedIn)
          const again = yield* resonite.login({ credential: "alice", password: alice.password })
          assert.strictEqual(again.sessionExpiresUnixNanos, 1893456000123456700n)
        })
      )

      test(
        "a game that stops cuts the calls it has taken off, and is there again after a restart",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          yield* resonite.login(ada)
          for (const again of [game.start, game.restart]) {
            const call = yield* inFlight(resonite.status())
            yield* game.stop
            yield* failsBecause("Closed", Fiber.join(call))
            yield* failsBecause("SocketNotFound", resonite.status())
            yield* game.stop
            yield* again
            yield* game.start
            assert.isTrue((yield* resonite.status()).loggedIn, "it was to be remembered")
          }
        })
      )

      test(
        "resonite-36: signing in does not ask for the mod's version",
        Effect.gen(function* () {
          const game = yield* Game
          const resonite = yield* Resonite
          assert.isTrue((yield* resonite.login(ada)).loggedIn)
          assert.deepStrictEqual(
            (yield* game.requests).map(({ path }) => path),
            [LOGIN]
          )
          assert.isTrue((yield* resonite.status()).loggedIn)
          assert.strictEqual((yield* lastSent)?.path, STATUS)
        }),
        { info: false }
      )
    })
  })
}
