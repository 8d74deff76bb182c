/** Which key the keyring keeps, through which library. */
import { Corrupt, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { askKeyring, missing } from "./askKeyring.ts"
import { unavailable, type Where } from "./explainFailure.ts"
import { readKey } from "./readKey.ts"
import { given, type Key, KEY_BYTES } from "./sealingKey.ts"

export interface Place {
  readonly service: string
  readonly account: string
  readonly timeout: Duration.Input
}

export const keyringKey = Effect.fnUntraced(function* (
  { account, service, timeout }: Place,
  findLibrary: () => string
): Effect.fn.Return<Key, SessionStoreError, Scope.Scope> {
  const where: Where = { provider: "keyring", instance: service }
  const random = yield* Effect.provide(SecureRandom.SecureRandom, SecureRandom.layerWebCrypto)
  const library = yield* Effect.try({
    try: findLibrary,
    catch: () => unavailable(where, missing)
  })
  const proposal = Buffer.from(yield* random.randomBytes(KEY_BYTES)).toString("base64")
  const limit = Duration.fromInputUnsafe(timeout)
  const kept = readKey(yield* askKeyring(where, { library, service, account, proposal }, limit))
  if (kept === undefined) {
    const message = `what the keyring keeps for ${account} of ${service} is no sealing key: remove it there, or choose another name`
    return yield* SessionStoreError.because(where, new Corrupt({ message }))
  }
  return yield* given(kept)
})
