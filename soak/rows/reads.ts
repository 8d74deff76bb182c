/** The session file is read while another process writes it, by ourselves and as text. */
import { InstanceAuthSessions } from "@latchkey/store"
import { Effect, Option, Redacted } from "effect"
import { setImmediate } from "node:timers/promises"
import type { Line } from "../line.ts"
import { inScratch } from "../scratch.ts"
import { numbersIn, startWriter } from "../startWriter.ts"
import { numberOf } from "../tokens.ts"

/** That many at least, and as many more as it takes to see that many different tokens. */
export const reads = (least: number, tokens: number): Promise<Line> =>
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
    return { what: "reads beside a writer", count, figures: { "tokens seen": String(seen.size) }, broken }
  })
