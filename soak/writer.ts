/** Signs two accounts in again and again, into the file named on the command line, until it is killed. */
import { Session, SessionKey, SessionStore } from "@latchkey/core"
import { CryosparcSessionStore } from "@latchkey/store"
import { DateTime, Effect, Redacted } from "effect"
import { writeSync } from "node:fs"
import { tokenOf } from "./tokens.ts"

const key = (account: string) =>
  new SessionKey({ provider: "cryosparc", instance: "https://cryosparc.example.com", account })

const program = Effect.gen(function* () {
  const store = yield* SessionStore
  const expiresAt = DateTime.makeUnsafe("2099-01-31T12:00:00Z")
  for (let n = 1; ; n++) {
    for (const account of ["ali", "saara"]) {
      const issuedAt = yield* DateTime.now
      const accessToken = Redacted.make(tokenOf(n))
      yield* store.put(new Session({ key: key(account), accessToken, issuedAt, expiresAt }))
    }
    writeSync(1, `${n}\n`)
    yield* Effect.yieldNow
  }
})

await Effect.runPromise(
  program.pipe(Effect.provide(CryosparcSessionStore.layer({ path: process.argv[2] ?? "" })))
)
