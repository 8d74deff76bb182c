import { assert, describe, it } from "@effect/vitest"
import { Session, SessionKey } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as Canary from "@latchkey/testing/Canary"
import { DateTime, Equal, Exit, Option, Redacted, Schema } from "effect"

const parts = Schema.Struct({
  provider: Schema.NonEmptyString,
  instance: Schema.NonEmptyString,
  account: Schema.NonEmptyString
})

describe("SessionKey", () => {
  it.prop(
    "two keys are equal when their parts are, and then only their ids are",
    [parts, parts],
    ([a, b]) => {
      const one = new SessionKey(a)
      const other = new SessionKey(b)
      const same = a.provider === b.provider && a.instance === b.instance && a.account === b.account
      assert.isTrue(Equal.equals(one, new SessionKey(a)))
      assert.strictEqual(Equal.equals(one, other), same)
      assert.strictEqual(one.id === other.id, same)
    }
  )

  it("parts that run into one another make different ids", () => {
    const one = new SessionKey({ provider: "a", instance: 'b","c', account: "d" })
    const other = new SessionKey({ provider: "a", instance: "b", account: 'c","d' })
    assert.notStrictEqual(one.id, other.id)
  })
})

const secret = Canary.make("access token")
const refresh = Canary.make("refresh token")
const session = new Session({
  key: new SessionKey({ provider: "robot", instance: "spot-1", account: "ada" }),
  accessToken: secret.redacted,
  refreshToken: refresh.redacted,
  issuedAt: DateTime.makeUnsafe(1_700_000_000_001),
  expiresAt: DateTime.makeUnsafe(1_700_000_360_002),
  account: { id: "7", name: "Ada", roles: ["operator"] }
})

describe("Session", () => {
  it("shows no secret, however it is printed", () => {
    Canary.assertAbsent([secret, refresh], session)
  })

  it("P37: refuses to be encoded with its secrets", () => {
    assert.isTrue(Exit.isFailure(Schema.encodeExit(Schema.toCodecJson(Session))(session)))
  })

  it("has no room for an empty token", () => {
    assert.throws(() => new Session({ ...session, accessToken: Redacted.make("") }))
  })
})

describe("StoredSession", () => {
  const { accessToken: _, expiresAt: __, refreshToken: ___, ...least } = session

  for (const [name, one] of [
    ["everything", session],
    ["as little as possible", new Session(least)]
  ] as const) {
    it(`what is encoded is decoded: a session with ${name}`, () => {
      const decoded = Option.getOrThrow(StoredSession.decode(StoredSession.encode(one)))
      assert.isTrue(Equal.equals(decoded, one))
      assert.strictEqual("accessToken" in decoded, "accessToken" in one)
    })
  }

  it("is one line", () => {
    assert.notInclude(StoredSession.encode(session), "\n")
  })

  it("a line of another version, or of none, is not read", () => {
    const line = StoredSession.encode(session)
    for (const other of [line.replace('"v":1', '"v":2'), line.slice(0, -1), "", "null", "{}", "[]"]) {
      assert.isTrue(Option.isNone(StoredSession.decode(other)), other.slice(0, 9))
    }
  })

  it.prop("no text makes it throw", [Schema.String], ([text]) => {
    assert.isTrue(Option.isNone(StoredSession.decode(text)))
  })
})
