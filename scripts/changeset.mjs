// `npm run changeset -- add | status | version`. changesets starts pnpm by itself, so that has to be on the PATH.
import { spawnSync } from "node:child_process"
import { delimiter, join } from "node:path"
import { installed } from "./tools.mjs"
import { readJson, root } from "./workspace.mjs"

const bin = await installed("tools")
const pnpm = readJson(join(root, "package.json")).packageManager.split("+")[0]
const { status } = spawnSync(
  "npx",
  ["--yes", `--package=${pnpm}`, "--", "changeset", ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit", // `add` asks questions
    env: { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) }
  }
)
process.exit(status ?? 1)
