/**
 * `npm run soak -- [ROW…] [--share 0.01]`: what only shows after many rounds, in full numbers, or in a share of them. Prints a
 * table, and fails when a promise was broken.
 */
import { SessionStore } from "@latchkey/core"
import { CryosparcSessionStore, InstanceAuthSessions } from "@latchkey/store"
import { Effect, Option, Redacted } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { numberOf } from "./tokens.ts"

interface Writer {
  readonly process: ChildProcess
  /** The last number that it has reported as saved, of both accounts. */
  readonly saved: () => number
  readonly started: Promise<void>
  readonly ended: Promise<void>
}

const startWriter = (path: string): Writer => {
  const script = fileURLToPath(new URL("writer.ts", import.meta.url))
  const args = ["--disable-warning=ExperimentalWarning", "--conditions=@latchkey/source", script, path]
  const process_ = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  const kill = () => process_.kill("SIGKILL")
  process.once("exit", kill)
  process_.once("close", () => process.off("exit", kill))
  let saved = 0
  const ended = new Promise<void>((resolve) => process_.once("close", () => resolve()))
  const started = new Promise<void>((resolve) => {
    process_.stdout.setEncoding("utf8").on("data", (text: string) => {
      saved = Number(text.trimEnd().split("\n").at(-1) ?? saved)
      resolve()
    })
  })
  return { process: process_, saved: () => saved, started: Promise.race([started, ended]), ended }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130))

const inScratch = async <A>(use: (path: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "latchkey-soak-"))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once("exit", remove)
  try {
    return await use(join(directory, "auth.json"))
  } finally {
    process.off("exit", remove)
    remove()
  }
}

/** The numbers of the tokens in the file; none where it is torn, empty or not whole. */
const numbersIn = (path: string): ReadonlyArray<number> | undefined => {
  try {
    const text = readFileSync(path, "utf8")
    const accounts: Record<string, { token: { access_token: string } }> =
      JSON.parse(text)["https://cryosparc.example.com"]
    const numbers = Object.values(accounts).flatMap(({ token }) => numberOf(token.access_token) ?? [])
    return numbers.length === Object.keys(accounts).length && numbers.length > 0 ? numbers : undefined
  } catch {
    return undefined
  }
}

interface Line {
  readonly what: string
  readonly count: number
  /** What must be none. */
  readonly broken: Readonly<Record<string, number>>
}

/** That many at least, and as many more as it takes to see that many different tokens. */
const reads = (least: number, tokens: number): Promise<Line> =>
  inScratch(async (path) => {
    const writer = startWriter(path)
    await writer.started
    const broken = { "torn or empty, read as text": 0, "torn or empty, read by InstanceAuthSessions": 0 }
    const seen = new Set<number>()
    let count = 0
    for (; count < least || seen.size < tokens; count++) {
      // Without a turn of the event loop nobody would hear the writer, and it would wait for that.
      await setImmediate()
      if (writer.process.exitCode !== null) throw new Error("the writer ended by itself")
      if (count % 2 === 0) {
        const numbers = numbersIn(path)
        if (numbers === undefined) broken["torn or empty, read as text"]++
        else for (const number of numbers) seen.add(number)
      } else {
        const found = await Effect.runPromise(
          Effect.flatMap(InstanceAuthSessions.load(path), ({ find }) => find()).pipe(Effect.option)
        )
        const token = Option.map(Option.flatten(found), ({ session }) => Redacted.value(session.token))
        if (!Option.exists(token, (text) => numberOf(text) !== undefined)) {
          broken["torn or empty, read by InstanceAuthSessions"]++
        }
      }
    }
    writer.process.kill("SIGKILL")
    await writer.ended
    return { what: `reads beside a writer, of which ${seen.size} tokens were seen`, count, broken }
  })

const kills = (count: number): Promise<Line> =>
  inScratch(async (path) => {
    const broken = {
      "file not whole": 0,
      "confirmed session lost": 0,
      "not to be opened": 0,
      "stray files": 0
    }
    for (let n = 0; n < count; n++) {
      const writer = startWriter(path)
      await writer.started
      const delay = Math.random() * 40
      await new Promise((resolve) => setTimeout(resolve, delay))
      writer.process.kill("SIGKILL")
      await writer.ended
      const numbers = numbersIn(path)
      if (numbers?.length !== 2) broken["file not whole"]++
      else if (Math.min(...numbers) < writer.saved()) broken["confirmed session lost"]++
      const open = Effect.flatMap(SessionStore, ({ list }) => list).pipe(
        Effect.provide(CryosparcSessionStore.layer({ path })),
        Effect.option
      )
      const listed = await Effect.runPromise(open)
      if (Option.getOrElse(listed, () => []).length !== 2) broken["not to be opened"]++
      const left = [
        ...readdirSync(dirname(path)),
        ...readdirSync(join(dirname(path), ".latchkey", "auth.json"))
      ]
      const expected = new Set(["auth.json", ".latchkey", "lock.db", "lock.db-shm", "lock.db-wal"])
      if (left.some((name) => !expected.has(name))) broken["stray files"]++
    }
    return { what: "kills of a writer at random points", count, broken }
  })

const rows: Readonly<Record<string, (share: number) => Promise<Line>>> = {
  reads: (share) => reads(Math.ceil(100_000 * share), Math.ceil(1_000 * share)),
  kills: (share) => kills(Math.ceil(1_000 * share))
}

const usage = (): never => {
  console.error(
    `usage: npm run soak -- [${Object.keys(rows).join("] [")}] [--share SHARE], a share of more than 0, up to 1`
  )
  process.exit(2)
}

const given = () => {
  try {
    return parseArgs({ allowPositionals: true, options: { share: { type: "string", default: "1" } } })
  } catch {
    return usage()
  }
}

const { positionals: asked, values } = given()
const share = Number(values.share)
if (!asked.every((name) => Object.hasOwn(rows, name)) || !(share > 0 && share <= 1)) usage()

let failures = 0
for (const [name, run] of Object.entries(rows)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const { broken, count, what } = await run(share)
  console.log(`${count} ${what}`)
  for (const [promise, times] of Object.entries(broken)) {
    console.log(`  ${promise.padEnd(45)} ${String(times).padStart(6)}`)
    failures += times
  }
}
console.log(failures === 0 ? "every promise kept" : `${failures} promises broken`)
process.exit(failures === 0 ? 0 : 1)
