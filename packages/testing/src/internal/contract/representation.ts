/** Whatever a session may hold comes back exactly, or is refused as a whole. */
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Lack } from "../../SessionStoreContract.ts"
import { type Backing, bare, instant, refused, session, someEntry, test, whole } from "./samples.ts"

export const representation = (backing: Backing): void => {
  const key = backing.key(0)
  const plain = bare(backing, key)
  const { accessToken: _, ...rest } = plain
  const { expiresAt: __, ...lasting } = plain

  const variants: ReadonlyArray<readonly [name: string, needs: Lack | undefined, session: Session]> = [
    ["with an access token and nothing else", undefined, plain],
    ["with every part it can have", undefined, session(backing, key, "full")],
    [
      "issued in the last millisecond of a second",
      undefined,
      new Session({ ...plain, issuedAt: instant(1_699_999_999_999) })
    ],
    [
      "issued in the first millisecond of a second",
      undefined,
      new Session({ ...plain, issuedAt: instant(1_700_000_000_001) })
    ],
    ["issued far in the future", undefined, new Session({ ...plain, issuedAt: instant(4_102_444_800_001) })],
    ["with a token of 16 kB", undefined, new Session({ ...plain, accessToken: long("a") })],
    ["with a refresh token", "refreshToken", new Session({ ...plain, refreshToken: Redacted.make("r") })],
    ["with a refresh token of 16 kB", "refreshToken", new Session({ ...plain, refreshToken: long("r") })],
    ["with an expiry", "expiry", new Session({ ...plain, expiresAt: instant(1_700_000_360_999) })],
    ["without an expiry", "noExpiry", new Session(lasting)],
    ["that expired before it was issued", "expiry", new Session({ ...plain, expiresAt: instant(7) })],
    ["with an end of its own", "end", new Session({ ...plain, endsAt: instant(1_700_000_999_001) })],
    ["with the account's id", "account", new Session({ ...plain, account: { id: "" } })],
    [
      "with the account's name",
      "account",
      new Session({ ...plain, account: { name: 'Ali \\ "B"\n☃ \u0000' } })
    ],
    ["with roles", "account", new Session({ ...plain, account: { roles: ["a", "b", "a"] } })],
    ["with an empty list of roles", "account", new Session({ ...plain, account: { roles: [] } })],
    ["of another token type", "tokenType", new Session({ ...plain, tokenType: "bearer" })],
    ["without an access token", "noAccessToken", new Session(rest)],
    [
      "with nothing but a refresh token",
      "noAccessToken",
      new Session({ ...rest, refreshToken: Redacted.make("r") })
    ],
    ["under a key with a NUL", "nul", bare(backing, new SessionKey({ ...key, account: "nul\u0000byte" }))],
    ["of any provider", "anyProvider", bare(backing, new SessionKey({ ...key, provider: "someone else" }))]
  ]

  for (const [name, needs, one] of variants) {
    if (needs !== undefined && backing.lacks(needs)) {
      test(backing, `a session ${name} is NotRepresentable, and nothing is written`, (store) =>
        Effect.gen(function* () {
          yield* refused(store, "NotRepresentable", store.put(one))
          yield* store.put(bare(backing, key, "before"))
          yield* refused(store, "NotRepresentable", store.put(one))
        })
      )
    } else if (one.refreshToken === undefined || !backing.lacks("refreshToken")) {
      test(backing, `a session ${name} comes back exactly`, (store) =>
        Effect.gen(function* () {
          yield* store.put(session(backing, key, "before"))
          const put = yield* store.put(one)
          assert.strictEqual(whole(put.session), whole(one))
          assert.strictEqual(someEntry(yield* store.get(one.key))?.session, whole(one))
        })
      )
    }
  }

  if (backing.lacks("anyProvider")) return

  test(backing, "any characters may be in the parts of a key", (store) =>
    Effect.gen(function* () {
      const plainly = { provider: "p", instance: "i", account: "a" }
      const keys = oddities.flatMap((odd) => [
        new SessionKey({ ...plainly, provider: odd }),
        new SessionKey({ ...plainly, instance: odd }),
        new SessionKey({ ...plainly, account: odd })
      ])
      for (const [n, one] of keys.entries()) yield* store.put(bare(backing, one, `t${n}`))
      for (const [n, one] of keys.entries()) {
        assert.strictEqual(someEntry(yield* store.get(one))?.session, whole(bare(backing, one, `t${n}`)))
        assert.strictEqual(
          someEntry(yield* store.find({ ...one }))?.session,
          whole(bare(backing, one, `t${n}`))
        )
      }
      const listed = new Set((yield* store.list).map((summary) => summary.key.id))
      assert.deepStrictEqual(listed, new Set(keys.map((one) => one.id)))
      for (const one of keys) assert.isTrue(yield* store.remove(one))
      assert.deepStrictEqual(yield* store.list, [])
    })
  )
}

const long = (character: string) => Redacted.make(character.repeat(16 * 1024))

/** Pairs that a store may take for one another, and what has a meaning in SQL, paths, patterns, JSON or a wire format. */
const oddities = [
  "A",
  " a",
  "a ",
  "e\u0301",
  "\u00e9",
  "☃ 💥 \u202e",
  "'; drop table entries; --",
  '"quoted"',
  "back\\slash",
  "../../etc/passwd",
  ".",
  "new\nline\r\n\ttab",
  "nul",
  "*?[a-z]%_",
  "{a}",
  "a:b:c",
  '["a","b"]',
  "__proto__",
  "constructor",
  "10",
  "010",
  "https://h:39000/?q=1#f",
  "x".repeat(4096)
]
