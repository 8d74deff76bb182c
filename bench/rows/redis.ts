/** Redis: a session and its lease, beside the bare commands that they need. */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { SessionStore } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Redis as IoRedis } from "ioredis"
import { randomUUID } from "node:crypto"
import { createClient } from "redis"
import { grant, release } from "../../packages/store/src/internal/whatRedisRuns.ts"
import { keysUnder } from "../../packages/store/src/internal/whereRedisKeepsIt.ts"
import { hasRedis, ownPrefix, redisServer } from "../../packages/store/test/redisServer.ts"
import type { Row } from "../measure.ts"
import { gets, LEASE_MILLIS, leases, session } from "../servedSession.ts"

/** As far in the future as a number can be exact: the scripts do nothing after it. */
const NOT_AFTER = String(Number.MAX_SAFE_INTEGER)

const decoded = ([, line]: ReadonlyArray<unknown>) => StoredSession.decode(String(line))

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  // What there is none of says so itself.
  if (!hasRedis) return []
  const scope = Scope.makeUnsafe()
  const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
    Effect.runPromise(Scope.provide(effect, scope))
  const { address, prefix } = await inScope(Effect.flatMap(redisServer, ownPrefix))
  const layer = RedisSessionStore.layer({ prefix }).pipe(Layer.provide(NodeRedis.layer(address)))
  const store = Context.get(await inScope(Layer.build(layer)), SessionStore)
  await Effect.runPromise(store.put(session))

  const keys = keysUnder(prefix)
  const entry = keys.entry(session.key.id)
  const leased = [keys.store, keys.lease(`${session.key.id}, bare`)]
  const bare = createClient(address)
  await bare.connect()
  const io = "url" in address ? new IoRedis(address.url) : new IoRedis({ path: address.socket.path })
  const [grantSha, releaseSha] = [await bare.scriptLoad(grant.lua), await bare.scriptLoad(release.lua)]

  const got = gets(
    "Redis",
    { name: "node-redis", get: async () => decoded(await bare.hmGet(entry, ["version", "line"])) },
    store,
    { name: "ioredis", get: async () => decoded(await io.hmget(entry, "version", "line")) }
  )
  const lease = leases(
    "Redis",
    "EVALSHA of the same two scripts",
    async () => {
      const given = await bare.evalSha(grantSha, {
        keys: leased,
        arguments: [NOT_AFTER, randomUUID(), String(LEASE_MILLIS)]
      })
      const [, , fence]: ReadonlyArray<unknown> = Array.isArray(given) ? given : []
      await bare.evalSha(releaseSha, { keys: leased, arguments: [NOT_AFTER, String(fence)] })
    },
    store
  )
  const close = async () => {
    await bare.close()
    await io.quit()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  return [...got, { ...lease, close }]
}
