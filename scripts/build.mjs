// Builds every published package into its `dist`, from nothing: a file that was renamed must not stay behind.
import { rmSync } from "node:fs"
import { join } from "node:path"
import { must, publicPackages } from "./workspace.mjs"

for (const { folder } of publicPackages) rmSync(join(folder, "dist"), { recursive: true, force: true })
await must("tsc", ["-b", "--force", ...publicPackages.map(({ folder }) => folder)])
console.log(`built ${publicPackages.map(({ name }) => name).join(", ")}`)
