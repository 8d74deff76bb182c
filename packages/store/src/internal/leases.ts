/** Leases in a SQLite file: who may renew which session, and until when. */
import type { SessionKey } from "@latchkey/core/SessionKey"
import type { Lease } from "@latchkey/core/SessionStore"
import { Conflict, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { DatabaseSync, StatementSync } from "node:sqlite"
import type { Where } from "./explainFailure.ts"
import type { Database } from "./openDatabase.ts"

/** A row stays when its lease is over: fences must grow. `heldUntil` is null once released; times in milliseconds. */
export const leasesTable = `
  create table leases (
    provider text not null,
    instance text not null,
    account text not null,
    fence integer not null,
    heldUntil integer,
    life integer not null,
    primary key (provider, instance, account)
  ) strict, without rowid;
`

/** Its mark, null where there is none: see `Lease`. */
export const leasesMark = "alter table leases add column mark text;"

/** Longer is as good as for ever, and this still fits an integer when added to a time: about 35,000 years. */
const MAX_LIFE = 2 ** 50

export interface LeaseStatements {
  readonly grantLease: StatementSync
  readonly extendLease: StatementSync
  readonly markLease: StatementSync
  readonly releaseLease: StatementSync
  readonly lastFence: StatementSync
  readonly isFree: StatementSync
}

export const prepareLeases = (database: DatabaseSync): LeaseStatements => {
  const ofKey = "provider = :provider and instance = :instance and account = :account"
  const isHeld = "fence = :fence and heldUntil is not null"
  return {
    // More time left than twice the whole life: the clock was set back, and the holder's time is over.
    grantLease: database.prepare(`
      insert into leases (provider, instance, account, fence, heldUntil, life)
      values (:provider, :instance, :account, 1, :now + :life, :life)
      on conflict do update set fence = fence + 1, heldUntil = excluded.heldUntil, life = excluded.life
      where heldUntil is null or heldUntil <= :now or heldUntil - :now > 2 * leases.life
      returning fence, mark`),
    extendLease: database.prepare(`update leases set heldUntil = :now + :life where ${ofKey} and ${isHeld}`),
    markLease: database.prepare(
      `update leases set heldUntil = :now + :life, mark = :mark where ${ofKey} and ${isHeld}`
    ),
    releaseLease: database.prepare(`update leases set heldUntil = null where ${ofKey} and fence = :fence`),
    isFree: database.prepare(
      `select 1 where not exists
        (select 1 from leases where ${ofKey} and heldUntil > :now and heldUntil - :now <= 2 * life)`
    ),
    lastFence: database.prepare(`select fence from leases where ${ofKey}`)
  }
}

/** In a transaction: whether this is the fence of the lease last given out on the key. */
export const isLastFence = (statements: LeaseStatements, key: SessionKey, fence: number): boolean =>
  statements.lastFence.get(parts(key))?.["fence"] === fence

export const noLongerYours = (where: Where, key: SessionKey): SessionStoreError =>
  SessionStoreError.because(
    where,
    new Conflict({
      message: `the lease on the session of ${key.account} is no longer yours: read the session again`
    })
  )

export const lease = (
  database: Database<LeaseStatements>,
  where: Where,
  key: SessionKey,
  ttl: Duration.Input
): Effect.Effect<Option.Option<Lease>, SessionStoreError> => {
  const life = Math.min(Math.ceil(Duration.toMillis(ttl)), MAX_LIFE)
  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    // Those who wait for it ask often, and must not keep its holder from the file.
    if (
      !(yield* database.step(({ isFree }) =>
        Result.succeed(isFree.get({ ...parts(key), now }) !== undefined)
      ))
    ) {
      return Option.none()
    }
    const granted = yield* database.write(({ grantLease }) =>
      Result.succeed(grantLease.all({ ...parts(key), now, life })[0])
    )
    if (granted === undefined) return Option.none()
    const marked = Option.map(Option.fromNullOr(granted["mark"] ?? null), String)
    return Option.some(held(database, where, key, Number(granted["fence"]), life, marked))
  })
}

const held = (
  database: Database<LeaseStatements>,
  where: Where,
  key: SessionKey,
  fence: number,
  life: number,
  marked: Lease["marked"]
): Lease => ({
  fence,
  marked,
  mark: (version) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      database.write(({ markLease }) =>
        markLease.run({ ...parts(key), fence, now, life, mark: Option.getOrNull(version) }).changes === 0
          ? Result.fail(noLongerYours(where, key))
          : Result.succeed(undefined)
      )
    ),
  extend: Effect.flatMap(Clock.currentTimeMillis, (now) =>
    database.write(({ extendLease }) =>
      extendLease.run({ ...parts(key), fence, now, life }).changes === 0
        ? Result.fail(noLongerYours(where, key))
        : Result.succeed(undefined)
    )
  ),
  release: database.write(({ releaseLease }) => {
    releaseLease.run({ ...parts(key), fence })
    return Result.succeed(undefined)
  })
})

export const parts = ({ account, instance, provider }: SessionKey) => ({ provider, instance, account })
