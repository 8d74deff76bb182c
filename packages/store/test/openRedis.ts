/** The store in Redis, as any process opens it by a line of text. Says nothing of what a server for tests may lose. */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import { Layer, References } from "effect"
import type { Address } from "./redisServer.ts"

interface Place {
  readonly address: Address
  readonly prefix: string
}

export const textOfRedis = ({ address, prefix }: Place): string => JSON.stringify({ address, prefix })

export const openRedis = (text: string) => {
  const { address, prefix }: Place = JSON.parse(text)
  return RedisSessionStore.layer({ prefix }).pipe(
    Layer.provide(NodeRedis.layer(address)),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
}
