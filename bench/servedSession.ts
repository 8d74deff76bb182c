/** The session that the rows about servers put and get, and what is common to their tables. */
import { Session, SessionKey, type SessionStore } from "@latchkey/core"
import { DateTime, Effect, Option, Redacted } from "effect"
import { type Candidate, type Row, timed, timedInFlight } from "./measure.ts"

export const session = new Session({
  key: new SessionKey({ provider: "bench", instance: "server", account: "ada@example.com" }),
  accessToken: Redacted.make("x".repeat(400)),
  refreshToken: Redacted.make("y".repeat(64)),
  issuedAt: DateTime.makeUnsafe(1_700_000_000_000),
  expiresAt: DateTime.makeUnsafe(4_000_000_000_000)
})

const GETS = 4_000
const LEASES = 500
/** Long enough that none ends by itself. */
export const LEASE_MILLIS = 60_000

interface Asking {
  readonly name: string
  /** Gets the session, and decodes it. */
  readonly get: () => Promise<unknown>
}

export const gets = (
  server: string,
  limit: Asking,
  store: SessionStore["Service"],
  peer: Asking
): ReadonlyArray<Row> =>
  [1, 64].map((count) => {
    const measured = ({ get, name }: Asking): Candidate => ({
      name,
      measure: () => timedInFlight(GETS, count, get)
    })
    const ours = { name: "SessionStore.get", get: () => Effect.runPromise(store.get(session.key)) }
    return {
      name: `${server}: get a session, ${count} in flight`,
      limit: measured({ ...limit, name: `limit: ${limit.name}, and decoding` }),
      candidates: [{ ...measured(ours), target: 1.3 }, measured(peer)]
    }
  })

/** `bare` takes a lease and gives it back. */
export const leases = (
  server: string,
  limit: string,
  bare: () => Promise<unknown>,
  store: SessionStore["Service"]
): Row => {
  const lease = Effect.flatMap(store.lease(session.key, LEASE_MILLIS), (given) =>
    Option.isNone(given) ? Effect.die(new Error("the lease is somebody else's")) : given.value.release
  )
  return {
    name: `${server}: a lease, taken and given back`,
    limit: {
      name: `limit: ${limit}`,
      measure: () =>
        timed(LEASES, async () => {
          for (let count = 0; count < LEASES; count++) await bare()
        })
    },
    candidates: [
      {
        name: "SessionStore.lease, and release",
        target: 2,
        measure: () =>
          timed(LEASES, async () => {
            for (let count = 0; count < LEASES; count++) await Effect.runPromise(lease)
          })
      }
    ]
  }
}
