/** `npm run bench [-- ROW…]`: a table per row, `limit` being 1.00. Fails when Latchkey misses a target of its own. */
import { measure, type Result, type Row } from "./measure.ts"

const rows: Readonly<Record<string, () => Promise<ReadonlyArray<Row>>>> = {
  token: async () => (await import("./rows/currentToken.ts")).rows(),
  storm: async () => (await import("./rows/storm.ts")).rows(),
  login: async () => (await import("./rows/robotLogin.ts")).rows(),
  http: async () => (await import("./rows/httpLogin.ts")).rows(),
  sqlite: async () => (await import("./rows/sqlite.ts")).rows(),
  save: async () => (await import("./rows/save.ts")).rows(),
  redis: async () => (await import("./rows/redis.ts")).rows(),
  postgres: async () => (await import("./rows/postgres.ts")).rows(),
  encrypted: async () => (await import("./rows/encrypted.ts")).rows(),
  memory: async () => (await import("./rows/memory.ts")).rows(),
  file: async () => (await import("./rows/sessionFile.ts")).rows(),
  jwt: async () => (await import("./rows/jwt.ts")).rows(),
  roles: async () => (await import("./rows/roles.ts")).rows()
}

const UNITS: Record<"time" | "bytes", ReadonlyArray<readonly [unit: string, size: number]>> = {
  time: [
    ["s", 1e9],
    ["ms", 1e6],
    ["µs", 1e3],
    ["ns", 1]
  ],
  bytes: [
    ["kB", 1e3],
    ["B", 1]
  ]
}

const shown = (amount: number, units: "time" | "bytes"): string => {
  const [unit, size] = UNITS[units].find(([, least]) => amount >= least) ?? ["", 1]
  return `${(amount / size).toPrecision(3)} ${unit}`
}

const verdict = ({ ratio, target }: Result): string => {
  if (target === undefined) return ""
  return ratio <= target ? `target ${target}` : `target ${target} MISSED`
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !Object.hasOwn(rows, name))
if (unknown.length > 0) {
  console.error(`no such row: ${unknown.join(", ")}; there are ${Object.keys(rows).join(", ")}`)
  process.exit(2)
}

let missed = 0
for (const [name, load] of Object.entries(rows)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  for (const row of await load()) {
    console.log(`\n${row.name}`)
    const results = await measure(row)
    const width = Math.max(...results.map((result) => result.name.length))
    for (const result of results) {
      const columns = [
        result.name.padEnd(width),
        shown(result.amount, row.unit ?? "time").padStart(9),
        result.ratio.toFixed(2).padStart(8)
      ]
      console.log(`  ${columns.join("  ")}  ${verdict(result)}`.trimEnd())
      if (result.target !== undefined && result.ratio > result.target) missed++
    }
    await row.close?.()
  }
}
console.log(missed === 0 ? "\nevery target met" : `\n${missed} targets missed`)
process.exit(missed === 0 ? 0 : 1)
