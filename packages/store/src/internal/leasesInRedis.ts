/** Leases in Redis: who may renew which session, and until when, by the server's clock. */
import type { SessionKey } from "@latchkey/core/SessionKey"
import type { Lease } from "@latchkey/core/SessionStore"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { randomUUID } from "node:crypto"
import type { Where } from "./explainFailure.ts"
import { noLongerYours } from "./leases.ts"
import type { Ask } from "./whatRedisAnswers.ts"
import { extend, grant, release } from "./whatRedisRuns.ts"

/** Longer is as good as for ever, and added to a time it is still exact. */
const MAX_LIFE = 2 ** 50

/** `keys`: that of the store, that of the lease. */
export const leaseInRedis = (
  ask: Ask,
  where: Where,
  keys: ReadonlyArray<string>,
  key: SessionKey,
  ttl: Duration.Input
): Effect.Effect<Option.Option<Lease>, SessionStoreError> =>
  Effect.suspend(() => {
    const life = String(Math.min(Math.ceil(Duration.toMillis(ttl)), MAX_LIFE))
    return Effect.map(ask.run(grant, keys, [randomUUID(), life]), ({ told: [fence, mark], word }) =>
      word === "held"
        ? Option.none()
        : Option.some(held(ask, where, keys, key, { fence: String(fence), life, mark }))
    )
  })

interface Given {
  readonly fence: string
  readonly life: string
  readonly mark: unknown
}

const held = (
  ask: Ask,
  where: Where,
  keys: ReadonlyArray<string>,
  key: SessionKey,
  { fence, life, mark }: Given
): Lease => {
  const extended = (...mark: readonly [does: "keep" | "set" | "clear", mark: string]) =>
    Effect.flatMap(ask.run(extend, keys, [fence, life, ...mark]), ({ word }) =>
      word === "fenced" ? Effect.fail(noLongerYours(where, key)) : Effect.void
    )
  return {
    fence: Number(fence),
    marked: typeof mark === "string" ? Option.some(mark) : Option.none(),
    mark: Option.match({
      onNone: () => extended("clear", ""),
      onSome: (version) => extended("set", version)
    }),
    extend: extended("keep", ""),
    release: Effect.asVoid(ask.run(release, keys, [fence]))
  }
}
