/** Ten thousand callers find the session expired at once. */
import { memoize } from "@smithy/property-provider"
import { Deferred, Effect, Exit } from "effect"
import { OAuth2Client } from "google-auth-library"
import { setTimeout } from "node:timers/promises"
import { type Row, timed } from "../measure.ts"
import { liveSession } from "../session.ts"

const CALLERS = 10_000
const RENEWAL_MILLIS = 20

const all = (token: () => Promise<unknown>) =>
  timed(1, () => Promise.all(Array.from({ length: CALLERS }, () => token())))

export const rows = async (): Promise<ReadonlyArray<Row>> => [
  {
    name: `${CALLERS} callers, expired, renewal takes ${RENEWAL_MILLIS} ms`,
    limit: {
      name: "limit: awaiters of one promise",
      measure: () => {
        const renewal = setTimeout(RENEWAL_MILLIS, "token")
        return all(async () => await renewal)
      }
    },
    candidates: [
      {
        name: "SessionRef.token, a fiber each",
        target: 1.25,
        measure: async () => {
          const { close, provider, ref } = await liveSession(RENEWAL_MILLIS)
          const session = await Effect.runPromise(ref.get)
          // The first caller's report makes the session due for all.
          const storm = Effect.andThen(
            Effect.forkChild(ref.refused(session), { startImmediately: true }),
            Effect.forEach(Array.from({ length: CALLERS }), () => ref.token, {
              concurrency: "unbounded",
              discard: true
            })
          )
          const nanos = await timed(1, () => Effect.runPromise(storm))
          if (provider.seen.renewals !== 1) throw new Error(`${provider.seen.renewals} renewals`)
          await close()
          return nanos
        }
      },
      {
        name: "for scale: a Deferred, a fiber each",
        measure: () => {
          const landed = Deferred.makeUnsafe<string>()
          globalThis.setTimeout(() => Deferred.doneUnsafe(landed, Exit.succeed("token")), RENEWAL_MILLIS)
          const storm = Effect.forEach(Array.from({ length: CALLERS }), () => Deferred.await(landed), {
            concurrency: "unbounded",
            discard: true
          })
          return timed(1, () => Effect.runPromise(storm))
        }
      },
      {
        name: "@smithy/property-provider memoize",
        measure: () =>
          all(
            memoize(
              () => setTimeout(RENEWAL_MILLIS, { token: "token" }),
              () => false
            )
          )
      },
      {
        name: "google-auth-library",
        measure: () => {
          const client = new OAuth2Client()
          client.refreshHandler = async () => ({
            access_token: await setTimeout(RENEWAL_MILLIS, "token"),
            expiry_date: Date.now() + 3_600_000
          })
          return all(() => client.getAccessToken())
        }
      }
    ]
  }
]
