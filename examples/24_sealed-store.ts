import { EncryptedSessionStore, SealingKey, SqliteSessionStore } from "@latchkey/store"
import { Config, Effect, Layer } from "effect"

/** Any store; who reads its file finds no token in it. */
const below = SqliteSessionStore.layer()

/** Under the key that is configured, 32 bytes as text: `openssl rand -base64 32` makes one. */
export const layer = Layer.provide(
  EncryptedSessionStore.layerConfig({ key: Config.Redacted("SEALING_KEY") }),
  below
)

/** Once, when the key has changed. Gives how many sessions it has sealed anew. */
export const changeKey = EncryptedSessionStore.reseal({
  key: Effect.flatMap(Config.Redacted("SEALING_KEY"), SealingKey.make),
  olderKeys: [Effect.flatMap(Config.Redacted("OLD_SEALING_KEY"), SealingKey.make)]
}).pipe(Effect.provide(below))
