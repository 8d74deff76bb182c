import { assert, describe, it } from "@effect/vitest"
import { NodeCrypto } from "@effect/platform-node"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import { SessionStore } from "@latchkey/core/SessionStore"
import { SessionStoreError, Unavailable } from "@latchkey/core/SessionStoreError"
import * as StoredSession from "@latchkey/core/StoredSession"
import { BosdynTokenStore, CryosparcSessionStore, SqliteSessionStore } from "@latchkey/store"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as PassphraseKey from "@latchkey/store/PassphraseKey"
import * as SealingKey from "@latchkey/store/SealingKey"
import { Canary, SessionStoreContract } from "@latchkey/testing"
import { Config, Context, DateTime, Effect, Layer, Option, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import {
  bodyOf,
  hasArgon2id,
  hChaCha20,
  openByHand,
  sealByHand,
  textOf,
  type Visible
} from "./sealedByHand.ts"
import { sealedOn } from "./sealedOn.ts"
import { environment, key, open, reasonOf, session, temporaryDirectory, tokenOf } from "./support.ts"

const ours = randomBytes(32)
const theirs = randomBytes(32)

const keyOf = (bytes: Uint8Array) => SealingKey.make(Redacted.make(bytes))

const layer = EncryptedSessionStore.layer({ key: keyOf(ours) })

/** As cheap as it may be: what it costs is tested with the key itself. */
const cheap = { memory: 8, passes: 1, parallelism: 1 }

const passphraseLayer = EncryptedSessionStore.layer({
  key: PassphraseKey.make({ passphrase: Redacted.make("correct horse battery staple"), ...cheap })
}).pipe(Layer.provide(NodeCrypto.layerKdf))

const sqliteIn = (directory: string) => SqliteSessionStore.layer({ path: join(directory, "sessions.db") })

/** Kept in memory, and the same for all who open it: each with a key of its own, as other processes would. */
const onOneMemory = (upper: typeof layer) =>
  Effect.map(open(SessionStore.layerMemory), (below) =>
    Layer.provide(upper, Layer.succeed(SessionStore, below))
  )

SessionStoreContract.suite("EncryptedSessionStore", onOneMemory(layer))

if (hasArgon2id) {
  SessionStoreContract.suite("EncryptedSessionStore with a passphrase", onOneMemory(passphraseLayer))
}

sealedOn("SQLite", Effect.map(temporaryDirectory, sqliteIn))

sealedOn(
  "the file of cryosparc-tools",
  Effect.map(temporaryDirectory, (directory) =>
    CryosparcSessionStore.layer({ path: join(directory, "auth.json") })
  ),
  { lacks: ["end", "noExpiry"], key: (account) => key(account, "https://c.example.com/", "cryosparc") }
)

sealedOn(
  "the files of the Spot SDK",
  Effect.map(temporaryDirectory, (directory) => BosdynTokenStore.layer({ directory })),
  { lacks: ["expiry", "end"], key: (account) => key(account.replaceAll(".", "-")) }
)

/** The store below and sealed ones on it. */
const both = Effect.gen(function* () {
  const below = yield* open(SessionStore.layerMemory)
  const sealed = <E>(upper: Layer.Layer<SessionStore, E, SessionStore>) =>
    open(Layer.provide(upper, Layer.succeed(SessionStore, below)))
  return { below, sealed, store: yield* sealed(layer) }
})

type Store = Context.Service.Shape<typeof SessionStore>

const textIn = Effect.fnUntraced(function* (store: Store, account: string) {
  return tokenOf(Option.getOrThrow(yield* store.get(key(account))).session) ?? ""
})

const withText = (carrier: Session, text: string) =>
  new Session({ ...carrier, accessToken: Redacted.make(text) })

const rich = new Session({
  key: key("ops"),
  accessToken: Redacted.make("access"),
  refreshToken: Redacted.make("refresh"),
  tokenType: "MAC",
  issuedAt: DateTime.makeUnsafe(1_700_000_000_123),
  expiresAt: DateTime.makeUnsafe(1_700_003_600_123),
  endsAt: DateTime.makeUnsafe(1_700_086_400_123),
  account: { id: "7", name: "Zoë ☃", roles: ["admin"] }
})

const visible: Visible = {
  provider: "robot",
  instance: "spot-1",
  account: "ops",
  issuedAt: 1_700_000_000_123,
  expiresAt: 1_700_003_600_123,
  endsAt: 1_700_086_400_123
}

describe("what the store below is given", () => {
  it.effect("S28: the key of the session and its times in the clear, and nothing else", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      yield* store.put(rich)
      const carrier = Option.getOrThrow(yield* below.get(key("ops"))).session
      const { accessToken, ...rest } = carrier
      assert.match(Redacted.value(accessToken ?? Redacted.make("")), /^latchkey\.[\w-]+\.sealed$/)
      assert.deepStrictEqual(rest, {
        key: rich.key,
        tokenType: "Bearer",
        issuedAt: rich.issuedAt,
        ...(rich.expiresAt && { expiresAt: rich.expiresAt }),
        ...(rich.endsAt && { endsAt: rich.endsAt }),
        account: {}
      })
    })
  )

  it.effect("S28: no two writes of the same session look alike", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      const nonces = new Set<string>()
      const texts = new Set<string>()
      for (let n = 0; n < 200; n++) {
        yield* store.put(rich)
        const text = yield* textIn(below, "ops")
        texts.add(text)
        nonces.add(bodyOf(text).subarray(9, 33).toString("hex"))
      }
      assert.strictEqual(texts.size, 200)
      assert.strictEqual(nonces.size, 200)
    })
  )

  it.effect("versions, leases, marks and fences are those of the store below", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      const { version } = yield* store.put(rich)
      assert.strictEqual(Option.getOrThrow(yield* below.get(rich.key)).version, version)
      const lease = Option.getOrThrow(yield* store.lease(rich.key, "1 second"))
      yield* lease.mark(Option.some(version))
      assert.isTrue(Option.isNone(yield* below.lease(rich.key, "1 second")))
      yield* lease.release
      const next = Option.getOrThrow(yield* below.lease(rich.key, "1 second"))
      assert.deepStrictEqual(next.marked, Option.some(version))
      assert.strictEqual(yield* reasonOf(store.put(rich, { fence: lease.fence })), "Conflict")
      yield* store.put(rich, { fence: next.fence, expected: Option.some(version) })
    })
  )

  it.effect("what the store below does is done for the caller, and not for whoever opened the store", () =>
    Effect.gen(function* () {
      const below = yield* open(SessionStore.layerMemory)
      const doneFor: Array<string> = []
      const told = <A>(effect: Effect.Effect<A, SessionStoreError>) =>
        Effect.flatMap(Effect.orDie(Effect.currentSpan), ({ name }) => {
          doneFor.push(name)
          return effect
        })
      const spy = Layer.succeed(SessionStore, {
        ...below,
        get: (one) => told(below.get(one)),
        find: (query) => told(below.find(query)),
        put: (one, options) => told(below.put(one, options)),
        list: told(below.list)
      })
      const store = yield* Effect.withSpan(open(Layer.provide(layer, spy)), "opener")
      const used = [store.put(rich), store.get(rich.key), store.find({}), store.list]
      yield* Effect.withSpan(Effect.all(used), "caller")
      assert.deepStrictEqual(doneFor, ["caller", "caller", "caller", "caller"])
    })
  )

  it.effect("P25: a session of 16 kB round-trips, whatever the store of the key can hold", () =>
    Effect.gen(function* () {
      const { store } = yield* both
      const large = new Session({
        ...rich,
        accessToken: Redacted.make("a".repeat(16_384)),
        refreshToken: Redacted.make("☃".repeat(16_384))
      })
      yield* store.put(large)
      const found = Option.getOrThrow(yield* store.get(rich.key)).session
      assert.strictEqual(StoredSession.encode(found), StoredSession.encode(large))
    })
  )

  it.effect("a session that is sealed already is NotRepresentable: no store is sealed twice", () =>
    Effect.gen(function* () {
      const { below, sealed, store } = yield* both
      yield* store.put(rich)
      const carrier = Option.getOrThrow(yield* below.get(rich.key)).session
      assert.strictEqual(yield* reasonOf(store.put(carrier)), "NotRepresentable")
      const twice = yield* Layer.build(Layer.provide(layer, Layer.succeed(SessionStore, store)))
      const outer = Context.get(twice, SessionStore)
      assert.strictEqual(yield* reasonOf(outer.put(rich)), "NotRepresentable")
      const again = yield* sealed(layer)
      assert.isTrue(Option.isSome(yield* again.get(rich.key)))
    })
  )

  it.effect("S23: a failure of the store below is that failure, and never no session", () =>
    Effect.gen(function* () {
      const away = SessionStoreError.because(
        { provider: "test", instance: "test" },
        new Unavailable({ message: "away" })
      )
      const failing = Effect.fail(away)
      const store = yield* open(
        Layer.provide(
          layer,
          Layer.succeed(SessionStore, {
            get: () => failing,
            find: () => failing,
            list: failing,
            put: () => failing,
            remove: () => failing,
            lease: () => failing
          })
        )
      )
      for (const use of [
        store.get(rich.key),
        store.find({}),
        store.list,
        store.put(rich),
        store.remove(rich.key),
        store.lease(rich.key, "1 second")
      ]) {
        assert.strictEqual(yield* Effect.flip<unknown, SessionStoreError, never>(use), away)
      }
    })
  )
})

/** 0, 1, 2, … */
const bytesUpTo = (length: number) => Buffer.from(Array.from({ length }, (_, n) => n))

describe("the format, by other means", () => {
  it("HChaCha20 gives what its draft says", () => {
    assert.strictEqual(
      hChaCha20(bytesUpTo(32), Buffer.from("000000090000004a0000000031415927", "hex")).toString("hex"),
      "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    )
  })

  it.effect("S28: what is sealed here opens with node:crypto alone", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      yield* store.put(rich)
      assert.strictEqual(openByHand(yield* textIn(below, "ops"), ours, visible), StoredSession.encode(rich))
    })
  )

  it.effect.skipIf(!hasArgon2id)(
    "S28: what is sealed under a passphrase opens with node:crypto and the passphrase",
    () =>
      Effect.gen(function* () {
        const { below, sealed } = yield* both
        const store = yield* sealed(passphraseLayer)
        yield* store.put(rich)
        const text = yield* textIn(below, "ops")
        assert.strictEqual(
          openByHand(text, "correct horse battery staple", visible),
          StoredSession.encode(rich)
        )
        assert.isAtMost(text.length, (4 * Buffer.byteLength(StoredSession.encode(rich))) / 3 + 135)
      })
  )

  it.effect("S28: what node:crypto seals opens here, and what was sealed by the first release does", () =>
    Effect.gen(function* () {
      const { below, sealed } = yield* both
      const known = bytesUpTo(32)
      const store = yield* sealed(EncryptedSessionStore.layer({ key: keyOf(known) }))
      const byHand = sealByHand(StoredSession.encode(rich), known, Buffer.alloc(24, 7), visible)
      for (const text of [byHand, GOLDEN]) {
        yield* below.put(withText(new Session({ ...rich, account: {} }), text))
        const found = Option.getOrThrow(yield* store.get(rich.key)).session
        assert.strictEqual(StoredSession.encode(found), StoredSession.encode(rich))
      }
    })
  )
})

const GOLDEN =
  "latchkey.AQfYrgy7Tbr72fDcIgqoOCsAZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7B1GPksUfpaDsVeQdnBSfuSnUJBiASbiStncWyEkxDDKHJCoQX8KWqYljRyZ2JXg-GsjhPbOQVcWsYH4mj6qETjmjt8etQoZMjW7Z576u4SCWg6MfrIKgmPQu2rPKso7QKg_4BJl1t3hl4iAFs0c89MoFWBqzjIgowVR2igF4UK-rS5-OKIv6QG6JExiRTqtZT2qz9mwIpHsmK9ja7Y4LyWM8jCX8-I27zAq8kBrbHxKxHEa68WCXjkV-lYeESaDe6zqoavJ4ODuwG4sfGfpWOulitv_Cv2lx7hzwTKUNvW0BramB-A8GnjdrJAj8AKIGPsDq4k2zKyJrPO60y799qLfDZEoDx8AGZG97yiIdlNepnrBCmGMY2edMOA.sealed"

describe("an entry that does not open", () => {
  it.effect("S28: another key is WrongKey, and the entry stays", () =>
    Effect.gen(function* () {
      const { below, sealed, store } = yield* both
      yield* store.put(rich)
      const before = yield* textIn(below, "ops")
      const other = yield* sealed(EncryptedSessionStore.layer({ key: keyOf(theirs) }))
      assert.strictEqual(yield* reasonOf(other.get(rich.key)), "WrongKey")
      assert.strictEqual(yield* reasonOf(other.find({})), "WrongKey")
      assert.strictEqual(yield* reasonOf(other.find({ account: "ops" })), "WrongKey")
      assert.deepStrictEqual(
        (yield* other.list).map((one) => one.key.account),
        ["ops"]
      )
      assert.strictEqual(yield* textIn(below, "ops"), before)
      assert.isTrue(Option.isNone(yield* other.get(key("nobody"))))
      yield* other.put(session("ops", "of the other"))
      assert.strictEqual(yield* textIn(other, "ops"), "of the other")
      assert.isTrue(yield* store.remove(rich.key))
    })
  )

  it.effect("S28: an entry under an older key opens, and the next put seals it under the new one", () =>
    Effect.gen(function* () {
      const { sealed, store } = yield* both
      yield* store.put(rich)
      const next = yield* sealed(
        EncryptedSessionStore.layer({ key: keyOf(theirs), olderKeys: [keyOf(randomBytes(32)), keyOf(ours)] })
      )
      const { version } = Option.getOrThrow(yield* next.get(rich.key))
      yield* next.put(rich, { expected: Option.some(version) })
      assert.isTrue(Option.isSome(yield* next.get(rich.key)))
      assert.strictEqual(yield* reasonOf(store.get(rich.key)), "WrongKey")
    })
  )

  it.effect("S28: one in the clear is a CorruptEntry, is listed, and can be replaced or removed", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      const { version } = yield* below.put(session("plain", "token in the clear"))
      yield* below.put(new Session({ key: key("bare"), issuedAt: rich.issuedAt }))
      for (const account of ["plain", "bare"]) {
        assert.strictEqual(yield* reasonOf(store.get(key(account))), "CorruptEntry")
        assert.strictEqual(yield* reasonOf(store.find({ account })), "CorruptEntry")
      }
      assert.strictEqual((yield* store.list).length, 2)
      assert.strictEqual(yield* textIn(below, "plain"), "token in the clear")
      yield* store.put(session("plain", "t"), { expected: Option.some(version) })
      assert.strictEqual(yield* textIn(store, "plain"), "t")
      assert.isTrue(yield* store.remove(key("bare")))
    })
  )

  it.effect("one of a newer format is Corrupt, also for those who do not have its key", () =>
    Effect.gen(function* () {
      const { below, sealed, store } = yield* both
      yield* below.put(withText(session("ops", "-"), textOf(2, randomBytes(3))))
      const other = yield* sealed(EncryptedSessionStore.layer({ key: keyOf(theirs) }))
      assert.strictEqual(yield* reasonOf(store.get(rich.key)), "Corrupt")
      assert.strictEqual(yield* reasonOf(other.get(rich.key)), "Corrupt")
    })
  )

  it.effect("one with a line of a newer format in it is Corrupt", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      const line = StoredSession.encode(rich).replace('"v":1', '"v":2')
      const text = sealByHand(line, ours, randomBytes(24), visible)
      yield* below.put(withText(new Session({ ...rich, account: {} }), text))
      assert.strictEqual(yield* reasonOf(store.get(rich.key)), "Corrupt")
    })
  )

  it.effect("S28: two that were swapped, or one copied to another key, are CorruptEntry", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      yield* store.put(session("a", "of a"))
      yield* store.put(session("b", "of b"))
      const [ofA, ofB] = [yield* textIn(below, "a"), yield* textIn(below, "b")]
      yield* below.put(withText(session("a", "-"), ofB))
      yield* below.put(withText(session("b", "-"), ofA))
      assert.strictEqual(yield* reasonOf(store.get(key("a"))), "CorruptEntry")
      assert.strictEqual(yield* reasonOf(store.get(key("b"))), "CorruptEntry")
      for (const other of [
        key("a", "spot-2"),
        key("a", "spot-1", "resonite"),
        key("spot-1", "a"),
        key("A")
      ]) {
        yield* below.put(new Session({ ...withText(session("a", "-"), ofA), key: other }))
        assert.strictEqual(yield* reasonOf(store.get(other)), "CorruptEntry", other.id)
      }
      yield* below.put(withText(session("a", "-"), ofA))
      assert.strictEqual(yield* textIn(store, "a"), "of a")
    })
  )

  it.effect("S28: no time in the clear can be changed, added or taken away", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      yield* store.put(rich)
      const carrier = Option.getOrThrow(yield* below.get(rich.key)).session
      const { endsAt, expiresAt, ...lasting } = carrier
      const later = DateTime.makeUnsafe(1_700_000_000_124)
      for (const [name, changed] of Object.entries({
        "another time of issue": new Session({ ...carrier, issuedAt: later }),
        "another expiry": new Session({ ...carrier, expiresAt: later }),
        "another end": new Session({ ...carrier, endsAt: later }),
        "no expiry": new Session({ ...lasting, ...(endsAt && { endsAt }) }),
        "no end": new Session({ ...lasting, ...(expiresAt && { expiresAt }) }),
        "expiry and end exchanged": new Session({
          ...lasting,
          ...(endsAt && { expiresAt: endsAt }),
          ...(expiresAt && { endsAt: expiresAt })
        })
      })) {
        yield* below.put(changed)
        assert.strictEqual(yield* reasonOf(store.get(rich.key)), "CorruptEntry", name)
      }
      yield* below.put(carrier)
      assert.isTrue(Option.isSome(yield* store.get(rich.key)))
    })
  )

  it.effect(
    "S28: every character that is changed, left out or cut off is noticed, whoever has which key",
    () =>
      Effect.gen(function* () {
        const { below, sealed, store } = yield* both
        const other = yield* sealed(EncryptedSessionStore.layer({ key: keyOf(theirs) }))
        yield* store.put(session("ops", "t"))
        const text = yield* textIn(below, "ops")
        const damaged = Array.from(text, (character, at) => {
          const code = (character.codePointAt(0) ?? 0) ^ 1
          return [
            text.slice(0, at) + String.fromCodePoint(code) + text.slice(at + 1),
            text.slice(0, at) + text.slice(at + 1),
            text.slice(0, at + 1) + "\n" + text.slice(at + 1),
            ...(at > 0 ? [text.slice(0, at), text.slice(at)] : [])
          ]
        }).flat()
        for (const one of new Set(damaged)) {
          yield* below.put(withText(session("ops", "-"), one))
          assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "CorruptEntry", one)
          assert.strictEqual(yield* reasonOf(other.get(key("ops"))), "CorruptEntry", one)
        }
        yield* below.put(withText(session("ops", "-"), text))
        assert.strictEqual(yield* textIn(store, "ops"), "t")
      })
  )

  it.effect("S28: every bit that is changed by somebody who mends the check is noticed", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      yield* store.put(session("ops", "t"))
      const body = bodyOf(yield* textIn(below, "ops"))
      for (let bit = 0; bit < 8 * body.length; bit++) {
        const changed = Buffer.from(body)
        const at = bit >> 3
        changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7))
        yield* below.put(withText(session("ops", "-"), textOf(1, changed)))
        const reason = yield* reasonOf(store.get(key("ops")))
        // The first eight bytes name the key; the ninth says of which kind it is.
        assert.include(at < 9 ? ["WrongKey", "CorruptEntry"] : ["CorruptEntry"], reason, `bit ${bit}`)
      }
    })
  )

  it.effect("a text of the right form with too little in it is a CorruptEntry", () =>
    Effect.gen(function* () {
      const { below, store } = yield* both
      yield* store.put(session("ops", "t"))
      const body = bodyOf(yield* textIn(below, "ops"))
      for (let length = 0; length < body.length; length++) {
        yield* below.put(withText(session("ops", "-"), textOf(1, body.subarray(0, length))))
        assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "CorruptEntry", `${length} bytes`)
      }
      for (const text of ["latchkey.", ".sealed", "latchkey.sealed", "latchkey..sealed"]) {
        yield* below.put(withText(session("ops", "-"), text))
        assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "CorruptEntry", text)
      }
    })
  )
})

describe("properties", () => {
  const Text = Schema.String
  const Token = Schema.NonEmptyString
  const Millis = Schema.Int.check(Schema.isBetween({ minimum: -1e12, maximum: 1e13 }))
  const Plain = Schema.Struct({
    provider: Token,
    instance: Token,
    account: Token,
    accessToken: Schema.optionalKey(Token),
    refreshToken: Schema.optionalKey(Token),
    tokenType: Token,
    issuedAt: Millis,
    expiresAt: Schema.optionalKey(Millis),
    endsAt: Schema.optionalKey(Millis),
    id: Schema.optionalKey(Text),
    name: Schema.optionalKey(Text),
    roles: Schema.optionalKey(Schema.Array(Text))
  })

  const sessionOf = ({ account, instance, provider, ...plain }: typeof Plain.Type) =>
    new Session({
      key: new SessionKey({ provider, instance, account }),
      ...(plain.accessToken !== undefined && { accessToken: Redacted.make(plain.accessToken) }),
      ...(plain.refreshToken !== undefined && { refreshToken: Redacted.make(plain.refreshToken) }),
      tokenType: plain.tokenType,
      issuedAt: DateTime.makeUnsafe(plain.issuedAt),
      ...(plain.expiresAt !== undefined && { expiresAt: DateTime.makeUnsafe(plain.expiresAt) }),
      ...(plain.endsAt !== undefined && { endsAt: DateTime.makeUnsafe(plain.endsAt) }),
      account: {
        ...(plain.id !== undefined && { id: plain.id }),
        ...(plain.name !== undefined && { name: plain.name }),
        ...(plain.roles !== undefined && { roles: plain.roles })
      }
    })

  it.effect.prop("S28: any session comes back as it was", { plain: Plain }, ({ plain }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { store } = yield* both
        const one = sessionOf(plain)
        yield* store.put(one)
        const found = Option.getOrThrow(yield* store.get(one.key))
        assert.strictEqual(StoredSession.encode(found.session), StoredSession.encode(one))
      })
    )
  )

  it.effect.prop(
    "S28: a text under any other key or time than its own is an error",
    { plain: Plain, other: Plain },
    ({ other, plain }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { below, store } = yield* both
          const [one, two] = [sessionOf(plain), sessionOf(other)]
          yield* store.put(one)
          const { accessToken } = Option.getOrThrow(yield* below.get(one.key)).session
          const { account: _, accessToken: __, refreshToken: ___, ...clear } = two
          yield* below.put(new Session({ ...clear, ...(accessToken && { accessToken }) }))
          const isSame =
            one.key.id === two.key.id &&
            plain.issuedAt === other.issuedAt &&
            plain.expiresAt === other.expiresAt &&
            plain.endsAt === other.endsAt
          assert.strictEqual(yield* reasonOf(store.get(two.key)), isSame ? "no failure" : "CorruptEntry")
        })
      )
  )
})

describe("keys that are configured", () => {
  const configured = EncryptedSessionStore.layerConfig({
    key: Config.Redacted("SEALING_KEY"),
    olderKeys: Config.Redacted("OLDER_KEY").pipe(Config.map((one) => [one]))
  })

  it.effect("layerConfig takes them from where the program says", () =>
    Effect.gen(function* () {
      const { sealed, store } = yield* both
      yield* store.put(rich)
      const next = yield* sealed(configured).pipe(
        environment({ SEALING_KEY: theirs.toString("base64url"), OLDER_KEY: ours.toString("hex") })
      )
      assert.isTrue(Option.isSome(yield* next.get(rich.key)))
      yield* next.put(rich)
      assert.strictEqual(yield* reasonOf(store.get(rich.key)), "WrongKey")
    })
  )

  it.effect(
    "one that is none is WrongKey, one that is missing a ConfigError, and neither is sealed without",
    () =>
      Effect.gen(function* () {
        const { sealed } = yield* both
        const opened = (env: Record<string, string>) => sealed(configured).pipe(environment(env), Effect.flip)
        const bad = yield* opened({ SEALING_KEY: "a passphrase", OLDER_KEY: ours.toString("hex") })
        assert.strictEqual(bad instanceof SessionStoreError ? bad.reason._tag : bad._tag, "WrongKey")
        assert.strictEqual((yield* opened({ OLDER_KEY: ours.toString("hex") }))._tag, "ConfigError")
      })
  )
})

describe("secrets", () => {
  it.effect("P06, S28: no token, no account detail and no key is in the files below", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const canaries = ["access", "refresh", "name", "role", "second"].map((label) => Canary.make(label))
      const [access, refresh, name, role, second] = canaries
      const secretKey = Canary.make("0123456789")
      const bytes = Buffer.from(secretKey.secret.padEnd(32, "k").slice(0, 32))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open(
            Layer.provide(EncryptedSessionStore.layer({ key: keyOf(bytes) }), sqliteIn(directory))
          )
          const one = new Session({
            ...rich,
            accessToken: Redacted.make(access?.secret ?? ""),
            refreshToken: Redacted.make(refresh?.secret ?? ""),
            account: { name: name?.secret ?? "", roles: [role?.secret ?? ""] }
          })
          const { version } = yield* store.put(one)
          yield* store.put(new Session({ ...one, accessToken: Redacted.make(second?.secret ?? "") }), {
            expected: Option.some(version)
          })
          const looked = readdirSync(directory).map((file) => {
            Canary.assertAbsent([...canaries, secretKey], readFileSync(join(directory, file)))
            return file
          })
          assert.deepStrictEqual(looked.toSorted(), ["sessions.db", "sessions.db-shm", "sessions.db-wal"])
          // They would have been found.
          const plain = yield* open(sqliteIn(directory))
          yield* plain.put(one)
          const wal = readFileSync(join(directory, "sessions.db-wal"))
          assert.isNotEmpty(Canary.find([refresh ?? secretKey], wal))
        })
      )
    })
  )

  it.effect("P06: no failure, log line, span or printed key shows a token or a key", () =>
    Effect.gen(function* () {
      const token = Canary.make("token")
      const bytes = Buffer.from(Canary.make("k").secret.padEnd(32, "k").slice(0, 32))
      const asKey: Canary.Canary = {
        label: "key",
        secret: bytes.toString("latin1"),
        redacted: Redacted.make("")
      }
      const canaries = [token, asKey]
      yield* Effect.gen(function* () {
        const below = yield* open(SessionStore.layerMemory)
        const made = yield* keyOf(bytes)
        Canary.assertAbsent(canaries, made)
        Canary.assertAbsent(canaries, yield* made.toSeal(Effect.succeedNone))
        const store = yield* open(
          Layer.provide(
            EncryptedSessionStore.layer({ key: keyOf(bytes) }),
            Layer.succeed(SessionStore, below)
          )
        )
        Canary.assertAbsent(canaries, store)
        const one = session("ops", token.secret)
        const put = yield* store.put(one)
        Canary.assertAbsent(canaries, put)
        const carrier = Option.getOrThrow(yield* below.get(key("ops"))).session
        const sealedText = tokenOf(carrier) ?? ""
        const failures = [
          yield* Effect.flip(store.put(carrier)),
          yield* Effect.flip(store.put(one, { expected: Option.none() })),
          yield* below.put(one).pipe(Effect.andThen(Effect.flip(store.get(key("ops"))))),
          yield* below
            .put(withText(carrier, sealedText.slice(0, -9)))
            .pipe(Effect.andThen(Effect.flip(store.get(key("ops"))))),
          yield* below
            .put(new Session({ ...carrier, issuedAt: DateTime.makeUnsafe(1) }))
            .pipe(Effect.andThen(Effect.flip(store.get(key("ops"))))),
          yield* Effect.flip(SealingKey.make(Redacted.make(token.secret)))
        ]
        assert.deepStrictEqual(
          failures.map(({ reason }) => reason._tag),
          ["NotRepresentable", "Conflict", "CorruptEntry", "CorruptEntry", "CorruptEntry", "WrongKey"]
        )
        Canary.assertAbsent(canaries, failures)
        yield* Canary.assertNoneCaptured(canaries)
      }).pipe(Effect.provide(Canary.capture))
    })
  )

  it.effect("a key cannot be used when its scope has ended", () =>
    Effect.gen(function* () {
      const kept = yield* Effect.scoped(keyOf(ours))
      const used = yield* Effect.exit(
        Effect.flatMap(
          open(
            Layer.provide(
              EncryptedSessionStore.layer({ key: Effect.succeed(kept) }),
              SessionStore.layerMemory
            )
          ),
          (store) => store.put(rich)
        )
      )
      assert.strictEqual(used._tag, "Failure")
    })
  )
})

describe("in a file of SQLite", () => {
  it.effect("an entry that the file of another account was given is a CorruptEntry", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const store = yield* open(Layer.provide(layer, sqliteIn(directory)))
      yield* store.put(session("a", "of a"))
      yield* store.put(session("b", "of b"))
      const database = new DatabaseSync(join(directory, "sessions.db"))
      // Somebody who knows the format of the rows, and puts b's session into the drawer of a.
      database.exec(
        `update entries set line = (select replace(line, '"account":"b"', '"account":"a"') from entries where account = 'b')
         where account = 'a'`
      )
      database.close()
      assert.strictEqual(yield* reasonOf(store.get(key("a"))), "CorruptEntry")
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(key("b"))).session), "of b")
    })
  )
})
