/** How PostgreSQL is asked: one statement, in a bounded time, with nothing of it in logs and spans. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { CurrentTransformer } from "effect/sql/Statement"
import { unavailable, type Where } from "./explainFailure.ts"
import { explainSqlError, wasLost, wasTakenBack } from "./explainSqlError.ts"
import type { Row } from "./sessionRows.ts"

/** Texts, as PostgreSQL reads them; a key as its hash. */
export type Value = string | Uint8Array | null

export type Ask = (
  statement: string,
  values?: ReadonlyArray<Value>,
  options?: {
    /** Whether twice is as good as once, so that it may be sent again when the answer was lost. Default: true. */
    readonly isRepeatable?: boolean
  }
) => Effect.Effect<ReadonlyArray<Row>, SessionStoreError>

/** Rivals that fail each other's statements are few, and each time one of them gets through. In all about 0.5 s. */
const untilSettled = Schedule.exponential("10 millis", 2).pipe(Schedule.jittered, Schedule.upTo({ times: 6 }))

export const makeAsk = (
  where: Where,
  timeout: Duration.Duration
): Effect.Effect<Ask, SessionStoreError, SqlClient | Scope.Scope> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const scope = yield* Scope.Scope
    const isPostgres = sql.onDialectOrElse({ pg: () => true, orElse: () => false })
    if (!isPostgres) {
      return yield* unavailable(
        where,
        "this SqlClient is not one of PostgreSQL: provide that of @effect/sql-pg"
      )
    }
    const silence = unavailable(
      where,
      `PostgreSQL did not answer within ${Duration.format(timeout)}: check the server, its locks and the size of the pool; what was being written may be there`
    )

    // Not in a transaction of the caller's, which could take back what we say is done; and a failure in a span of the
    // driver would show what the server wrote. One context for all, and one fiber for each: `get` is often asked.
    const apart = Context.omit(sql.transactionService)(yield* Effect.context<never>()).pipe(
      Context.add(CurrentTransformer, undefined),
      Context.add(References.TracerEnabled, false)
    )
    const run = Effect.runForkWith(apart)
    const patience = Effect.sleep(timeout)

    const inTime = <A>(effect: Effect.Effect<A, SessionStoreError>): Effect.Effect<A, SessionStoreError> =>
      Effect.callback((resume) => {
        const asked = Fiber.runIn(run(effect), scope)
        const alarm = run(patience)
        asked.addObserver((exit) => {
          alarm.interruptUnsafe()
          resume(exit)
        })
        alarm.addObserver((exit) => {
          if (Exit.isSuccess(exit)) resume(Effect.andThen(giveUp(asked), Effect.fail(silence)))
        })
        return Effect.suspend(() => {
          alarm.interruptUnsafe()
          return giveUp(asked)
        })
      })

    return (statement, values = [], { isRepeatable = true } = {}) => {
      const asked = sql.unsafe<Row>(statement, values).withoutTransform
      const mayPass = (error: SqlError) => wasTakenBack(error) || (isRepeatable && wasLost(error))
      return asked.pipe(
        // Only what has failed once pays for the schedule.
        Effect.catchIf(mayPass, () => Effect.retry(asked, { schedule: untilSettled, while: mayPass })),
        Effect.mapError((error) => explainSqlError(where, error)),
        inTime
      )
    }
  })

/** A server that is well needs some milliseconds to cancel a statement. */
const CANCELLATION = Duration.millis(500)

/**
 * What is given up is cancelled on the server, and that is waited for. A driver that cannot reach a silent server takes
 * seconds until it gives up its connection: it does so behind our back.
 */
const giveUp = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<void> =>
  Effect.asVoid(Effect.timeoutOption(Fiber.interrupt(fiber), CANCELLATION))
