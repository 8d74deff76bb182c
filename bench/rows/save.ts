/** Saving one session so that it survives a crash, beside the least that this takes on the same disk. */
import { Session, SessionKey, type SessionStore } from "@latchkey/core"
import { BosdynTokenStore, CryosparcSessionStore, InstanceAuthSessions } from "@latchkey/store"
import { DateTime, Effect, Exit, Redacted, Scope } from "effect"
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { writePrivateFile } from "../../packages/store/src/internal/writePrivateFile.ts"
import { type Candidate, type Row, timed } from "../measure.ts"

const SAVES = 50

const url = "https://cryosparc.example.com"
const email = "ada@example.com"
const expires = "2099-01-31T12:00:00Z"

/** No two alike: a file that would stay the same is not written. */
let turn = 0
const tokenOf = () => `${++turn}.`.padEnd(400, "t")

/** Another file, flushed, in the place of this one, and the directory flushed. */
const replace = (directory: string, text: string): void => {
  const path = join(directory, "session")
  const file = openSync(`${path}.tmp`, "w", 0o600)
  writeSync(file, text)
  fsyncSync(file)
  closeSync(file)
  renameSync(`${path}.tmp`, path)
  const parent = openSync(directory, "r")
  fsyncSync(parent)
  closeSync(parent)
}

const sessionOf = (provider: string, instance: string): Session =>
  new Session({
    key: new SessionKey({ provider, instance, account: provider === "robot" ? "ada" : email }),
    accessToken: Redacted.make(tokenOf()),
    issuedAt: DateTime.makeUnsafe(Date.now()),
    ...(provider === "cryosparc" && { expiresAt: DateTime.makeUnsafe(expires) })
  })

const saves = (name: string, save: Effect.Effect<unknown, unknown>): Candidate => ({
  name,
  target: 1.25,
  measure: () => timed(SAVES, () => Effect.runPromise(Effect.repeat(save, { times: SAVES - 1 })))
})

const puts = (name: string, store: SessionStore["Service"], provider: string, instance: string): Candidate =>
  saves(
    name,
    Effect.suspend(() => store.put(sessionOf(provider, instance)))
  )

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const directory = mkdtempSync(join(tmpdir(), "latchkey-bench-"))
  const placed = (name: string) => {
    const path = join(directory, name)
    mkdirSync(path, { mode: 0o700 })
    return path
  }
  const scope = Scope.makeUnsafe()
  const [bare, ours] = [placed("bare"), placed("ours")]
  const temporary = join(ours, "unfinished")
  const cryosparc = CryosparcSessionStore.make({ path: join(placed("cryosparc"), "auth.json") })
  const bosdyn = BosdynTokenStore.make({ directory: placed("bosdyn") })
  const sessions = await Effect.runPromise(InstanceAuthSessions.load(join(placed("tools"), "auth.json")))
  return [
    {
      name: "durable save of a session file",
      limit: {
        name: "limit: write aside, flush, rename, flush the directory",
        measure: () =>
          timed(SAVES, async () => {
            for (let count = 0; count < SAVES; count++) replace(bare, tokenOf())
          })
      },
      candidates: [
        saves(
          "the same as our stores on disk do it",
          Effect.sync(() =>
            writePrivateFile({ path: join(ours, "session"), temporary, bytes: Buffer.from(tokenOf()) })
          )
        ),
        puts(
          "CryosparcSessionStore.put",
          await Effect.runPromise(Scope.provide(cryosparc, scope)),
          "cryosparc",
          url
        ),
        puts(
          "BosdynTokenStore.put",
          await Effect.runPromise(Scope.provide(bosdyn, scope)),
          "robot",
          "beta-29990002"
        ),
        saves(
          "InstanceAuthSessions.save",
          Effect.andThen(
            Effect.suspend(() => sessions.insert(url, email, Redacted.make(tokenOf()), expires)),
            sessions.save()
          )
        )
      ],
      close: async () => {
        await Effect.runPromise(Scope.close(scope, Exit.void))
        rmSync(directory, { recursive: true })
      }
    }
  ]
}
