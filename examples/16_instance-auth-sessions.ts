import { InstanceAuthSessions } from "@latchkey/store"
import { Effect, Option, type Redacted } from "effect"

/** The token of whoever signed in first, and has not expired. Give it a path for another file than the usual one. */
export const token = Effect.fn("token")(function* (path?: string) {
  const sessions = yield* InstanceAuthSessions.load(path)
  const found = yield* sessions.find()
  return Option.map(found, ({ session }) => session.token)
})

export const remember = Effect.fn("remember")(function* (token: Redacted.Redacted<string>, path?: string) {
  const sessions = yield* InstanceAuthSessions.load(path)
  yield* sessions.insert("http://localhost:39000", "ada@example.com", token, "2099-01-31T12:00:00Z")
  yield* sessions.save() // what other programs have saved in the meantime stays
})
