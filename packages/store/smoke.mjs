// Run by `npm run pack-check` in an empty project: the packed store remembers a session.
import { Session, SessionKey, SessionStore } from "@latchkey/core"
import { SqliteSessionStore } from "@latchkey/store"
import { DateTime, Effect, Redacted } from "effect"
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
rmSync(directory, { recursive: true })
