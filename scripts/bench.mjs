// The peers that the benches compare with are a large download, so they have a lockfile of their own.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { installed } from "./tools.mjs"
import { root, run } from "./workspace.mjs"

if (existsSync(join(root, "bench", "pnpm-lock.yaml"))) await installed("bench")
const { ok } = await run(
  "node",
  ["--conditions=@latchkey/source", "bench/run.ts", ...process.argv.slice(2)],
  {
    show: true
  }
)
process.exit(ok ? 0 : 1)
