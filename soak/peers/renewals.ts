/** Eight processes of a peer, with fifty callers each, find the same rotating token expired at once. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expired, startAuthority } from "./authority.ts"
import type { Line } from "./rows.ts"
import { inScratch } from "./scratch.ts"
import { start } from "./started.ts"

const PROCESSES = 8
const CALLERS = 50

export interface Peer {
  /** Its library, and its program in `bench/peers`. */
  readonly library: string
  readonly program: string
  /** The text of its file, for a session that has just ended. */
  readonly initial: () => string
  /** The refresh token in its file; none where there is no session. */
  readonly tokenIn: (text: string) => string | undefined
}

interface Round {
  readonly calls: number
  readonly reuses: number
  /** What the callers got. */
  readonly tokens: ReadonlyArray<string>
  readonly good: number
  readonly left: "a good session" | "a dead session" | "nothing to be read"
}

const round = (peer: Peer): Promise<Round> =>
  inScratch(async (directory) => {
    const file = join(directory, "session.json")
    writeFileSync(file, peer.initial())
    const { accepts, close, seen, url } = await startAuthority()
    const children = Array.from({ length: PROCESSES }, () => start(peer.program, [url, file]))
    await Promise.all(children.map(({ ready }) => ready))
    for (const child of children) child.process.stdin.write("go\n")
    await Promise.all(children.map(({ ended }) => ended))
    await close()
    const failed = children.find(({ process }) => process.exitCode !== 0)
    if (failed !== undefined) throw new Error(`${peer.program} ended with ${failed.process.exitCode}`)
    const tokens = children.flatMap(({ last }): ReadonlyArray<string> => JSON.parse(last() ?? ""))
    const token = peer.tokenIn(readFileSync(file, "utf8"))
    const left =
      token === undefined ? "nothing to be read" : accepts(token) ? "a good session" : "a dead session"
    return { ...seen, tokens, good: tokens.filter(accepts).length, left }
  })

export const renewals = async (peer: Peer, rounds: number): Promise<Line> => {
  const broken = {
    "renewals too many": 0,
    "spent tokens sent": 0,
    "callers without a token": 0,
    "callers with a token of an ended session": 0,
    "stores with a dead session": 0,
    "stores with no session": 0
  }
  for (let count = 0; count < rounds; count++) {
    const { calls, good, left, reuses, tokens } = await round(peer)
    broken["renewals too many"] += calls - 1
    broken["spent tokens sent"] += reuses
    broken["callers without a token"] += PROCESSES * CALLERS - tokens.length
    broken["callers with a token of an ended session"] += tokens.length - good
    if (left === "a dead session") broken["stores with a dead session"]++
    if (left === "nothing to be read") broken["stores with no session"]++
  }
  const what = `rounds of ${PROCESSES} × ${CALLERS} callers, ${peer.library}`
  return { what, count: rounds, broken }
}

/** The text of a member, if this is JSON of an object that has it. */
export const textAt = (text: string, name: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(text)[name]
    return typeof value === "string" ? value : undefined
  } catch {
    return undefined
  }
}

export const initialSession = expired
