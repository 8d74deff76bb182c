/** How an open SQLite file is shared: between the fibers of this process, and with other processes. */
import { LeaseTimeout, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { connect, type Connection, type Options, transact } from "./connectDatabase.ts"
import { explainFailure } from "./explainFailure.ts"

/** Between waits the event loop runs. In all it is about 5 s until a lock is given up. */
const untilFree = Schedule.min([Schedule.exponential("2 millis", 1.5), Schedule.spaced("50 millis")]).pipe(
  Schedule.jittered,
  Schedule.upTo({ duration: "5 seconds" })
)

/** Opened by the first use, closed with the scope. Every use is one synchronous step, or none. */
export interface Database<S> {
  readonly open: Effect.Effect<void, SessionStoreError>
  /** One statement, which is a transaction of its own. */
  readonly step: <A>(
    use: (statements: S) => Result.Result<A, SessionStoreError>
  ) => Effect.Effect<A, SessionStoreError>
  /** A transaction that excludes all other writers; a failure takes it back. */
  readonly write: <A>(
    use: (statements: S) => Result.Result<A, SessionStoreError>
  ) => Effect.Effect<A, SessionStoreError>
  /** Clears the write-ahead log, so that what was removed is nowhere in it. A reader in the way puts it off. */
  readonly forget: Effect.Effect<void, SessionStoreError>
}

export const openDatabase = <S>(options: Options<S>): Effect.Effect<Database<S>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { path, where } = options
    let connection: Connection<S> | undefined
    let closed = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        connection?.database.close()
      })
    )

    const connected = (): Result.Result<Connection<S>, SessionStoreError> => {
      if (closed) throw new Error(`${path} was used after its scope had ended`)
      if (connection !== undefined) return Result.succeed(connection)
      return Result.map(connect(options), (made) => (connection = made))
    }

    const message = `${path}: other processes kept it locked: try again`
    const locked = SessionStoreError.because(where, new LeaseTimeout({ message }))
    const once = <A>(run: (connection: Connection<S>) => Result.Result<A, SessionStoreError>) =>
      Effect.suspend(() => {
        try {
          const done = Result.flatMap(connected(), run)
          return Result.isSuccess(done) ? Effect.succeed(done.success) : Effect.fail(done.failure)
        } catch (cause) {
          if (isBusy(cause)) return Effect.fail(locked)
          const failure = explainFailure(where, path, cause)
          return failure === undefined ? Effect.die(cause) : Effect.fail(failure)
        }
      })
    const use = <A>(run: (connection: Connection<S>) => Result.Result<A, SessionStoreError>) => {
      const attempt = once(run)
      return attempt.pipe(
        Effect.catch((error) =>
          error === locked
            ? Effect.retry(attempt, { while: (next) => next === locked, schedule: untilFree })
            : Effect.fail(error)
        )
      )
    }

    return {
      open: use(() => Result.succeed(undefined)),
      step: (run) => use(({ statements }) => run(statements)),
      write: (run) => use(({ database, statements }) => transact(database, () => run(statements))),
      forget: use(({ database }) => {
        database.exec("pragma wal_checkpoint(truncate)")
        return Result.succeed(undefined)
      })
    }
  })

/** SQLITE_BUSY and SQLITE_LOCKED, however they are refined. */
const isBusy = (cause: unknown): boolean =>
  cause instanceof Error &&
  "errcode" in cause &&
  typeof cause.errcode === "number" &&
  busyCodes.has(cause.errcode & 0xff)

const busyCodes = new Set([5, 6])
