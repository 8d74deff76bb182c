import { assert, describe, it } from "@effect/vitest"
import * as SealingKey from "@latchkey/store/SealingKey"
import { Effect, Option, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { idOf } from "./sealedByHand.ts"
import { reasonOf } from "./support.ts"

const bytes = randomBytes(32)

const idFor = (key: Redacted.Redacted<string> | Redacted.Redacted<Uint8Array>) =>
  Effect.gen(function* () {
    const made = yield* SealingKey.make(key)
    return (yield* made.toSeal(Effect.succeedNone)).head.id
  })

describe("SealingKey.make", () => {
  it.effect("32 bytes and their texts are the same key", () =>
    Effect.gen(function* () {
      const id = idOf(bytes).toString("hex")
      assert.strictEqual(yield* idFor(Redacted.make(new Uint8Array(bytes))), id)
      const hex = bytes.toString("hex")
      const base64 = bytes.toString("base64")
      for (const text of [
        hex,
        hex.toUpperCase(),
        base64,
        base64.slice(0, -1),
        bytes.toString("base64url"),
        ` ${base64}\n`
      ]) {
        assert.strictEqual(yield* idFor(Redacted.make(text)), id)
      }
    })
  )

  it.effect("the bytes that were given stay those of the caller", () =>
    Effect.gen(function* () {
      const own = new Uint8Array(bytes)
      yield* SealingKey.make(Redacted.make(own))
      assert.deepStrictEqual(own, new Uint8Array(bytes))
    })
  )

  for (const [name, wrong] of Object.entries({
    "no text": "",
    "31 bytes in hex": bytes.subarray(1).toString("hex"),
    "33 bytes in base64": Buffer.concat([bytes, bytes.subarray(0, 1)]).toString("base64"),
    "31 bytes in base64": bytes.subarray(1).toString("base64"),
    "a passphrase": "correct horse battery staple",
    "a passphrase of 32 characters": "correct horse battery staple 123",
    "64 characters that are no hex": "x".repeat(64),
    "43 characters that are no base64": "*".repeat(43)
  })) {
    it.effect(`${name} is WrongKey`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* reasonOf(SealingKey.make(Redacted.make(wrong))), "WrongKey")
      })
    )
  }

  it.effect("other than 32 bytes are WrongKey", () =>
    Effect.gen(function* () {
      for (const length of [0, 16, 31, 33, 64]) {
        assert.strictEqual(
          yield* reasonOf(SealingKey.make(Redacted.make(new Uint8Array(length)))),
          "WrongKey"
        )
      }
    })
  )

  it.effect("opens what is of its id and was not made from a passphrase", () =>
    Effect.gen(function* () {
      const key = yield* SealingKey.make(Redacted.make(new Uint8Array(bytes)))
      const { head } = yield* key.toSeal(Effect.succeedNone)
      assert.isTrue(Option.isSome(yield* key.toOpen(head)))
      assert.isTrue(Option.isNone(yield* key.toOpen({ ...head, id: "0".repeat(16) })))
      const cost = { memory: 8, passes: 1, parallelism: 1 }
      const origin = { _tag: "Passphrase", cost, salt: new Uint8Array(16) } as const
      assert.isTrue(Option.isNone(yield* key.toOpen({ ...head, origin })))
    })
  )
})
