/** A session in a `SessionRef`: renewed once for everybody, kept while the service is away, ended by a verdict. */
import { assert, describe, it } from "@effect/vitest"
import { type AuthError, Session, SessionKey, SessionRef, SessionStore } from "@latchkey/core"
import * as HttpFaults from "@latchkey/testing/HttpFaults"
import { json } from "@latchkey/testing/HttpHandler"
import * as HttpMemory from "@latchkey/testing/HttpMemory"
import { DateTime, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { type TokenCheck, TrustAuthX, User } from "../src/index.ts"
import { Authority, TrustAuthXTest } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { build, sample } from "./support/over.ts"

const { HttpFault } = HttpFaults

const RENEWAL = "/api/user/me/access/token/"
const ROLES = "/rbac/role"
const REVOCATION = "/api/user/me/token/"

const layer = () => Layer.merge(TrustAuthXTest.layer(), Layer.fresh(SessionStore.layerMemory))

const signedIn = Effect.gen(function* () {
  const authority = yield* Authority
  const trustauthx = yield* TrustAuthX
  const { session } = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
  return { authority, trustauthx, session }
})

/** To the last byte, secrets included. */
const stored = (key: SessionKey) =>
  Effect.gen(function* () {
    const store = yield* SessionStore
    return Option.match(yield* store.get(key), {
      onNone: () => "",
      onSome: ({ session, version }) =>
        JSON.stringify([
          version,
          session.key.id,
          session.accessToken && Redacted.value(session.accessToken),
          session.refreshToken && Redacted.value(session.refreshToken),
          DateTime.formatIso(session.issuedAt),
          session.expiresAt && DateTime.formatIso(session.expiresAt),
          session.account
        ])
    })
  })

const renewals = (authority: Authority["Service"]) =>
  Effect.map(authority.requests, (requests) => requests.filter(({ path }) => path === RENEWAL).length)

const text = (token: Redacted.Redacted<string> | undefined) => token && Redacted.value(token)

describe("a session", () => {
  it.effect("is counted from its receipt, whatever the clock of the service says", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_795_329_626_777)
      const authority = yield* Authority
      const trustauthx = yield* TrustAuthX
      for (const seconds of [300, -300]) {
        // P16: a service that is five minutes ahead or behind.
        yield* authority.elapse(`${seconds} seconds`)
        const { session } = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
        assert.strictEqual(DateTime.toEpochMillis(session.issuedAt), 1_795_329_626_777)
        assert.deepStrictEqual(session.expiresAt, DateTime.makeUnsafe(1_795_329_626_777 + 3_600_000))
        yield* authority.elapse(`${-seconds} seconds`)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("P16: leeway accepts what a clock that differs says is not yet or no longer good", () =>
    Effect.gen(function* () {
      const trustauthx = yield* TrustAuthX
      const expired = Redacted.make("code-expired")
      assert.strictEqual((yield* trustauthx.getUser(expired)).uid, "uid_ann")
      yield* fails("InvalidToken", trustauthx.getUser(Redacted.make("code-notyet")))
    }).pipe(Effect.provide(TrustAuthXTest.layer({ client: { leeway: "5 minutes" } })))
  )

  it.effect("goes on with the tokens of a sign-off, for as long as before", () =>
    Effect.gen(function* () {
      const { session, trustauthx } = yield* signedIn
      const live = yield* SessionRef.make(trustauthx, session)
      yield* TestClock.adjust("30 minutes")
      const change = { uid: "uid_ann", rolIds: "rol_edt_0000000000000002", signOff: yield* live.get }
      const next = yield* trustauthx.withTokens(session, yield* trustauthx.attachRole(change))
      yield* live.adopt(next)
      assert.deepStrictEqual(next.expiresAt, DateTime.add(yield* DateTime.now, { hours: 1 }))
      assert.deepStrictEqual([next.key, next.account], [session.key, session.account])
      assert.isTrue(yield* trustauthx.validateAccessToken(yield* live.token))
      yield* TestClock.adjust("2 hours")
      assert.isTrue(yield* trustauthx.validateAccessToken(yield* live.token))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("of another application goes on with nothing", () =>
    Effect.gen(function* () {
      const { session, trustauthx } = yield* signedIn
      const key = new SessionKey({ ...session.key, instance: "https://api.trustauthx.com#ak_two" })
      const other = new Session({ ...session, key })
      const tokens = { accessToken: Redacted.make("a"), refreshToken: Redacted.make("b") }
      assert.strictEqual(
        (yield* fails("InvalidRequest", trustauthx.withTokens(other, tokens))).field,
        "session"
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is renewed with the same key, account and life", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_795_329_626_777)
      const { session: won, trustauthx } = yield* signedIn
      const session = new Session({ ...won, tokenType: "Token" })
      yield* TestClock.adjust("20 minutes")
      const renewed = yield* trustauthx.refresh(session)
      assert.strictEqual(renewed.tokenType, "Token")
      assert.deepStrictEqual(renewed.key, session.key)
      assert.deepStrictEqual(renewed.account, session.account)
      assert.notStrictEqual(text(renewed.accessToken), text(session.accessToken))
      assert.notStrictEqual(text(renewed.refreshToken), text(session.refreshToken))
      const now = 1_795_329_626_777 + 1_200_000
      assert.deepStrictEqual(renewed.issuedAt, DateTime.makeUnsafe(now))
      assert.deepStrictEqual(renewed.expiresAt, DateTime.makeUnsafe(now + 3_600_000))
      yield* fails("SessionExpired", trustauthx.refresh(session))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("whose life no clock can hold any more has an unknown one", () =>
    Effect.gen(function* () {
      const { session, trustauthx } = yield* signedIn
      const expiresAt = DateTime.makeUnsafe(8_640_000_000_000_000)
      yield* TestClock.adjust("20 minutes")
      const renewed = yield* trustauthx.refresh(new Session({ ...session, expiresAt }))
      assert.isUndefined(renewed.expiresAt)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("S05: of another application is not sent here", () =>
    Effect.gen(function* () {
      const { authority, trustauthx } = yield* signedIn
      const user = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
      const { session } = user
      const change = { uid: "uid_ann", rolIds: "rol_edt_0000000000000002" }
      const before = (yield* authority.requests).length
      for (const key of [
        new SessionKey({ ...session.key, instance: "https://api.trustauthx.com#ak_two" }),
        new SessionKey({ ...session.key, instance: "https://elsewhere.example.com#ak_main" }),
        new SessionKey({ ...session.key, provider: "synmetrix" })
      ]) {
        const other = new Session({ ...session, key })
        const calls: ReadonlyArray<Effect.Effect<unknown, AuthError>> = [
          trustauthx.refresh(other),
          trustauthx.logout(other),
          ...[other, new User({ ...user, session: other })].flatMap((tokens) => [
            trustauthx.validateTokenSet(tokens),
            trustauthx.revokeToken({ ...tokens, all: true }),
            trustauthx.attachRole({ ...change, signOff: tokens })
          ])
        ]
        for (const call of calls) {
          assert.strictEqual((yield* fails("InvalidRequest", call)).field, "session")
        }
      }
      assert.lengthOf(yield* authority.requests, before)
      for (const tokens of [session, user]) assert.isTrue((yield* trustauthx.validateTokenSet(tokens)).state)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("without a refresh token is over once it ends", () =>
    Effect.gen(function* () {
      const { session, trustauthx } = yield* signedIn
      const { refreshToken: _, ...fields } = session
      yield* fails("SessionExpired", trustauthx.refresh(new Session(fields)))
    }).pipe(Effect.provide(layer()))
  )
})

describe("a live session", () => {
  it.effect("a hundred callers on an expired session make one renewal, and no token is used twice", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      const live = yield* SessionRef.make(trustauthx, session)
      yield* TestClock.adjust("2 hours")
      yield* authority.faults.push(HttpFault.Delay({ duration: "2 seconds" }), { path: RENEWAL })
      const callers = yield* Effect.forEach(Array.from({ length: 100 }), () =>
        Effect.forkChild(live.token, { startImmediately: true })
      )
      // Some of them go away half way: also the one that began it.
      for (const fiber of callers.slice(0, 10)) fiber.interruptUnsafe()
      yield* TestClock.adjust("2 seconds")
      const tokens = yield* Effect.forEach(callers.slice(10), Fiber.join)
      assert.lengthOf(new Set(tokens.map(text)), 1)
      assert.strictEqual(yield* renewals(authority), 1)
      assert.strictEqual(yield* authority.reuses, 0)
      const [token] = tokens
      assert.isDefined(token)
      if (token !== undefined) assert.isTrue(yield* trustauthx.validateAccessToken(token))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a renewal whose every caller went away is saved", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      const live = yield* SessionRef.make(trustauthx, session)
      const before = yield* stored(session.key)
      yield* TestClock.adjust("2 hours")
      yield* authority.faults.push(HttpFault.Delay({ duration: "2 seconds" }), { path: RENEWAL })
      const caller = yield* Effect.forkChild(live.token, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(caller)
      yield* TestClock.adjust("1 second")
      assert.notStrictEqual(yield* stored(session.key), before)
      assert.isTrue(yield* trustauthx.validateAccessToken(yield* live.token))
      assert.strictEqual(yield* renewals(authority), 1)
    }).pipe(Effect.provide(layer()))
  )

  for (const [name, fault] of [
    ["a connection cut", HttpFault.DropBefore()],
    ["a reset in the middle of the body", HttpFault.ResetBody()],
    ["no answer", HttpFault.Silent()],
    ["a redirect", HttpFault.Redirect({ location: "https://elsewhere.invalid/" })],
    ["404", HttpFault.Status({ status: 404 })],
    ["408", HttpFault.Status({ status: 408 })],
    ["422", HttpFault.Status({ status: 422 })],
    ["429", HttpFault.Status({ status: 429 })],
    ["500", HttpFault.Status({ status: 500 })],
    ["502 in HTML", HttpFault.Html({ status: 502 })],
    ["401 in HTML", HttpFault.Html({ status: 401 })],
    ["200 in HTML", HttpFault.Html({ status: 200 })],
    ["204", HttpFault.NoContent()],
    ["truncated JSON", HttpFault.Truncated()],
    ["a wrong content type", HttpFault.ContentType({ contentType: "text/plain" })],
    ["an oversized body", HttpFault.Oversized({ bytes: 2 ** 20 + 1 })]
  ] as const) {
    it.effect(`P08: ${name} leaves the stored session as it is, byte for byte`, () =>
      Effect.gen(function* () {
        const { authority, session, trustauthx } = yield* signedIn
        const live = yield* SessionRef.make(trustauthx, session)
        const before = yield* stored(session.key)
        assert.isNotEmpty(before)
        yield* TestClock.adjust("58 minutes")
        yield* authority.faults.push(fault, { path: RENEWAL })
        const caller = yield* Effect.forkChild(live.token, { startImmediately: true })
        yield* TestClock.adjust("31 seconds")
        assert.deepStrictEqual(text(yield* Fiber.join(caller)), text(session.accessToken))
        assert.strictEqual(yield* renewals(authority), 1)
        assert.strictEqual(yield* stored(session.key), before)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("P08: nobody there leaves it as it is, too", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      const live = yield* SessionRef.make(trustauthx, session)
      const before = yield* stored(session.key)
      yield* TestClock.adjust("2 hours")
      yield* authority.setReachable(false)
      yield* failsBecause("ConnectionFailed", live.token)
      assert.strictEqual(yield* stored(session.key), before)
      yield* authority.setReachable(true)
      yield* TestClock.adjust("2 minutes")
      assert.isTrue(yield* trustauthx.validateAccessToken(yield* live.token))
    }).pipe(Effect.provide(layer()))
  )

  for (const status of [400, 401, 403]) {
    it.effect(`P08: ${status} is a verdict, and ends it`, () =>
      Effect.gen(function* () {
        const { authority, session, trustauthx } = yield* signedIn
        const live = yield* SessionRef.make(trustauthx, session)
        yield* TestClock.adjust("2 hours")
        yield* authority.faults.push(HttpFault.Status({ status }), { path: RENEWAL })
        const error = yield* fails("SessionExpired", live.token)
        assert.isFalse(error.isRetryable)
        assert.strictEqual(yield* stored(session.key), "")
      }).pipe(Effect.provide(layer()))
    )
  }

  for (const [status, ofKeys, tag] of [
    [401, 401, "PermissionDenied"],
    [403, 403, "PermissionDenied"],
    [400, 401, "PermissionDenied"],
    [401, 503, "ServerError"],
    [401, 429, "TransportError"],
    [401, 200, "SessionExpired"],
    [401, 404, "SessionExpired"],
    [401, 405, "SessionExpired"]
  ] as const) {
    it.effect(`P08: ${status}, and ${ofKeys} to the keys alone, is ${tag}`, () =>
      Effect.gen(function* () {
        const { authority, session, trustauthx } = yield* signedIn
        const live = yield* SessionRef.make(trustauthx, session)
        const before = yield* stored(session.key)
        yield* TestClock.adjust("2 hours")
        yield* authority.faults.push(HttpFault.Status({ status }), { path: RENEWAL })
        yield* authority.faults.push(HttpFault.Status({ status: ofKeys }), { path: ROLES })
        yield* fails(tag, live.token)
        assert.strictEqual(yield* stored(session.key), tag === "SessionExpired" ? "" : before)
        assert.strictEqual(yield* authority.faults.pending, 0)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("P08: without an organization nobody can be asked about the keys", () =>
    Effect.gen(function* () {
      const { orgId: _, ...options } = sample
      const { client, requests } = yield* HttpMemory.make({
        origin: "https://api.trustauthx.com",
        handler: () => Effect.succeed(json(401, null))
      })
      const { trustauthx } = yield* build(options, client)
      yield* fails("SessionExpired", trustauthx.getAccessTokenFromRefreshToken(Redacted.make("rt")))
      assert.lengthOf(yield* requests, 1)
    })
  )

  it.effect("a caller that keeps a pair uninterruptibly loses none", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      yield* TestClock.adjust("2 hours")
      yield* authority.faults.push(HttpFault.Delay({ duration: "2 seconds" }), { path: RENEWAL })
      const kept: Array<TokenCheck> = []
      const caller = yield* trustauthx.validateTokenSet(session).pipe(
        Effect.tap((check) => Effect.sync(() => kept.push(check))),
        Effect.uninterruptible,
        Effect.forkChild({ startImmediately: true })
      )
      caller.interruptUnsafe()
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.await(caller)
      const [check] = kept
      assert.isDefined(check)
      if (check !== undefined) assert.isTrue(yield* trustauthx.validateAccessToken(check.access))
      // It ends nevertheless.
      yield* authority.faults.push(HttpFault.Silent(), { path: RENEWAL })
      const given = Redacted.make("rt-norefresh")
      const silent = yield* trustauthx
        .getAccessTokenFromRefreshToken(given)
        .pipe(Effect.uninterruptible, Effect.exit, Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("30 seconds")
      yield* failsBecause("TimedOut", Effect.flatten(Fiber.join(silent)))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a token that the service refused is renewed once, and the call made again", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      const live = yield* SessionRef.make(trustauthx, session)
      yield* trustauthx.revokeToken({ accessToken: session.accessToken })
      const data = yield* live.use((current) =>
        trustauthx.getUserData(current.accessToken ?? Redacted.make("none"))
      )
      assert.strictEqual(data.uid, "uid_ann")
      assert.strictEqual(yield* renewals(authority), 1)
    }).pipe(Effect.provide(layer()))
  )
})

const revocations = (authority: Authority["Service"]) =>
  Effect.map(authority.requests, (requests) =>
    requests
      .filter(({ path }) => path === REVOCATION)
      .map(({ query }) => {
        const sent = new URLSearchParams(query)
        return [sent.get("Token"), sent.get("AccessToken"), sent.get("SpecificTokenOnly")].join(" ")
      })
  )

describe("logout", () => {
  it.effect("revokes the refresh token, then the access token, and no other session", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      const other = yield* trustauthx.getUser(yield* authority.signIn("uid_ann"))
      assert.strictEqual(yield* trustauthx.logout(session), "Revoked")
      assert.deepStrictEqual(yield* revocations(authority), [
        `${text(session.refreshToken)} false true`,
        `${text(session.accessToken)} true true`
      ])
      assert.isTrue(yield* trustauthx.validateAccessToken(other.accessToken))
      // Again: they have ended before.
      assert.strictEqual(yield* trustauthx.logout(session), "Revoked")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("tells of the access token also where the refresh token cannot be told of, and fails then", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      yield* authority.faults.push(HttpFault.Status({ status: 500 }), { path: REVOCATION })
      yield* fails("ServerError", trustauthx.logout(session))
      assert.lengthOf(yield* revocations(authority), 2)
      const accessToken = session.accessToken ?? Redacted.make("none")
      assert.isFalse(yield* trustauthx.validateAccessToken(accessToken))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keys that are refused have revoked nothing", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      for (const path of [REVOCATION, ROLES]) {
        yield* authority.faults.push(HttpFault.Status({ status: 401 }), { path })
        yield* authority.faults.push(HttpFault.Status({ status: 401 }), { path })
      }
      yield* fails("PermissionDenied", trustauthx.logout(session))
      assert.strictEqual(yield* authority.faults.pending, 0)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a service that says that it did not revoke is not believed to have", () =>
    Effect.gen(function* () {
      const { session, trustauthx } = yield* signedIn
      const { refreshToken: _, ...fields } = session
      const denied = new Session({ ...fields, accessToken: Redacted.make("at-false") })
      yield* fails("InvalidResponse", trustauthx.logout(denied))
    }).pipe(Effect.provide(layer()))
  )

  // The renewal takes from 0 to 4 s: the change is made at 2 s.
  for (const seconds of [0, 1, 2, 3, 4, 5]) {
    it.effect(`P12: ${seconds} s into a renewal leaves nothing behind, and the service is told`, () =>
      Effect.gen(function* () {
        const { authority, session, trustauthx } = yield* signedIn
        const live = yield* SessionRef.make(trustauthx, session)
        yield* TestClock.adjust("2 hours")
        yield* authority.faults.push(HttpFault.Delay({ duration: "3 seconds" }), { path: RENEWAL })
        const caller = yield* Effect.forkChild(Effect.exit(live.token), { startImmediately: true })
        yield* TestClock.adjust(`${seconds} seconds`)
        const done = yield* Effect.forkChild(live.logout, { startImmediately: true })
        yield* TestClock.adjust("10 seconds")
        const { forgotten, told } = yield* Fiber.join(done)
        yield* Fiber.join(caller)
        assert.isTrue(forgotten)
        assert.isTrue(Option.isSome(told))
        assert.strictEqual(yield* stored(session.key), "")
        assert.isNotEmpty(yield* revocations(authority))
        yield* fails("NotAuthenticated", live.token)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("P12: offline it forgets all the same, and says that the service was not told", () =>
    Effect.gen(function* () {
      const { authority, session, trustauthx } = yield* signedIn
      const live = yield* SessionRef.make(trustauthx, session)
      yield* authority.setReachable(false)
      const { forgotten, told } = yield* live.logout
      assert.isTrue(forgotten)
      assert.strictEqual(Option.isSome(told) ? told.value._tag : "none", "Failure")
      assert.strictEqual(yield* stored(session.key), "")
    }).pipe(Effect.provide(layer()))
  )
})
