/** A process that writes the session file is killed at random points. */
import { SessionStore } from "@latchkey/core"
import { CryosparcSessionStore } from "@latchkey/store"
import { Effect, Option } from "effect"
import { readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import type { Line } from "../line.ts"
import { inScratch } from "../scratch.ts"
import { numbersIn, startWriter } from "../startWriter.ts"

const LONGEST_MILLIS = 40

export const kills = (count: number): Promise<Line> =>
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
      await setTimeout(Math.random() * LONGEST_MILLIS)
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
