/** A writer of a peer is killed at random points of a write. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { numberOf } from "../tokens.ts"
import { textAt } from "./renewals.ts"
import type { Line } from "./rows.ts"
import { inScratch } from "./scratch.ts"
import { start } from "./started.ts"

const LONGEST_MILLIS = 40

export const kills = (library: string, program: string, times: number): Promise<Line> =>
  inScratch(async (directory) => {
    const broken = { "not to be read": 0, "confirmed session lost": 0, "stray files": 0 }
    for (let count = 0; count < times; count++) {
      const writer = start(program, [directory])
      await writer.ready
      await setTimeout(Math.random() * LONGEST_MILLIS)
      writer.process.kill("SIGKILL")
      await writer.ended
      if (writer.process.exitCode !== null) throw new Error(`${program} ended by itself`)
      const number = numberOf(textAt(readFileSync(join(directory, "session"), "utf8"), "token") ?? "")
      if (number === undefined) broken["not to be read"]++
      else if (number < Number(writer.last())) broken["confirmed session lost"]++
      if (readdirSync(directory).length > 1) broken["stray files"]++
    }
    return { what: `kills at random points of a write, ${library}`, count: times, broken }
  })
