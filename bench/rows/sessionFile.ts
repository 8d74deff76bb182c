/** The session file of cryosparc-tools, beside the least that reading and replacing a JSON file can cost. */
import { InstanceAuthSessions } from "@latchkey/store"
import { Effect, Redacted } from "effect"
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Good, readSessions } from "../../packages/store/src/internal/readSessions.ts"
import { parse } from "../../packages/store/src/internal/whenItExpires.ts"
import { writeSessions } from "../../packages/store/src/internal/writeSessions.ts"
import { type Row, timed } from "../measure.ts"

const expiresOf = (index: number) => `${new Date(4e12 + index * 1_000).toISOString().slice(0, 19)}Z`

/** Of a size that CryoSPARC gives out. */
const TOKEN = "t".repeat(180)

const urlOf = (index: number) => `https://cryosparc-${index % 20}.example.com`

const emailOf = (index: number) => `user-${index}@example.com`

const entry = (index: number) => ({
  token: { access_token: `${TOKEN}${index}`, token_type: "bearer" },
  expires: expiresOf(index)
})

type Plain = Record<string, Record<string, ReturnType<typeof entry>>>

const fileOf = (count: number): Plain => {
  const plain: Plain = {}
  for (let index = 0; index < count; index++) {
    const emails = (plain[urlOf(index)] ??= {})
    emails[emailOf(index)] = entry(index)
  }
  return plain
}

const bare = (path: string, count: number, index: number) => {
  const plain: Plain = JSON.parse(readFileSync(path, "utf8"))
  const found = plain[urlOf(count - 1)]?.[emailOf(count - 1)]
  if (found === undefined) throw notThere()
  const emails = (plain[urlOf(index)] ??= {})
  emails[emailOf(index)] = entry(count + index)
  const file = openSync(`${path}.tmp`, "w", 0o600)
  writeFileSync(file, JSON.stringify(plain, null, 4))
  fsyncSync(file)
  closeSync(file)
  renameSync(`${path}.tmp`, path)
  const directory = openSync(dirname(path), "r")
  fsyncSync(directory)
  closeSync(directory)
}

const ours = Effect.fnUntraced(function* (path: string, count: number, index: number) {
  const sessions = yield* InstanceAuthSessions.load(path)
  const found = yield* sessions.find(urlOf(count - 1), emailOf(count - 1))
  if (found._tag === "None") throw notThere()
  yield* sessions.insert(
    urlOf(index),
    emailOf(index),
    Redacted.make(`${TOKEN}${count + index}`),
    expiresOf(index)
  )
  yield* sessions.save()
})

const notThere = () => new Error("the last session is not there")

/** The work on the text alone: no disk, no lock, no look at who else may read the file. */
const text = (count: number, times: number): Row => {
  const bytes = Buffer.from(JSON.stringify(fileOf(count), null, 4))
  const turns = Array.from({ length: times }, (_, index) => index)
  return {
    name: `session file of ${count}, the text alone: read, find, insert, print`,
    limit: {
      name: "limit: JSON.parse, JSON.stringify",
      measure: () =>
        timed(times, async () => {
          for (const index of turns) {
            const plain: Plain = JSON.parse(bytes.toString())
            if (plain[urlOf(count - 1)]?.[emailOf(count - 1)] === undefined) throw notThere()
            const emails = (plain[urlOf(index)] ??= {})
            emails[emailOf(index)] = entry(count + index)
            Buffer.from(JSON.stringify(plain, null, 4))
          }
        })
    },
    candidates: [
      {
        name: "the same, decoded and validated, in order",
        target: 1.5,
        measure: () =>
          timed(times, async () => {
            for (const index of turns) {
              const sessions = readSessions(bytes.toString())
              const expires = parse(expiresOf(index))
              if (
                sessions?.get(urlOf(count - 1))?.get(emailOf(count - 1)) === undefined ||
                expires === undefined
              ) {
                throw notThere()
              }
              sessions.get(urlOf(index))?.set(emailOf(index), new Good(`${TOKEN}${index}`, expires))
              Buffer.from(writeSessions(sessions))
            }
          })
      }
    ]
  }
}

const whole = (count: number, times: number): Row => {
  const directory = mkdtempSync(join(tmpdir(), "latchkey-bench-"))
  const placed = (name: string) => {
    const path = join(directory, name, "auth.json")
    mkdirSync(dirname(path), { mode: 0o700 })
    writeFileSync(path, JSON.stringify(fileOf(count), null, 4), { mode: 0o600 })
    return path
  }
  const [barePath, ourPath] = [placed("bare"), placed("ours")]
  const turns = Array.from({ length: times }, (_, index) => index)
  return {
    name: `session file of ${count}: load, find, insert, save`,
    limit: {
      name: "limit: JSON.parse, JSON.stringify, flush, rename",
      measure: () =>
        timed(times, async () => {
          for (const index of turns) bare(barePath, count, index)
        })
    },
    candidates: [
      {
        name: "InstanceAuthSessions: with a lock, another look at the file, and checks",
        measure: () =>
          timed(times, () =>
            Effect.runPromise(
              Effect.forEach(turns, (index) => ours(ourPath, count, index), { discard: true })
            )
          )
      }
    ],
    close: async () => rmSync(directory, { recursive: true })
  }
}

export const rows = async (): Promise<ReadonlyArray<Row>> => [
  text(1_000, 40),
  text(100_000, 1),
  whole(1_000, 20),
  whole(100_000, 1)
]
