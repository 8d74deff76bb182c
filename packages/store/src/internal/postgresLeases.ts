/** Leases in PostgreSQL, by the clock of the server: who may renew which session, and until when. */
import type { SessionKey } from "@latchkey/core/SessionKey"
import type { Lease } from "@latchkey/core/SessionStore"
import { NotRepresentable, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { randomUUID } from "node:crypto"
import type { Ask } from "./askPostgres.ts"
import { corrupt, type Where } from "./explainFailure.ts"
import { noLongerYours } from "./leases.ts"
import { hashOf, isText, type Statements } from "./postgresTables.ts"

/** Longer is as good as for ever, and this still fits a timestamp when added to one: about 35,000 years. */
const MAX_LIFE = 2 ** 50

export const lease = Effect.fnUntraced(function* (
  ask: Ask,
  statements: Statements,
  where: Where,
  key: SessionKey,
  ttl: Duration.Input
): Effect.fn.Return<Option.Option<Lease>, SessionStoreError> {
  const life = Math.min(Math.ceil(Duration.toMillis(ttl)), MAX_LIFE)
  // By its own name a holder knows the lease again whose answer it did not get.
  const [granted] = yield* ask(statements.lease, [hashOf(key), String(life), randomUUID()])
  if (granted === undefined) return Option.none()
  const fence = Number(granted["fence"])
  if (!Number.isSafeInteger(fence)) {
    return yield* corrupt(where, `a fence in the schema ${where.instance} is damaged: restore it`)
  }
  const marked = Option.map(Option.fromNullOr(granted["mark"] ?? null), String)
  return Option.some(held(ask, statements, where, key, fence, marked))
})

const held = (
  ask: Ask,
  statements: Statements,
  where: Where,
  key: SessionKey,
  fence: number,
  marked: Lease["marked"]
): Lease => {
  const mine = [hashOf(key), String(fence)] as const
  const whileMine = (asked: ReturnType<Ask>) =>
    Effect.flatMap(asked, (rows) =>
      rows.length === 0 ? Effect.fail(noLongerYours(where, key)) : Effect.void
    )
  return {
    fence,
    marked,
    mark: (version) => {
      const mark = Option.getOrNull(version)
      if (mark === null || isText(mark)) return whileMine(ask(statements.mark, [...mine, mark]))
      const message = "a mark is not valid Unicode or has a NUL in it: PostgreSQL has no place for it"
      return Effect.fail(SessionStoreError.because(where, new NotRepresentable({ message })))
    },
    extend: whileMine(ask(statements.extend, mine)),
    release: Effect.asVoid(ask(statements.release, mine))
  }
}
