// Run by `npm run pack-check` in an empty project: the packed store remembers a session, in the clear and sealed.
import { Session, SessionKey, SessionStore } from "@latchkey/core"
import { EncryptedSessionStore, SealingKey, SqliteSessionStore } from "@latchkey/store"
import { DateTime, Effect, Layer, Option, Redacted } from "effect"
import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const directory = mkdtempSync(join(tmpdir(), "latchkey-smoke-"))
const onDisk = (effect) =>
  Effect.runPromise(
    Effect.provide(effect, SqliteSessionStore.layer({ path: join(directory, "sessions.db") }))
  )
const key = new SessionKey({ provider: "smoke", instance: "here", account: "ada" })
const put = Effect.gen(function* () {
  const store = yield* SessionStore
  const issuedAt = yield* DateTime.now
  yield* store.put(new Session({ key, accessToken: Redacted.make("a token"), issuedAt }))
})

await onDisk(put)
const list = await onDisk(Effect.flatMap(SessionStore, (store) => store.list))
assert.deepEqual(
  list.map((entry) => entry.key.account),
  ["ada"]
)

const seal = EncryptedSessionStore.layer({ key: SealingKey.make(Redacted.make("11".repeat(32))) }).pipe(
  Layer.provide(SqliteSessionStore.layer({ path: join(directory, "sealed.db") }))
)
const found = Effect.flatMap(SessionStore, (store) => store.get(key))
const sealed = await Effect.runPromise(Effect.provide(Effect.andThen(put, found), seal))
assert.equal(Redacted.value(Option.getOrThrow(sealed).session.accessToken), "a token")
rmSync(directory, { recursive: true })
