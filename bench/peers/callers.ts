/** What every program of callers does: waits for a line, then all of them ask at once, and it prints the tokens that they got. */
import { createInterface } from "node:readline"
import { setTimeout } from "node:timers/promises"

const CALLERS = 50

/** Much longer than a renewal takes: of what a damaged file does to a library, some callers never hear. */
const PATIENCE_MILLIS = 5_000

export const callers = async (ask: () => Promise<string | null | undefined>): Promise<void> => {
  process.stdout.write("ready\n")
  for await (const _ of createInterface(process.stdin)) break
  const enough = new AbortController()
  const late = setTimeout(PATIENCE_MILLIS, undefined, { signal: enough.signal })
  const answers = await Promise.allSettled(Array.from({ length: CALLERS }, () => Promise.race([ask(), late])))
  const tokens = answers.flatMap((answer) =>
    answer.status === "fulfilled" && answer.value ? [answer.value] : []
  )
  process.stdout.write(`${JSON.stringify(tokens)}\n`)
  enough.abort()
  process.stdin.destroy()
}
