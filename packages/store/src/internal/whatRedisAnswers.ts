/** How Redis is asked: within a bounded time, again where the answer was lost, and never carried out too late. */
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Redis, RedisError } from "effect/persistence/Redis"
import * as Schedule from "effect/Schedule"
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
  /**
   * `once`: to do it twice is not the same as to do it once, so that a lost answer is a failure. All others are asked again.
   */
  readonly run: (
    script: Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string>,
    often?: "once"
  ) => Effect.Effect<Asked, SessionStoreError>
}

/** A connection that was lost is usually there again at once. */
const again = Schedule.spaced("25 millis")

const LOST = "the connection was lost, and what was asked may have been done: look, then try again"

export const askRedis = (redis: Redis["Service"], where: Where, patience: Duration.Duration): Ask => {
  const micros = Math.min(Duration.toMillis(patience) * 1000, Number.MAX_SAFE_INTEGER)
  const silent = unavailable(
    where,
    `Redis has not answered for ${Duration.format(patience)}: is it there? What was asked may have been done`
  )
  /** How far the server's clock is ahead of ours, or a little less; in microseconds. None until it has answered. */
  let ahead: number | undefined

  const within = <A>(attempt: Effect.Effect<A, RedisError | SessionStoreError>, often?: "once") => {
    const mayPass = (error: RedisError | SessionStoreError) => {
      if (error._tag !== "RedisError") return false
      const code = codeOf(error)
      return code === undefined ? often === undefined : passes(code)
    }
    return attempt.pipe(
      // Only what has failed once pays for the schedule.
      Effect.catch((error) =>
        mayPass(error) ? Effect.retry(attempt, { while: mayPass, schedule: again }) : Effect.fail(error)
      ),
      Effect.catchTag("RedisError", (error) => {
        const code = codeOf(error)
        return Effect.fail(unavailable(where, code === undefined ? LOST : whyRefused(code)))
      }),
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(silent) })
    )
  }

  const run: Ask["run"] = (script, keys, args, often) =>
    Clock.clockWith((clock) => {
      const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000n)
      const giveUpAt = now() + micros
      const attempt: Effect.Effect<Asked, RedisError | SessionStoreError> = Effect.suspend(() => {
        const notAfter = Math.min(giveUpAt + (ahead ?? Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
        return redis.eval(script)(keys, [String(Math.floor(notAfter)), ...args])
      }).pipe(
        Effect.flatMap((reply) => {
          const [word, time, ...told]: ReadonlyArray<unknown> = Array.isArray(reply) ? reply : []
          if (typeof word !== "string" || typeof time !== "string") {
            return Effect.fail(unavailable(where, "the server does not answer as Redis does"))
          }
          ahead = Number(time) - now()
          // With the clocks as they are now it is not late: one of them was set, or stood still.
          if (word === "late") return attempt
          const damage = damages[word]
          return damage === undefined
            ? Effect.succeed({ word, told })
            : Effect.fail(corrupt(where, damage(where.instance)))
        })
      )
      return within(attempt, often)
    })

  return {
    run,
    send: (command, ...args) =>
      within(redis.send(command, ...args).pipe(Effect.catchIf(isRefusal, () => Effect.undefined)))
  }
}

const isRefusal = (error: RedisError): boolean => {
  const code = codeOf(error)
  return code !== undefined && !passes(code)
}

const damages: Record<string, ((prefix: string) => string) | undefined> = {
  newer: (prefix) => `what is kept under the prefix ${prefix} is of a newer release: update this program`,
  damaged: (prefix) =>
    `what is kept under the prefix ${prefix} is damaged or incomplete, or is not a store: keep a copy of its keys, delete them and sign in again`,
  damagedLease: (prefix) =>
    `a lease under the prefix ${prefix} is damaged or is not one: delete the key of that lease`
}
