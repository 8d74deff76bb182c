// The peers that the benches compare with are a large download, so they have a lockfile of their own.
import { installed } from "./tools.mjs"
import { run } from "./workspace.mjs"

await installed("bench")
const { ok } = await run(
  "node",
  ["--conditions=@latchkey/source", "bench/run.ts", ...process.argv.slice(2)],
  {
    show: true
  }
)
process.exit(ok ? 0 : 1)
