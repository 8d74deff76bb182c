import { assert, describe, it } from "@effect/vitest"
import { Session, SessionKey, SessionRef, SessionStore } from "@latchkey/core"
import { GrpcFaults } from "@latchkey/grpc/testing"
import { DateTime, Duration, Effect, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Resonite } from "../src/index.ts"
import { Game, ResoniteTest } from "../src/testing.ts"
import { fails, failsBecause } from "../../../test/support/fails.ts"
import { LOGIN, LOGOUT, STATUS } from "./support/sent.ts"
import { bytes, hex, int64, message } from "./support/wire.ts"

const { GrpcFault } = GrpcFaults

const password = Redacted.make("correct-horse")
const ada = { credential: "ada@example.com", password }
const bob = { userId: "U-bob", userName: "bob", password }

const paths = Effect.flatMap(Game, (game) =>
  Effect.map(game.requests, (requests) => requests.map(({ path }) => path))
)

/** A login that is answered with an id, a name, or neither. */
const signInAs = Effect.fnUntraced(function* (id: string, name: string, credential = "ada") {
  const game = yield* Game
  const answer = message(int64(1, 1n), bytes(2, id), bytes(3, name))
  yield* game.faults.push(GrpcFault.Garbage({ bytes: answer }), { path: LOGIN })
  return yield* (yield* Resonite).signIn({ credential, password })
})

/** What a renewal makes of a game that says it is signed in as that user. */
const refreshAs = Effect.fnUntraced(function* (session: Session, id: string, name: string) {
  const game = yield* Game
  const answer = message(int64(1, 1n), bytes(2, id), bytes(3, name))
  yield* game.faults.push(GrpcFault.Garbage({ bytes: answer }), { path: STATUS })
  return yield* (yield* Resonite).provider.refresh(session)
})

const account = ({ account, key }: Session) => [key.account, account.id, account.name]

const memory = Layer.merge(ResoniteTest.layer(), Layer.fresh(SessionStore.layerMemory))

describe("a session", () => {
  it.effect("is of the user's id, and holds neither token nor expiry", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_795_329_626_777)
      const { provider, signIn } = yield* Resonite
      const session = yield* signIn(ada)
      assert.deepInclude(session.key, {
        provider: "resonite",
        instance: provider.instance,
        account: "U-ada"
      })
      assert.deepStrictEqual(session.account, { id: "U-ada", name: "ada" })
      assert.isUndefined(session.accessToken)
      assert.isUndefined(session.refreshToken)
      assert.isUndefined(session.expiresAt)
      assert.strictEqual(DateTime.toEpochMillis(session.issuedAt), 1_795_329_626_777)
    }).pipe(Effect.provide(memory))
  )

  it.effect("is of the name, or of nobody in particular, where the game does not know more yet", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(account(yield* signInAs("U-1", "")), ["U-1", "U-1", undefined])
      assert.deepStrictEqual(account(yield* signInAs("", "Ada")), ["Ada", undefined, "Ada"])
      assert.deepStrictEqual(account(yield* signInAs("", "")), ["unknown", undefined, undefined])
      const { account: nobody, key } = yield* signInAs("", "", "ada@example.com")
      assert.notInclude(JSON.stringify([nobody, key]), "ada", "the credential is for the game alone")
    }).pipe(Effect.provide(memory))
  )

  it.effect("fails as the login does", () =>
    Effect.gen(function* () {
      const { signIn } = yield* Resonite
      yield* fails("InvalidLogin", signIn({ ...ada, password: Redacted.make("wrong-horse") }))
      const required = yield* fails("FailedPrecondition", signIn({ credential: "grace", password }))
      assert.strictEqual(required.precondition, "TotpRequired")
      const game = yield* Game
      yield* game.faults.push(GrpcFault.Garbage({ bytes: hex("") }))
      yield* fails("InvalidResponse", signIn(ada))
    }).pipe(Effect.provide(memory))
  )

  it.effect("goes on as long as the game is signed in as the same user", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, signIn } = yield* Resonite
      const session = yield* signIn(ada)
      yield* game.setSessionExpires(1n)
      yield* TestClock.adjust("1 hour")
      const seen = yield* provider.refresh(session)
      assert.deepStrictEqual(seen.key, session.key)
      assert.deepStrictEqual(seen.account, session.account)
      assert.isUndefined(seen.expiresAt)
      assert.isFalse(provider.rotates)
      assert.strictEqual(Duration.toHours(DateTime.distance(session.issuedAt, seen.issuedAt)), 1)
      yield* game.loginInGame(bob)
      yield* fails("SessionExpired", provider.refresh(session))
      yield* game.logoutInGame
      yield* fails("SessionExpired", provider.refresh(session))
      yield* game.setBridgeMissing(true)
      yield* fails("FailedPrecondition", provider.refresh(session))
    }).pipe(Effect.provide(memory))
  )

  it.effect("is the same user's by id, else by name", () =>
    Effect.gen(function* () {
      const both = yield* signInAs("U-1", "Ada")
      const named = yield* signInAs("", "Ada")
      const boat = yield* signInAs("", "U-boat")
      const { issuedAt, key } = both
      const byId = new Session({ key: new SessionKey({ ...key, account: "U-1" }), issuedAt })
      for (const [session, id, name, known] of [
        [both, "U-1", "Renamed", ["U-1", "U-1", "Renamed"]],
        [both, "", "Ada", ["U-1", "U-1", "Ada"]],
        [named, "U-1", "Ada", ["Ada", "U-1", "Ada"]],
        [boat, "U-1", "U-boat", ["U-boat", "U-1", "U-boat"]],
        [byId, "U-1", "Ada", ["U-1", "U-1", "Ada"]]
      ] as const) {
        assert.deepStrictEqual(account(yield* refreshAs(session, id, name)), [...known])
      }
      for (const [session, id, name] of [
        [both, "U-2", "Ada"],
        [both, "", "Bob"],
        [named, "U-2", "Bob"],
        [boat, "U-boat", "Bob"],
        [byId, "U-2", ""]
      ] as const) {
        yield* fails("SessionExpired", refreshAs(session, id, name))
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("that has nothing in common with the game stays as it is", () =>
    Effect.gen(function* () {
      const both = yield* signInAs("U-1", "Ada")
      const named = yield* signInAs("", "Ada")
      const byId = yield* signInAs("U-1", "")
      const unknown = yield* signInAs("", "")
      yield* TestClock.adjust("1 hour")
      for (const [session, id, name] of [
        [both, "", ""],
        [named, "U-2", ""],
        [byId, "", "Bob"],
        [unknown, "", ""],
        [unknown, "U-2", ""],
        [unknown, "", "Bob"],
        [unknown, "U-2", "Bob"]
      ] as const) {
        assert.deepStrictEqual(yield* refreshAs(session, id, name), session)
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("that knows nobody signs the game out, whoever is signed in", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, status } = yield* Resonite
      const session = yield* signInAs("", "")
      yield* game.loginInGame(bob)
      assert.strictEqual(yield* provider.logout(session), "Revoked")
      assert.isFalse((yield* status()).loggedIn)
    }).pipe(Effect.provide(memory))
  )

  it.effect("ends with a logout in the game", () =>
    Effect.gen(function* () {
      const { provider, signIn, status } = yield* Resonite
      const session = yield* signIn(ada)
      assert.strictEqual(yield* provider.logout(session), "Revoked")
      assert.isFalse((yield* status()).loggedIn)
      assert.strictEqual(yield* provider.logout(session), "Revoked")
      assert.deepStrictEqual((yield* paths).filter((path) => path === LOGOUT).length, 2)
    }).pipe(Effect.provide(memory))
  )

  it.effect("that is over does not sign somebody else out", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, signIn, status } = yield* Resonite
      const session = yield* signIn(ada)
      yield* game.loginInGame(bob)
      assert.strictEqual(yield* provider.logout(session), "Revoked")
      assert.deepInclude(yield* status(), { loggedIn: true, userId: "U-bob" })
    }).pipe(Effect.provide(memory))
  )

  it.effect("is not revoked while the game is starting", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, signIn } = yield* Resonite
      const session = yield* signIn(ada)
      yield* game.setStarting(true)
      const error = yield* fails("FailedPrecondition", provider.logout(session))
      assert.strictEqual(error.precondition, "NotReady")
    }).pipe(Effect.provide(memory))
  )

  it.effect("of another game is not asked about here", () =>
    Effect.gen(function* () {
      const { provider, signIn } = yield* Resonite
      const { account, issuedAt, key } = yield* signIn(ada)
      const before = (yield* paths).length
      for (const other of [{ instance: "/run/other.sock" }, { provider: "robot" }]) {
        const session = new Session({ key: new SessionKey({ ...key, ...other }), issuedAt, account })
        for (const call of [
          Effect.asVoid(provider.refresh(session)),
          Effect.asVoid(provider.logout(session))
        ]) {
          const error = yield* fails("FailedPrecondition", call)
          assert.strictEqual(error.precondition, "OtherInstance")
        }
      }
      assert.strictEqual((yield* paths).length, before)
    }).pipe(Effect.provide(memory))
  )
})

describe("a SessionRef", () => {
  it.effect("never renews by itself, and learns from a refusal that the session is over", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, signIn } = yield* Resonite
      const session = yield* signIn(ada)
      const ref = yield* SessionRef.make(provider, session)
      yield* ref.keepAlive
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual((yield* ref.get).key, session.key)
      assert.deepStrictEqual(yield* paths, [LOGIN])
      yield* fails("NotAuthenticated", ref.token)
      yield* ref.refused(session)
      assert.deepStrictEqual(yield* paths, [LOGIN, STATUS])
      yield* game.logoutInGame
      yield* TestClock.adjust("1 hour")
      yield* fails("SessionExpired", ref.refused(yield* ref.get))
    }).pipe(Effect.scoped, Effect.provide(memory))
  )

  it.effect("is over when it asks a game that is starting, which the wire cannot tell", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, signIn, status } = yield* Resonite
      const session = yield* signIn(ada)
      const ref = yield* SessionRef.make(provider, session)
      yield* game.setStarting(true)
      assert.isFalse((yield* status()).loggedIn)
      yield* fails("SessionExpired", provider.refresh(session))
      yield* fails("SessionExpired", ref.refused(session))
      assert.isTrue(Option.isNone(yield* (yield* SessionStore).get(session.key)))
      yield* game.setStarting(false)
      assert.isTrue((yield* status()).loggedIn, "the game remembers")
    }).pipe(Effect.scoped, Effect.provide(memory))
  )

  it.effect("outlives a game that is away", () =>
    Effect.gen(function* () {
      const game = yield* Game
      const { provider, signIn } = yield* Resonite
      const ref = yield* SessionRef.make(provider, yield* signIn(ada))
      yield* game.stop
      yield* failsBecause("SocketNotFound", provider.refresh(yield* ref.get))
      assert.strictEqual((yield* ref.get).key.account, "U-ada")
    }).pipe(Effect.scoped, Effect.provide(memory))
  )

  it.effect("signs the game out", () =>
    Effect.gen(function* () {
      const { provider, signIn, status } = yield* Resonite
      const ref = yield* SessionRef.make(provider, yield* signIn(ada))
      const { forgotten, told } = yield* ref.logout
      assert.isTrue(forgotten)
      assert.deepInclude(Option.getOrThrow(told), { _tag: "Success", success: "Revoked" })
      assert.isFalse((yield* status()).loggedIn)
    }).pipe(Effect.scoped, Effect.provide(memory))
  )
})
