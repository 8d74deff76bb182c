// The peers that the benches compare with are a large download, so they have a lockfile of their own.
import { installed } from "./tools.mjs"
import { run } from "./workspace.mjs"

await installed("bench")
// The soak has the same peers, and only wants them there.
if (process.argv[2] === "--install") process.exit(0)
const { ok } = await run(
  "node",
  ["--conditions=@latchkey/source", "bench/run.ts", ...process.argv.slice(2)],
  {
    show: true
  }
)
process.exit(ok ? 0 : 1)
