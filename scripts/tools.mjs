// Heavy tools have lockfiles of their own, so that a first `npm run demo` need not wait for them.
import { createHash } from "node:crypto"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { exclusively } from "./exclusively.mjs"
import { must, readJson, root } from "./workspace.mjs"

/** Installs `tools`, `tools/docs` or `bench` if its lockfile has changed, and returns the folder of its commands. */
export const installed = async (name) => {
  const folder = join(root, name)
  const modules = join(folder, "node_modules")
  const stamp = join(modules, ".latchkey-lock")
  const hash = createHash("sha256")
    .update(readFileSync(join(folder, "pnpm-lock.yaml")))
    .digest("hex")
  const isCurrent = () => existsSync(stamp) && readFileSync(stamp, "utf8") === hash
  const install = async () => {
    if (isCurrent()) return
    rmSync(stamp, { force: true })
    const pnpm = readJson(join(root, "package.json")).packageManager.split("+")[0]
    await must("npx", ["--yes", pnpm, "install", "--frozen-lockfile", "--trust-lockfile"], { cwd: folder })
    writeFileSync(stamp, hash)
  }
  if (!isCurrent()) await exclusively(join(root, ".cache", name), install)
  return join(modules, ".bin")
}
