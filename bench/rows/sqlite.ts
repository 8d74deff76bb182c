/** The store on disk, beside the bare statements that it needs. */
import { Session, SessionKey, SessionStore } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import { SqliteSessionStore } from "@latchkey/store"
import { Context, DateTime, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { type Row, timed } from "../measure.ts"

const ENTRIES = 100_000
const FINDS = 5_000
const SAVES = 200

const sessionOf = (index: number) =>
  new Session({
    key: new SessionKey({ provider: "bench", instance: "disk", account: `account-${index}` }),
    accessToken: Redacted.make("x".repeat(400)),
    issuedAt: DateTime.makeUnsafe(1_700_000_000_000 + index)
  })

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const directory = mkdtempSync(join(tmpdir(), "latchkey-bench-"))
  const scope = Scope.makeUnsafe()
  const path = join(directory, "ours", "sessions.db")
  const layer = SqliteSessionStore.layer({ path })
  const store = Context.get(await Effect.runPromise(Layer.buildWithScope(layer, scope)), SessionStore)

  const bare = new DatabaseSync(join(directory, "bare.db"))
  bare.exec("pragma journal_mode = wal; pragma synchronous = full")
  bare.exec(
    "create table entries (account text primary key, version text not null, line text not null) strict"
  )
  const get = bare.prepare("select version, line from entries where account = ?")
  const put = bare.prepare(
    "insert into entries values (?, ?, ?) on conflict do update set version = excluded.version, line = excluded.line"
  )

  await Effect.runPromise(store.put(sessionOf(0)))
  fill(path)
  bare.exec("begin")
  for (let index = 0; index < ENTRIES; index++) {
    put.run(`account-${index}`, String(index), StoredSession.encode(sessionOf(index)))
  }
  bare.exec("commit")

  let turn = 0
  const next = () => (turn = (turn + 7919) % ENTRIES)
  const keys = Array.from({ length: ENTRIES }, (_, index) => sessionOf(index).key)
  const sessions = Array.from({ length: SAVES }, (_, index) => sessionOf(index))

  return [
    {
      name: `SQLite: find one of ${ENTRIES}`,
      limit: {
        name: "limit: prepared get, and decoding what it found",
        measure: () =>
          timed(FINDS, async () => {
            for (let i = 0; i < FINDS; i++) {
              const found = get.get(`account-${next()}`)
              StoredSession.decode(String(found?.["line"]))
            }
          })
      },
      candidates: [
        {
          name: "SqliteSessionStore.get",
          target: 1.4,
          measure: () =>
            timed(FINDS, () =>
              Effect.runPromise(
                Effect.gen(function* () {
                  for (let i = 0; i < FINDS; i++) yield* store.get(keys[next()] ?? sessionOf(0).key)
                })
              )
            )
        }
      ]
    },
    {
      name: "SQLite: durable save",
      limit: {
        name: "limit: WAL, synchronous = full",
        measure: () =>
          timed(SAVES, async () => {
            for (const session of sessions) {
              put.run(session.key.account, String(next()), StoredSession.encode(session))
            }
          })
      },
      candidates: [
        {
          name: "SqliteSessionStore.put",
          target: 1.3,
          measure: () =>
            timed(SAVES, () =>
              Effect.runPromise(Effect.forEach(sessions, (session) => store.put(session), { discard: true }))
            )
        }
      ],
      close: async () => {
        bare.close()
        await Effect.runPromise(Scope.close(scope, Exit.void))
        rmSync(directory, { recursive: true })
      }
    }
  ]
}

/** A hundred thousand durable saves would take minutes: the rows are put in by one transaction of another connection. */
const fill = (path: string) => {
  const database = new DatabaseSync(path)
  const insert = database.prepare(
    "insert into entries (provider, instance, account, version, issuedAt, expiresAt, line) values (?, ?, ?, ?, ?, null, ?)"
  )
  database.exec("begin")
  for (let index = 1; index < ENTRIES; index++) {
    const { key } = sessionOf(index)
    insert.run(
      key.provider,
      key.instance,
      key.account,
      `v${index}`,
      index,
      StoredSession.encode(sessionOf(index))
    )
  }
  database.exec("commit")
  database.close()
}
