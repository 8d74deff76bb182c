/** How a session is carried, sealed, in the access token of another, and how it comes back. */
import { Session } from "@latchkey/core/Session"
import type { Entry } from "@latchkey/core/SessionStore"
import { Corrupt, CorruptEntry, SessionStoreError, WrongKey } from "@latchkey/core/SessionStoreError"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as Aead from "effect/crypto/Aead"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Where } from "./explainFailure.ts"
import { type Head, headOf, isSealed, NONCE_BYTES, read, type SealedText, write } from "./sealedText.ts"
import type { Key, Secret } from "./sealingKey.ts"

/** The same pure code on every runtime: nothing to install, and nothing to be missing. */
export const crypto: Layer.Layer<Aead.Aead | SecureRandom.SecureRandom> = Layer.provideMerge(
  Aead.layerWebCrypto,
  SecureRandom.layerWebCrypto
)

/** What the store below is to be given. */
export const seal = Effect.fnUntraced(function* (session: Session, { head, key }: Secret) {
  const aead = yield* Aead.Aead
  const random = yield* SecureRandom.SecureRandom
  const nonce = new Uint8Array(yield* random.randomBytes(NONCE_BYTES))
  const line = new TextEncoder().encode(StoredSession.encode(session))
  const sealing = aead.encrypt(Redacted.value(key), line, { nonce, aad: boundTo(head, session) })
  // The arguments are ours: what is wrong with them is a bug.
  const ciphertext = new Uint8Array(yield* Effect.orDie(sealing))
  line.fill(0)
  return carrier(session, Redacted.make(write({ head, nonce, ciphertext })))
})

/** In the clear is what a store finds, orders and forgets entries by. */
const carrier = ({ endsAt, expiresAt, issuedAt, key }: Session, accessToken: Redacted.Redacted<string>) =>
  new Session({
    key,
    accessToken,
    issuedAt,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(endsAt !== undefined && { endsAt })
  })

/** Everything in the clear belongs to what is sealed: none of it can be changed, or go with another session. */
const boundTo = (head: Head, { endsAt, expiresAt, issuedAt, key }: Session): Uint8Array => {
  const times = [millis(issuedAt), millis(expiresAt), millis(endsAt)]
  const parts = JSON.stringify([key.provider, key.instance, key.account, ...times])
  return Buffer.concat([headOf(head), Buffer.from(parts)])
}

const millis = (time: DateTime.Utc | undefined) => (time === undefined ? null : DateTime.toEpochMillis(time))

/** Whether it carries another. */
export const isCarrier = ({ accessToken }: Session): boolean =>
  accessToken !== undefined && isSealed(Redacted.value(accessToken))

/** None for a session in the clear. */
export const sealedIn = (
  where: Where,
  session: Session
): Effect.Effect<Option.Option<SealedText>, SessionStoreError> => {
  const { accessToken, key } = session
  if (accessToken === undefined || !isCarrier(session)) return Effect.succeedNone
  return Effect.fromResult(
    Result.mapBoth(read(Redacted.value(accessToken)), {
      onSuccess: Option.some,
      onFailure: (why) => {
        if (why === "Damaged")
          return SessionStoreError.because(where, new CorruptEntry({ message: damage(key.account) }))
        const message = `the session of ${key.account} was sealed by a newer release: update this program`
        return SessionStoreError.because(where, new Corrupt({ message }))
      }
    })
  )
}

/** Fails with `WrongKey`, or with `CorruptEntry` where the key is right and the rest is not. */
export const unseal = Effect.fnUntraced(function* (
  where: Where,
  visible: Session,
  { ciphertext, head, nonce }: SealedText,
  keys: ReadonlyArray<Key>
) {
  const { account } = visible.key
  const secret = yield* keyFor(head, keys)
  if (Option.isNone(secret)) {
    const message = `the session of ${account} is sealed under another key (${head.id}): give that one too, or sign in again`
    return yield* SessionStoreError.because(where, new WrongKey({ message }))
  }
  const aead = yield* Aead.Aead
  const opening = aead.decrypt(Redacted.value(secret.value.key), ciphertext, {
    nonce,
    aad: boundTo(head, visible)
  })
  const damaged = SessionStoreError.because(where, new CorruptEntry({ message: damage(account) }))
  const line = yield* Effect.catchReason(
    opening,
    "CryptoError",
    "DecryptionFailed",
    () => Effect.fail(damaged),
    (_, error) => Effect.die(error)
  )
  const session = StoredSession.decode(new TextDecoder().decode(line))
  line.fill(0)
  // It is whole and ours: only a later release can have written what is not read here.
  if (Option.isNone(session)) {
    const message = `the session of ${account} was stored by a newer release: update this program`
    return yield* SessionStoreError.because(where, new Corrupt({ message }))
  }
  return session.value
})

const keyFor = Effect.fnUntraced(function* (head: Head, keys: ReadonlyArray<Key>) {
  for (const key of keys) {
    const secret = yield* key.toOpen(head)
    if (Option.isSome(secret)) return secret
  }
  return Option.none<Secret>()
})

/** The head of the first entry that is there, where that can be told. */
export const headOfFirst = (found: Option.Option<Entry>): Option.Option<Head> =>
  Option.flatMap(found, ({ session: { accessToken } }) =>
    accessToken === undefined
      ? Option.none()
      : Option.map(Result.getSuccess(read(Redacted.value(accessToken))), ({ head }) => head)
  )

const damage = (account: string) =>
  `the sealed session of ${account} is damaged, or was changed by somebody else: remove it and sign in again`
