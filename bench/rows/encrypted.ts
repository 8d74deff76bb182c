/** What sealing costs: a sealed store in memory, beside the bare AEAD of `node:crypto` over the same line. */
import { SessionStore } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as EncryptedSessionStore from "@latchkey/store/EncryptedSessionStore"
import * as SealingKey from "@latchkey/store/SealingKey"
import { Context, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { type Row, timed } from "../measure.ts"
import { session } from "../servedSession.ts"

const TIMES = 2_000

/** The nearest to XChaCha20-Poly1305 that `node:crypto` has. */
const CIPHER = "chacha20-poly1305"
const TAG_BYTES = 16
const NONCE_BYTES = 12

const key = randomBytes(32)

const seal = (line: string, bound: string): Buffer => {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(bound), { plaintextLength: Buffer.byteLength(line) })
  return Buffer.concat([nonce, cipher.update(line, "utf8"), cipher.final(), cipher.getAuthTag()])
}

const open = (sealed: Buffer, bound: string): string => {
  const cipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(bound), { plaintextLength: sealed.length - NONCE_BYTES - TAG_BYTES })
    .setAuthTag(sealed.subarray(-TAG_BYTES))
  return cipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)).toString() + cipher.final().toString()
}

const again = (effect: Effect.Effect<unknown, unknown>) =>
  timed(TIMES, () => Effect.runPromise(Effect.repeat(effect, { times: TIMES - 1 })))

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const scope = Scope.makeUnsafe()
  const layer = EncryptedSessionStore.layer({
    key: SealingKey.make(Redacted.make(new Uint8Array(key)))
  }).pipe(Layer.provide(SessionStore.layerMemory))
  const store = Context.get(await Effect.runPromise(Layer.buildWithScope(layer, scope)), SessionStore)
  await Effect.runPromise(store.put(session))
  const { id } = session.key
  const sealed = seal(StoredSession.encode(session), id)
  /** Every candidate gives what it made to this, so that none can be optimised away. */
  let last: unknown
  return [
    {
      name: "sealed store in memory: put",
      limit: {
        name: "limit: encode, and seal by node:crypto",
        measure: () =>
          timed(TIMES, async () => {
            for (let count = 0; count < TIMES; count++) last = seal(StoredSession.encode(session), id)
          })
      },
      candidates: [{ name: "EncryptedSessionStore.put", measure: () => again(store.put(session)) }]
    },
    {
      name: "sealed store in memory: get",
      limit: {
        name: "limit: open by node:crypto, and decode",
        measure: () =>
          timed(TIMES, async () => {
            for (let count = 0; count < TIMES; count++) last = StoredSession.decode(open(sealed, id))
          })
      },
      candidates: [{ name: "EncryptedSessionStore.get", measure: () => again(store.get(session.key)) }],
      close: async () => {
        if (last === undefined) throw new Error("nothing was measured")
        await Effect.runPromise(Scope.close(scope, Exit.void))
      }
    }
  ]
}
