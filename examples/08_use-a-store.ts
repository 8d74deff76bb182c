import { Session, SessionKey, SessionStore } from "@latchkey/core"
import { DateTime, Effect, Option, Redacted } from "effect"

const key = new SessionKey({ provider: "robot", instance: "spot-BD-00000001", account: "ops" })

/** Runs on any store; `SqliteSessionStore.layer()` is the one to begin with. */
export const program = Effect.gen(function* () {
  const store = yield* SessionStore
  const issuedAt = yield* DateTime.now
  const session = new Session({ key, accessToken: Redacted.make("a token"), issuedAt })

  const { version } = yield* store.put(session)
  yield* store.put(session, { expected: Option.some(version) }) // a Conflict if somebody was faster
  return (yield* store.list).map((entry) => entry.key.account)
}).pipe(
  Effect.catchReason("SessionStoreError", "Unavailable", (reason) =>
    Effect.as(Effect.logWarning(reason.message), [])
  )
)
