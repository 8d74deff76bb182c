import { NodeRedis } from "@effect/platform-node"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import { Config, Effect, Layer, Redacted } from "effect"

/** `REDIS_URL`: such as `rediss://user:password@redis.example.com:6380`. */
const connection = Layer.unwrap(
  Effect.map(Config.Redacted("REDIS_URL"), (url) => NodeRedis.layer({ url: Redacted.value(url) }))
)

/** One store for all programs with the same prefix, on whichever machine they run. */
export const sessions = RedisSessionStore.layerConfig({ prefix: Config.String("SESSIONS_PREFIX") }).pipe(
  Layer.provide(connection)
)
