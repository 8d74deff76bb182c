/** How Redis is asked: within a bounded time, again where the answer was lost, and never carried out too late. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Redis, RedisError } from "effect/persistence/Redis"
import * as Schedule from "effect/Schedule"
import { answeredInTime, MAX_MILLIS } from "./answeredInTime.ts"
import { corrupt, unavailable, type Where } from "./explainFailure.ts"
import type { Script } from "./whatRedisRuns.ts"
import { codeOf, passes, whyRefused } from "./whyRedisRefused.ts"

export interface Asked {
  readonly word: string
  readonly told: ReadonlyArray<unknown>
}

export interface Ask {
  /** A command that only reads; nothing where the server refuses it. */
  readonly send: (
    command: string,
    ...args: ReadonlyArray<string>
  ) => Effect.Effect<unknown, SessionStoreError>
  /** Asked again where the answer was lost: the script must do the same twice as once. */
  readonly run: (
    script: Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string>
  ) => Effect.Effect<Asked, SessionStoreError>
}

/** A connection that was lost is usually there again at once. */
const again = Schedule.spaced("25 millis")

export const askRedis = (redis: Redis["Service"], where: Where, patience: Duration.Duration): Ask => {
  const millis = Math.min(Duration.toMillis(patience), MAX_MILLIS)
  const silent = unavailable(
    where,
    `Redis has not answered for ${Duration.format(patience)}: is it there? What was asked may have been done`
  )
  /** How far the server's clock is ahead of ours, or a little less; in microseconds. None until it has answered. */
  let ahead: number | undefined

  const inTime = <A>(attempt: Effect.Effect<A, RedisError | SessionStoreError>) =>
    answeredInTime(
      attempt.pipe(
        // Only what has failed once pays for the schedule.
        Effect.catchIf(mayPass, () => Effect.retry(attempt, { while: mayPass, schedule: again })),
        Effect.catchTag("RedisError", (error) => Effect.fail(unavailable(where, whyRefused(codeOf(error)))))
      ),
      millis,
      silent
    )

  const run: Ask["run"] = (script, keys, args) =>
    Effect.suspend(() => {
      const giveUpAt = now() + millis * 1000
      const attempt: Effect.Effect<Asked, RedisError | SessionStoreError> = Effect.suspend(() => {
        const notAfter = ahead === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(giveUpAt + ahead)
        return redis.eval(script)(keys, [String(notAfter), ...args])
      }).pipe(
        Effect.flatMap((reply) => {
          const [word, time, ...told]: ReadonlyArray<unknown> = Array.isArray(reply) ? reply : []
          if (typeof word !== "string" || typeof time !== "string") {
            return Effect.fail(unavailable(where, "the server does not answer as Redis does"))
          }
          ahead = Number(time) - now()
          // With the clocks as they are now it is not late: the server's was set.
          if (word === "late") return attempt
          const damage = damages[word]
          return damage === undefined
            ? Effect.succeed({ word, told })
            : Effect.fail(corrupt(where, damage(where.instance)))
        })
      )
      return inTime(attempt)
    })

  return {
    run,
    send: (command, ...args) =>
      inTime(redis.send(command, ...args).pipe(Effect.catchIf(isRefusal, () => Effect.undefined)))
  }
}

/** In microseconds. Not of `Clock`: see `answeredInTime`. */
const now = (): number => performance.now() * 1000

const mayPass = (error: RedisError | SessionStoreError): error is RedisError =>
  error._tag === "RedisError" && passes(codeOf(error))

const isRefusal = (error: RedisError): boolean => !passes(codeOf(error))

const damages: Record<string, ((prefix: string) => string) | undefined> = {
  newer: (prefix) => `what is kept under the prefix ${prefix} is of a newer release: update this program`,
  damaged: (prefix) =>
    `what is kept under the prefix ${prefix} is damaged or incomplete, or is not a store: keep a copy of its keys, delete them and sign in again`,
  damagedLease: (prefix) =>
    `a lease under the prefix ${prefix} is damaged or is not one: delete the key of that lease`
}
