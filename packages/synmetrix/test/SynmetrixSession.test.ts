/** A session in a `SessionRef`: renewed once, kept through every failure, dropped by a verdict. */
import { assert, describe, it } from "@effect/vitest"
import { Session, SessionKey, SessionRef, Sessions, SessionStore } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { json } from "@latchkey/testing/HttpHandler"
import {
  Clock,
  DateTime,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Random,
  Redacted,
  Result
} from "effect"
import { TestClock } from "effect/testing"
import { Synmetrix } from "../src/index.ts"
import { AuthServer, SynmetrixTest } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { until } from "../../../test/support/until.ts"
import { answering, over } from "./support/over.ts"
import { good, session as earlier, value } from "./support/tokens.ts"

const { HttpFault } = HttpFaults

const ada = { email: "ada@example.com", password: Redacted.make("correct-horse") }
const change = { oldPassword: ada.password, newPassword: Redacted.make("battery-staple") }

const REFRESH = "/auth/token/refresh"
const LIFE = Duration.minutes(10_800)

const layer = Layer.mergeAll(SynmetrixTest.layer(), Layer.fresh(SessionStore.layerMemory))

/** Signed in, and kept so. */
const signedIn = Effect.gen(function* () {
  const synmetrix = yield* Synmetrix
  const server = yield* AuthServer
  const store = yield* SessionStore
  const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
  const ref = yield* SessionRef.make(synmetrix, session)
  const stored = Effect.map(store.get(ref.key), (entry) =>
    Option.map(entry, ({ session }) => StoredSession.encode(session))
  )
  const count = (path: string) =>
    Effect.map(server.requests, (all) => all.filter((request) => request.path === path).length)
  return { ref, server, session, stored, synmetrix, renewals: count(REFRESH), count }
})

describe("a session that is kept", () => {
  it.effect("synmetrix-25: the stored refresh token is the new one", () =>
    Effect.gen(function* () {
      const { ref, renewals, session, stored } = yield* signedIn
      yield* TestClock.adjust(LIFE)
      const renewed = yield* ref.get
      assert.notStrictEqual(value(renewed.refreshToken), value(session.refreshToken))
      assert.deepStrictEqual(yield* stored, Option.some(StoredSession.encode(renewed)))
      assert.strictEqual(yield* renewals, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-26: one that is over is dropped", () =>
    Effect.gen(function* () {
      const { ref, session, stored, synmetrix } = yield* signedIn
      // Spent by somebody else.
      yield* synmetrix.refresh(session)
      yield* TestClock.adjust(LIFE)
      assert.strictEqual((yield* fails("SessionExpired", ref.get)).verdict, "SessionExpired")
      assert.deepStrictEqual(yield* stored, Option.none())
    }).pipe(Effect.provide(layer))
  )

  for (const callers of [8, 100]) {
    it.effect(`synmetrix-27: ${callers} callers cause one request, and get the same session`, () =>
      Effect.gen(function* () {
        const { ref, renewals, server } = yield* signedIn
        yield* TestClock.adjust(LIFE)
        yield* server.faults.push(HttpFault.Delay({ duration: "1 second" }), { path: REFRESH })
        const all = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: callers }), () => ref.get, { concurrency: "unbounded" })
        )
        // One that goes away takes nothing along.
        const impatient = yield* Effect.forkChild(ref.get, { startImmediately: true })
        yield* Fiber.interrupt(impatient)
        yield* TestClock.adjust("1 second")
        const sessions = yield* Fiber.join(all)
        assert.strictEqual(new Set(sessions).size, 1)
        assert.strictEqual(yield* renewals, 1)
        assert.strictEqual(yield* server.refreshTokens, 1)
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect(
    "synmetrix-28: one whose database is away is kept, and one that never was a UUID is dropped",
    () =>
      Effect.gen(function* () {
        const { ref, server, session, stored, synmetrix } = yield* signedIn
        const before = yield* stored
        yield* server.setDatabaseAway(true)
        yield* TestClock.adjust(LIFE)
        assert.strictEqual((yield* fails("ServerError", ref.get)).status, 400)
        assert.deepStrictEqual(yield* stored, before)
        yield* server.setDatabaseAway(false)
        yield* TestClock.adjust("2 seconds")
        yield* ref.get
        const { key } = session
        const other = yield* SessionRef.make(
          synmetrix,
          new Session({
            ...session,
            key: new SessionKey({ ...key, account: "odd" }),
            refreshToken: Redacted.make("not-a-uuid")
          })
        )
        yield* TestClock.adjust(LIFE)
        yield* fails("SessionExpired", other.get)
        const store = yield* SessionStore
        assert.deepStrictEqual(yield* store.get(other.key), Option.none())
      }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-31: where none is held, or it lacks the token, nothing is sent", () =>
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const key = new SessionKey({
        provider: synmetrix.name,
        instance: synmetrix.instance,
        account: "ada@example.com"
      })
      const ref = yield* SessionRef.open(synmetrix, key)
      yield* fails("NotAuthenticated", ref.get)
      yield* fails(
        "NotAuthenticated",
        ref.use((session) => synmetrix.changePassword(session, change))
      )
      const { forgotten, told } = yield* ref.logout
      assert.isFalse(forgotten)
      assert.deepStrictEqual(told, Option.none())
      const {
        accessToken: _,
        refreshToken: __,
        ...bare
      } = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
      const empty = new Session(bare)
      const before = yield* server.requests
      yield* fails("NotAuthenticated", synmetrix.refresh(empty))
      yield* fails("NotAuthenticated", synmetrix.refreshToken(empty))
      yield* fails("NotAuthenticated", synmetrix.logout(empty))
      yield* fails("NotAuthenticated", synmetrix.changePassword(empty, change))
      yield* fails("NotAuthenticated", synmetrix.authHeaders(empty))
      assert.deepStrictEqual(yield* server.requests, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-30: is forgotten at logout, and the server is told", () =>
    Effect.gen(function* () {
      const { ref, server, stored } = yield* signedIn
      const { forgotten, told } = yield* ref.logout
      assert.isTrue(forgotten)
      assert.deepStrictEqual(told, Option.some(Result.succeed("Revoked")))
      assert.deepStrictEqual(yield* stored, Option.none())
      assert.strictEqual(yield* server.refreshTokens, 0)
      yield* fails("NotAuthenticated", ref.get)
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "synmetrix-32: a logout that the proxy answers is reported, and the session is as good as before",
    () =>
      Effect.gen(function* () {
        const { ref, server, session, stored, synmetrix } = yield* signedIn
        const before = yield* stored
        yield* server.faults.push(HttpFault.Html({ status: 502 }), { path: "/auth/logout" })
        const error = yield* fails("ServerError", synmetrix.logout(session))
        assert.strictEqual(error.status, 502)
        assert.deepStrictEqual(yield* stored, before)
        assert.strictEqual(yield* ref.get, session)
        // A live session is forgotten first: then the server alone still holds it, and the caller is told.
        yield* server.faults.push(HttpFault.Html({ status: 502 }), { path: "/auth/logout" })
        const { forgotten, told } = yield* ref.logout
        assert.isTrue(forgotten)
        const failure = Option.getOrThrow(told)
        assert.isTrue(Result.isFailure(failure) && failure.failure._tag === "ServerError")
        // It can be told again.
        assert.strictEqual(yield* synmetrix.logout(session), "Revoked")
        assert.strictEqual(yield* server.refreshTokens, 0)
      }).pipe(Effect.provide(layer))
  )

  it.effect("P12: a logout while a renewal is under way leaves nothing, here and there", () =>
    Effect.gen(function* () {
      const { ref, server, stored } = yield* signedIn
      yield* TestClock.adjust(LIFE)
      yield* server.faults.push(HttpFault.Delay({ duration: "1 second" }), { path: REFRESH })
      const waiting = yield* Effect.forkChild(Effect.exit(ref.get), { startImmediately: true })
      yield* until(Effect.map(server.faults.pending, (pending) => pending === 0))
      const logout = yield* Effect.forkChild(ref.logout, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* Fiber.join(logout)).forgotten)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
      yield* until(Effect.map(server.refreshTokens, (live) => live === 0))
      assert.deepStrictEqual(yield* stored, Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("P12: a renewal that is won after a logout is ended alone: a login made meanwhile goes on", () =>
    Effect.gen(function* () {
      const { count, ref, server, stored, synmetrix } = yield* signedIn
      yield* TestClock.adjust(LIFE)
      // The server hears of the logout last: the renewal has spent the token that it names.
      yield* server.faults.push(HttpFault.Delay({ duration: "1 second" }), { path: REFRESH })
      yield* server.faults.push(HttpFault.Delay({ duration: "2 seconds" }), { path: "/auth/logout" })
      const waiting = yield* Effect.forkChild(Effect.exit(ref.get), { startImmediately: true })
      yield* until(Effect.map(count(REFRESH), (requests) => requests === 1))
      const logout = yield* Effect.forkChild(ref.logout, { startImmediately: true })
      yield* until(Effect.map(count("/auth/logout"), (requests) => requests === 1))
      assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
      const meanwhile = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
      yield* ref.adopt(meanwhile)
      yield* TestClock.adjust("1 second")
      yield* until(Effect.map(count("/auth/logout"), (requests) => requests === 2))
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* Fiber.join(logout)).forgotten)
      // Of the three that were won, the last login is left.
      assert.strictEqual(yield* server.refreshTokens, 1)
      assert.deepStrictEqual(yield* stored, Option.some(StoredSession.encode(meanwhile)))
      assert.strictEqual(yield* ref.get, meanwhile)
      yield* synmetrix.refresh(meanwhile)
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-09: a renewal whose access token cannot be read does not lose the refresh token", () =>
    Effect.gen(function* () {
      const { ref, renewals, server, session, stored } = yield* signedIn
      yield* TestClock.adjust(LIFE)
      yield* server.setPayload((payload) => ({ ...payload, exp: "soon" }))
      const odd = yield* ref.get
      assert.notStrictEqual(value(odd.refreshToken), value(session.refreshToken))
      assert.deepStrictEqual(odd.account, session.account)
      const now = yield* Clock.currentTimeMillis
      assert.deepStrictEqual(odd.expiresAt, DateTime.makeUnsafe(Math.floor(now / 1000) * 1000 + 648_000_000))
      assert.deepStrictEqual(yield* stored, Option.some(StoredSession.encode(odd)))
      yield* server.setPayload((payload) => payload)
      yield* TestClock.adjust(LIFE)
      assert.notStrictEqual(value((yield* ref.get).refreshToken), value(odd.refreshToken))
      assert.strictEqual(yield* renewals, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-38: an error in a good answer, beside good tokens, changes nothing", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore
      const disguised = { ...good, statusCode: 500, error: "Internal Server Error", message: "no" }
      const { synmetrix } = yield* over(answering(json(200, { ...disguised, refresh_token: "new" })))
      const held = earlier()
      const ref = yield* SessionRef.make(synmetrix, held)
      assert.strictEqual((yield* fails("ServerError", ref.refused(held))).status, 500)
      const stored = Option.getOrThrow(yield* store.get(ref.key))
      assert.deepStrictEqual(StoredSession.encode(stored.session), StoredSession.encode(held))
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-33: a wrong old password causes no renewal", () =>
    Effect.gen(function* () {
      const { count, ref, renewals, stored, synmetrix } = yield* signedIn
      const before = yield* stored
      const wrong = { ...change, oldPassword: Redacted.make("wrong-horse") }
      yield* fails(
        "InvalidLogin",
        ref.use((session) => synmetrix.changePassword(session, wrong))
      )
      assert.strictEqual(yield* renewals, 0)
      assert.strictEqual(yield* count("/auth/change-password"), 1)
      assert.deepStrictEqual(yield* stored, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-33: a refused access token causes one renewal and one repeat", () =>
    Effect.gen(function* () {
      const { count, ref, renewals, server, synmetrix } = yield* signedIn
      yield* server.changeKey
      yield* ref.use((session) => synmetrix.changePassword(session, change))
      assert.strictEqual(yield* renewals, 1)
      assert.strictEqual(yield* count("/auth/change-password"), 2)
      yield* synmetrix.login({ ...ada, password: change.newPassword })
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-34: a changed password leaves the session as it is", () =>
    Effect.gen(function* () {
      const { ref, stored, synmetrix } = yield* signedIn
      const before = yield* stored
      yield* ref.use((session) => synmetrix.changePassword(session, change))
      assert.deepStrictEqual(yield* stored, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("P13: 100 callers whose token is refused although it looks good cause one renewal", () =>
    Effect.gen(function* () {
      const { count, ref, renewals, server, synmetrix } = yield* signedIn
      yield* server.changeKey
      // Refused for its length, once the token is good.
      const tooShort = { ...change, newPassword: Redacted.make("x") }
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.flip(ref.use((session) => synmetrix.changePassword(session, tooShort))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(outcomes.map(({ _tag }) => _tag)), new Set(["InvalidRequest"]))
      assert.strictEqual(yield* renewals, 1)
      assert.isAtMost(yield* count("/auth/change-password"), 200)
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-40: a failed login after a good one changes nothing", () =>
    Effect.gen(function* () {
      const { ref, server, session, stored, synmetrix } = yield* signedIn
      const before = yield* stored
      yield* fails("InvalidLogin", synmetrix.login({ ...ada, password: Redacted.make("wrong") }))
      yield* server.faults.push(HttpFault.Html({ status: 502 }))
      yield* fails("ServerError", synmetrix.login(ada))
      assert.deepStrictEqual(yield* stored, before)
      assert.strictEqual(yield* ref.get, session)
      yield* synmetrix.refresh(session)
    }).pipe(Effect.provide(layer))
  )

  it.effect("synmetrix-40: nor does one by Sessions, which does not send a refused password twice", () =>
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const sessions = yield* Sessions
      const signIn = (password: string) => {
        const secret = Redacted.make(password)
        const login = Effect.flatMap(
          synmetrix.login({ email: ada.email, password: secret }),
          synmetrix.sessionOf
        )
        return sessions.signIn(synmetrix, { account: ada.email, secret, login })
      }
      const ref = yield* signIn("correct-horse")
      const before = yield* ref.get
      yield* fails("InvalidLogin", signIn("wrong"))
      yield* fails("InvalidLogin", signIn("wrong"))
      assert.strictEqual((yield* server.requests).length, 2)
      assert.strictEqual(yield* ref.get, before)
      assert.strictEqual(ref.key.account, "ada@example.com")
    }).pipe(Effect.provide(Layer.provideMerge(Sessions.layer, layer)))
  )

  it.effect(
    "a password that was refused while the database was away is sent again when somebody says so",
    () =>
      Effect.gen(function* () {
        const synmetrix = yield* Synmetrix
        const server = yield* AuthServer
        const sessions = yield* Sessions
        const login = Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
        const signIn = (again: boolean) =>
          sessions.signIn(synmetrix, { account: ada.email, secret: ada.password, login, again })
        yield* server.setDatabaseAway(true)
        yield* fails("InvalidLogin", signIn(false))
        yield* server.setDatabaseAway(false)
        yield* fails("InvalidLogin", signIn(false))
        assert.strictEqual((yield* server.requests).length, 1)
        yield* Effect.flatMap(signIn(true), (ref) => ref.get)
      }).pipe(Effect.provide(Layer.provideMerge(Sessions.layer, layer)))
  )

  it.effect("a sign-in that needs a code, or activation, is not kept by Sessions", () =>
    Effect.gen(function* () {
      const synmetrix = yield* Synmetrix
      const server = yield* AuthServer
      const store = yield* SessionStore
      const sessions = yield* Sessions
      yield* server.addAccount({ email: "mfa@example.com", password: ada.password, mfa: true })
      const login = Effect.flatMap(synmetrix.login({ ...ada, email: "mfa@example.com" }), synmetrix.sessionOf)
      const signIn = sessions.signIn(synmetrix, { account: "mfa@example.com", secret: ada.password, login })
      assert.strictEqual((yield* fails("FailedPrecondition", signIn)).precondition, "TotpRequired")
      assert.deepStrictEqual(yield* store.list, [])
    }).pipe(Effect.provide(Layer.provideMerge(Sessions.layer, layer)))
  )

  it.effect(
    "an answer lost after the token was spent is no verdict, and is not asked for again by itself",
    () =>
      Effect.gen(function* () {
        const { renewals, server, session, stored, synmetrix } = yield* signedIn
        const before = yield* stored
        yield* server.faults.push(HttpFault.DropAfter(), { path: REFRESH })
        yield* failsBecause("Closed", synmetrix.refresh(session))
        assert.strictEqual(yield* renewals, 1)
        assert.deepStrictEqual(yield* stored, before)
      }).pipe(Effect.provide(layer))
  )

  it.effect("a renewal that nobody may interrupt ends at its time limit all the same", () =>
    Effect.gen(function* () {
      const { ref, server, stored } = yield* signedIn
      const before = yield* stored
      yield* server.faults.push(HttpFault.Silent(), { path: REFRESH })
      yield* TestClock.adjust(LIFE)
      const waiting = yield* Effect.forkChild(ref.get, { startImmediately: true })
      yield* until(Effect.map(server.faults.pending, (pending) => pending === 0))
      yield* TestClock.adjust("30 seconds")
      yield* fails("RefreshUncertain", Fiber.join(waiting))
      assert.strictEqual(yield* server.cancelled, 1)
      assert.deepStrictEqual(yield* stored, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("an answer for another account is not taken", () =>
    Effect.gen(function* () {
      const { server, session, stored, synmetrix } = yield* signedIn
      const before = yield* stored
      yield* server.setPayload((payload) => ({ ...payload, hasura: { "x-hasura-user-id": "somebody else" } }))
      yield* fails("InvalidResponse", synmetrix.refresh(session))
      assert.deepStrictEqual(yield* stored, before)
    }).pipe(Effect.provide(layer))
  )
})

describe("clocks that differ", () => {
  for (const skew of [-300, -1, 0, 1, 300]) {
    it.effect(`P16: a session lasts its whole life, with a server that is ${skew} s off`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_795_328_785_777)
        const synmetrix = yield* Synmetrix
        const server = yield* AuthServer
        yield* server.elapse(Duration.seconds(skew))
        const session = yield* Effect.flatMap(synmetrix.login(ada), synmetrix.sessionOf)
        const ref = yield* SessionRef.make(synmetrix, session)
        const now = yield* Clock.currentTimeMillis
        const endsAt = session.expiresAt === undefined ? 0 : DateTime.toEpochMillis(session.expiresAt)
        assert.strictEqual(endsAt, Math.floor(now / 1000) * 1000 + 648_000_000)
        const before = (yield* server.requests).length
        // Five minutes before the end, as the default rule has it.
        yield* TestClock.adjust(Duration.subtract(LIFE, Duration.seconds(301)))
        assert.strictEqual(yield* ref.get, session)
        assert.strictEqual((yield* server.requests).length, before)
        yield* synmetrix.changePassword(session, change)
        yield* TestClock.adjust("2 seconds")
        yield* ref.get
        assert.strictEqual((yield* server.requests).length, before + 2)
      }).pipe(
        // As late as the default rule has it.
        Effect.provideService(Random.Random, { nextDoubleUnsafe: () => 0, nextIntUnsafe: () => 0 }),
        Effect.provide(layer)
      )
    )
  }
})
