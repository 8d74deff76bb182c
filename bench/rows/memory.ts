/** The heap of a session that is held while nothing is in flight, each way of holding it in a process of its own. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Candidate, Row } from "../measure.ts"

const script = fileURLToPath(new URL("../heap.ts", import.meta.url))

const held = (way: string, name: string, target?: number): Candidate => ({
  name,
  ...(target !== undefined && { target }),
  measure: async () => {
    const args = [...process.execArgv, "--expose-gc", script, way]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    return Number(stdout)
  }
})

export const rows = async (): Promise<ReadonlyArray<Row>> => [
  {
    name: "heap of a session, 100000 held",
    unit: "bytes",
    limit: held("limit", "limit: two Maps and { token, expiresAt }"),
    candidates: [
      held("redacted", "two Maps and { Redacted, expiresAt }"),
      held("session", "two Maps and a Session"),
      held("beyond", "Sessions.open, beyond the Session itself", 1.5),
      held("whole", "Sessions.open, with the Session"),
      held("smithy", "@smithy/property-provider memoize"),
      held("google", "google-auth-library")
    ]
  }
]
