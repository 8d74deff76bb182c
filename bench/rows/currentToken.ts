/** What a caller pays for a token that is still good. */
import { memoize } from "@smithy/property-provider"
import { Effect, Redacted } from "effect"
import { OAuth2Client } from "google-auth-library"
import { type Row, timed } from "../measure.ts"
import { liveSession } from "../session.ts"

const IN_A_FIBER = 200_000
const BY_PROMISE = 50_000
const AN_HOUR = 3_600_000

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const { ref } = await liveSession()
  const held = { token: Redacted.make("token"), expiresAt: Date.now() + AN_HOUR }
  const plain = () => {
    if (Date.now() >= held.expiresAt) throw new Error("expired")
    return held.token
  }
  const plainPromise = async () => plain()

  const smithy = memoize(
    async () => ({ token: "token", expiration: new Date(held.expiresAt) }),
    ({ expiration }) => expiration.getTime() - Date.now() < 0
  )
  const google = new OAuth2Client()
  google.setCredentials({ access_token: "token", expiry_date: held.expiresAt })

  /** Every candidate gives a token to this, so that none can be optimised away. */
  let last: unknown
  const byPromise = (token: () => Promise<unknown>) => () =>
    timed(BY_PROMISE, async () => {
      for (let i = 0; i < BY_PROMISE; i++) last = await token()
    })

  const fiber: Row = {
    name: "current token, inside a fiber",
    limit: {
      name: "limit: read and Date.now()",
      measure: () =>
        timed(IN_A_FIBER, () =>
          Effect.runPromise(
            Effect.gen(function* () {
              for (let i = 0; i < IN_A_FIBER; i++) last = plain()
              yield* Effect.void
            })
          )
        )
    },
    candidates: [
      {
        name: "SessionRef.token",
        target: 6,
        measure: () =>
          timed(IN_A_FIBER, () =>
            Effect.runPromise(
              Effect.gen(function* () {
                for (let i = 0; i < IN_A_FIBER; i++) last = yield* ref.token
              })
            )
          )
      }
    ]
  }
  const promise: Row = {
    name: "current token, by promise",
    limit: { name: "limit: async function, read and Date.now()", measure: byPromise(plainPromise) },
    candidates: [
      { name: "SessionRef.token", target: 6, measure: byPromise(() => Effect.runPromise(ref.token)) },
      { name: "@smithy/property-provider memoize", measure: byPromise(() => smithy()) },
      { name: "google-auth-library", measure: byPromise(() => google.getAccessToken()) }
    ],
    close: async () => {
      if (last === undefined) throw new Error("nothing was measured")
    }
  }
  return [fiber, promise]
}
