/**
 * A sealing key made from a passphrase by Argon2id (RFC 9106).
 *
 * Salt and cost stand in the clear in every text that is sealed, so that the next process finds them; a process goes on with the
 * salt of an entry that is there and opens, if its cost is the one asked for. A key is derived once per salt and then kept, for the last 32 of
 * them and until the scope ends: with the default cost that takes about 0.1 s and 64 MiB, one at a time.
 *
 * Argon2id needs `NodeCrypto.layerKdf` (or `.layer`) of `@effect/platform-node`, on Node 24.7 or newer; where it is not to be had, or memory is
 * short, using the key fails with `Unavailable`, and nothing else is tried. A passphrase is as strong as it is long, and whoever
 * can read the store can try others at leisure: take six random words, or better a key of `SealingKey` or `KeyringKey`.
 *
 * @since 0.1.0
 */
import { NotRepresentable, SessionStoreError, Unavailable, WrongKey } from "@latchkey/core/SessionStoreError"
import * as Kdf from "effect/crypto/Kdf"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type Cost, isBearable, type Origin, SALT_BYTES } from "./internal/sealedText.ts"
import { KEY_BYTES, type Secret, secret, wipe } from "./internal/sealingKey.ts"
import type { SealingKey } from "./SealingKey.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Brought into Unicode's form NFC, so that it is the same on every keyboard. Not empty. */
  readonly passphrase: Redacted.Redacted<string>
  /** In KiB, from 8 for each lane to 262,144. Default: 65,536. */
  readonly memory?: number
  /** From 1 to 16. Default: 3. */
  readonly passes?: number
  /** Lanes, from 1 to 16. Default: 4. */
  readonly parallelism?: number
}

/** Salts of which the keys are kept. A store has one, or a few. */
const MAX_KEPT = 32

/**
 * Fails with `WrongKey` for an empty passphrase, and with `NotRepresentable` for a cost out of bounds. Nothing is derived
 * before the key is used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({
  passphrase,
  memory = 65_536,
  parallelism = 4,
  passes = 3
}: Options): Effect.fn.Return<SealingKey, SessionStoreError, Kdf.Kdf | Scope.Scope> {
  const cost: Cost = { memory, passes, parallelism }
  if (Redacted.value(passphrase) === "") {
    const message = "an empty passphrase seals nothing: give one"
    return yield* SessionStoreError.because(where, new WrongKey({ message }))
  }
  if (!isBearable(cost)) {
    const message =
      "a cost of Argon2id is out of bounds: 8 KiB for each lane to 256 MiB, 1 to 16 passes, 1 to 16 lanes"
    return yield* SessionStoreError.because(where, new NotRepresentable({ message }))
  }
  const kdf = yield* Kdf.Kdf
  const random = yield* Effect.provide(SecureRandom.SecureRandom, SecureRandom.layerWebCrypto)
  // Each takes its memory, and the caller who asks next mostly asks for the same.
  const oneAtATime = yield* Semaphore.make(1)
  const oneChoice = yield* Semaphore.make(1)
  const kept = new Map<string, Secret>()
  let chosen: Secret | undefined
  let isOver = false

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isOver = true
      kept.forEach(wipe)
    })
  )

  const derive = Effect.fnUntraced(function* (origin: Passphrase) {
    const text = new TextEncoder().encode(Redacted.value(passphrase).normalize("NFC"))
    const derived = kdf.derive(Kdf.argon2id(origin.cost), text, { salt: origin.salt, length: KEY_BYTES })
    const bytes = yield* Effect.ensuring(
      derived,
      Effect.sync(() => text.fill(0))
    ).pipe(
      // The platform has a type for no other failure than a missing Argon2id. The arguments were looked at before.
      Effect.catchDefect(() => Effect.fail(failed)),
      Effect.catchReason(
        "CryptoError",
        "Unsupported",
        () => Effect.fail(unsupported),
        (_, error) => Effect.die(error)
      )
    )
    return yield* secret(bytes, origin)
  })

  const keep = (made: Secret, name: string) => {
    kept.set(name, made)
    // Whoever uses it now still can: it is left to the garbage collector.
    const oldest = Array.from(kept.keys()).find((one) => kept.get(one) !== chosen)
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest)
    if (isOver) wipe(made)
  }

  const derivedOnce = (origin: Passphrase) =>
    oneAtATime.withPermit(
      Effect.suspend(() => {
        const name = nameOf(origin)
        const known = kept.get(name)
        if (known !== undefined) return Effect.succeed(known)
        // Who stops waiting leaves it to the next: it cannot be stopped anyway.
        return derive(origin).pipe(
          Effect.tap((made) => Effect.sync(() => keep(made, name))),
          Effect.uninterruptible
        )
      })
    )

  const toOpen: SealingKey["toOpen"] = ({ id, origin }) =>
    origin._tag === "Given"
      ? Effect.succeedNone
      : Effect.map(derivedOnce(origin), (made) => {
          if (made.head.id !== id) return Option.none()
          if (isSame(origin.cost, cost)) chosen ??= made
          return Option.some(made)
        })

  const choose = Effect.fnUntraced(function* (seen: Parameters<SealingKey["toSeal"]>[0]) {
    if (chosen !== undefined) return chosen
    const head = yield* seen
    if (Option.isSome(head)) yield* toOpen(head.value)
    if (chosen !== undefined) return chosen
    const salt = new Uint8Array(yield* random.randomBytes(SALT_BYTES))
    const made = yield* derivedOnce({ _tag: "Passphrase", cost, salt })
    return (chosen ??= made)
  })

  return {
    toOpen,
    toSeal: (seen) =>
      Effect.suspend(() =>
        chosen === undefined ? oneChoice.withPermit(choose(seen)) : Effect.succeed(chosen)
      )
  }
})

type Passphrase = Extract<Origin, { readonly _tag: "Passphrase" }>

const where = { provider: "encrypted", instance: "passphrase" }

const failed = SessionStoreError.because(
  where,
  new Unavailable({ message: "Argon2id has failed: free some memory, or choose a key of another kind" })
)

const unsupported = SessionStoreError.because(
  where,
  new Unavailable({
    message:
      "a passphrase needs Argon2id: use Node 24.7 or newer, and NodeCrypto.layerKdf of @effect/platform-node"
  })
)

const isSame = (a: Cost, b: Cost) =>
  a.memory === b.memory && a.passes === b.passes && a.parallelism === b.parallelism

const nameOf = ({ cost: { memory, parallelism, passes }, salt }: Passphrase) =>
  [memory, passes, parallelism, Buffer.from(salt).toString("hex")].join(" ")
