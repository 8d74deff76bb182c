// API pages of the published packages, into .cache/docs.
import { join } from "node:path"
import { installed } from "./tools.mjs"
import { must, publicPackages, root } from "./workspace.mjs"

const out = join(root, ".cache", "docs")
const folders = publicPackages.map(({ name }) => `packages/${name}`)
await must("typedoc", ["--options", "tools/docs/typedoc.json", "--out", out, ...folders], {
  path: [await installed("tools/docs")],
  show: true
})
console.log(`${folders.length} packages in .cache/docs/index.html`)
