/**
 * What a sealed store promises on each store below, where that makes a difference: what it has a place for, in which form, and
 * how it tells one process from another. The whole contract is proved once, around the memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import type { SessionKey } from "@latchkey/core/SessionKey"
import type { SessionStore } from "@latchkey/core/SessionStore"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as SealingKey from "@latchkey/store/SealingKey"
import { DateTime, Effect, Layer, Option, Redacted, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { key, open, reasonOf, tokenOf } from "./support.ts"

type Lack = "expiry" | "noExpiry" | "end"

interface Particulars {
  readonly lacks?: ReadonlyArray<Lack>
  readonly key?: (account: string) => SessionKey
}

const instant = (millis: number) => DateTime.makeUnsafe(millis)

const issuedAt = instant(1_700_000_000_123)
const expiresAt = instant(1_700_003_600_877)
const endsAt = instant(1_700_086_400_333)

const long = (character: string) => Redacted.make(character.repeat(16 * 1024))

export const sealedOn = <E>(
  name: string,
  place: Effect.Effect<Layer.Layer<SessionStore, E>, never, Scope.Scope>,
  { key: keyFor = key, lacks = [] }: Particulars = {}
) => {
  const bare = (account: string) =>
    new Session({ key: keyFor(account), issuedAt, ...(lacks.includes("noExpiry") && { expiresAt }) })

  const times = {
    ...(!lacks.includes("expiry") && { expiresAt }),
    ...(!lacks.includes("end") && { endsAt })
  }
  const sessions = [
    bare("no-token"),
    new Session({
      ...bare("everything"),
      ...times,
      accessToken: Redacted.make("access"),
      refreshToken: Redacted.make("refresh"),
      tokenType: "MAC",
      account: { id: "7", name: "Zoë ☃ \u0000", roles: ["admin", ""] }
    }),
    new Session({ ...bare("16kB"), accessToken: long("a"), refreshToken: long("r") }),
    new Session({ ...bare("zoë+ops@example.com"), accessToken: Redacted.make("t") })
  ]

  const lacking: Record<Lack, Session> = {
    expiry: new Session({ ...bare("lacking"), expiresAt }),
    noExpiry: new Session({ key: keyFor("lacking"), issuedAt }),
    end: new Session({ ...bare("lacking"), endsAt })
  }

  const sealedTwice = Effect.gen(function* () {
    const ours = Redacted.make(randomBytes(32))
    const below = yield* place
    const opened = (bytes: Redacted.Redacted<Uint8Array>) =>
      open(Layer.provide(EncryptedSessionStore.layer({ key: SealingKey.make(bytes) }), below))
    return {
      below: yield* open(below),
      one: yield* opened(ours),
      other: yield* opened(ours),
      stranger: yield* opened(Redacted.make(randomBytes(32)))
    }
  })

  describe(`${name}, sealed`, () => {
    it.effect("S28: a session of any shape comes back to who has the key, and to nobody else", () =>
      Effect.gen(function* () {
        const { below, one, other, stranger } = yield* sealedTwice
        for (const session of sessions) yield* one.put(session)
        for (const session of sessions) {
          const line = StoredSession.encode(session)
          for (const found of [yield* other.get(session.key), yield* other.find({ ...session.key })])
            assert.strictEqual(StoredSession.encode(Option.getOrThrow(found).session), line)
          assert.strictEqual(yield* reasonOf(stranger.get(session.key)), "WrongKey")
          const carrier = Option.getOrThrow(yield* below.get(session.key)).session
          assert.match(tokenOf(carrier) ?? "", /^latchkey\.[\w-]+\.sealed$/)
          assert.deepStrictEqual([carrier.account, carrier.refreshToken], [{}, undefined])
        }
        const ids = (yield* other.list).map((summary) => summary.key.id)
        assert.deepStrictEqual(new Set(ids), new Set(sessions.map((session) => session.key.id)))
      })
    )

    it.effect("versions, leases and fences are those of the store below, for every process", () =>
      Effect.gen(function* () {
        const { one, other } = yield* sealedTwice
        const [first] = sessions
        assert(first !== undefined)
        const { version } = yield* one.put(first)
        assert.strictEqual(Option.getOrThrow(yield* other.get(first.key)).version, version)
        const early = Option.getOrThrow(yield* one.lease(first.key, "1 minute"))
        assert.isTrue(Option.isNone(yield* other.lease(first.key, "1 minute")))
        yield* early.mark(Option.some(version))
        yield* early.release
        const late = Option.getOrThrow(yield* other.lease(first.key, "1 minute"))
        assert.deepStrictEqual(late.marked, Option.some(version))
        assert.strictEqual(yield* reasonOf(one.put(first, { fence: early.fence })), "Conflict")
        const next = yield* other.put(first, { fence: late.fence, expected: Option.some(version) })
        assert.strictEqual(yield* reasonOf(one.put(first, { expected: Option.some(version) })), "Conflict")
        assert.strictEqual(yield* reasonOf(one.remove(first.key, { expected: version })), "Conflict")
        assert.isTrue(yield* one.remove(first.key, { expected: next.version }))
        assert.isTrue(Option.isNone(yield* other.get(first.key)))
      })
    )

    for (const lack of lacks) {
      it.effect(`what the store has no place for in the clear is NotRepresentable: ${lack}`, () =>
        Effect.gen(function* () {
          const { below, one } = yield* sealedTwice
          assert.strictEqual(yield* reasonOf(one.put(lacking[lack])), "NotRepresentable")
          assert.deepStrictEqual(yield* below.list, [])
        })
      )
    }
  })
}
