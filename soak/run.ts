/**
 * `npm run soak -- [ROW…] [--share 0.01] [--peers]`: what only shows after many rounds, in full numbers, or in a share of them.
 * Prints a table, and fails when a promise was broken. `--peers`: what others make of the same, which promise nothing.
 */
import { parseArgs } from "node:util"
import type { Line } from "./line.ts"

type Rows = Readonly<Record<string, (share: number) => Promise<Line>>>

const rows: Rows = {
  protocol: async () => (await import("./rows/protocol.ts")).protocol(),
  reads: async (share) =>
    (await import("./rows/reads.ts")).reads(Math.ceil(100_000 * share), Math.ceil(1_000 * share)),
  kills: async (share) => (await import("./rows/kills.ts")).kills(Math.ceil(1_000 * share)),
  callers: async (share) => (await import("./rows/callers.ts")).callers(Math.ceil(20 * share)),
  deaths: async (share) => (await import("./rows/deaths.ts")).deaths(Math.ceil(20 * share)),
  sleeps: async (share) => (await import("./rows/sleeps.ts")).sleeps(Math.ceil(10 * share)),
  losses: async (share) => (await import("./rows/losses.ts")).losses(Math.ceil(20 * share)),
  logouts: async (share) => (await import("./rows/logouts.ts")).logouts(Math.ceil(50 * share)),
  restarts: async (share) => (await import("./rows/restarts.ts")).restarts(Math.ceil(20 * share)),
  rounds: async (share) => (await import("./rows/rounds.ts")).rounds(Math.ceil(10_000 * share)),
  heap: async (share) => (await import("./rows/heap.ts")).heap(Math.ceil(1_000_000 * share))
}

const usage = (): never => {
  console.error(
    `usage: npm run soak -- [${Object.keys(rows).join("] [")}] [--share SHARE] [--peers], a share of more than 0, up to 1`
  )
  process.exit(2)
}

const given = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { share: { type: "string", default: "1" }, peers: { type: "boolean", default: false } }
    })
  } catch {
    return usage()
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130))

const { positionals: asked, values } = given()
const share = Number(values.share)
if (!asked.every((name) => Object.hasOwn(rows, name)) || !(share > 0 && share <= 1)) usage()

const WIDTH = 60

/** How many promises were broken. */
const print = async (all: Rows): Promise<number> => {
  let failures = 0
  for (const [name, run] of Object.entries(all)) {
    const { broken, count, figures = {}, what } = await run(share)
    console.log(`${name.padEnd(9)} ${count} ${what}`)
    for (const [figure, value] of Object.entries(figures)) console.log(`  ${figure.padEnd(WIDTH)} ${value}`)
    for (const [promise, times] of Object.entries(broken)) {
      console.log(`  ${promise.padEnd(WIDTH)} ${times === 0 ? "none" : times}`)
      failures += times
    }
  }
  return failures
}

const wanted = Object.entries(rows).filter(([name]) => asked.length === 0 || asked.includes(name))
const failures = await print(Object.fromEntries(wanted))
console.log(failures === 0 ? "every promise kept" : `${failures} promises broken`)
if (values.peers) {
  const { install, rows: peers } = await import("./peers/rows.ts")
  if (await install()) await print(peers)
}
process.exit(failures === 0 ? 0 : 1)
