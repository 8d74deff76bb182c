// Run by `npm run pack-check` in an empty project: the packed package holds a session and renews it.
import { Session, SessionKey, SessionRef, SessionStore } from "@latchkey/core"
import { DateTime, Duration, Effect, Option, Redacted } from "effect"
import assert from "node:assert/strict"

const key = new SessionKey({ provider: "smoke", instance: "here", account: "ada" })
const session = (token) =>
  Effect.map(DateTime.now, (issuedAt) => new Session({ key, accessToken: Redacted.make(token), issuedAt }))
const provider = {
  name: "smoke",
  instance: "here",
  rotates: true,
  renewAfter: () => Option.some(Duration.zero),
  refresh: () => session("second"),
  logout: () => Effect.succeed("NotRevocable")
}

const program = Effect.gen(function* () {
  const live = yield* SessionRef.make(provider, yield* session("first"))
  return Redacted.value(yield* live.token)
}).pipe(Effect.scoped, Effect.provide(SessionStore.layerMemory))

assert.equal(await Effect.runPromise(program), "second")
