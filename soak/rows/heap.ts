/** One session that is renewed for years. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Line } from "../line.ts"

/** Of the highest points. A leak of one small object for each renewal is 8 MB in half a million of them; a small share shows little. */
const TOLERANCE_BYTES = 1_000_000

const mega = (bytes: number) => `${(bytes / 1_000_000).toFixed(2)} MB`

export const heap = async (count: number): Promise<Line> => {
  const script = fileURLToPath(new URL("../heap.ts", import.meta.url))
  const node = ["--expose-gc", "--disable-warning=ExperimentalWarning", "--conditions=@latchkey/source"]
  const { stdout } = await promisify(execFile)(process.execPath, [...node, script, String(count)])
  const { calls, early, late }: Readonly<Record<"calls" | "early" | "late", number>> = JSON.parse(stdout)
  return {
    what: "renewals of one session",
    count,
    figures: { "highest in the first half": mega(early), "highest in the second half": mega(late) },
    broken: {
      "renewals too many or too few": Math.abs(calls - count),
      "growth of the heap": late - early > TOLERANCE_BYTES ? 1 : 0
    }
  }
}
