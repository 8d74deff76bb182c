// What the other scripts need to know about the workspace, and one way to run a command.
import { spawn } from "node:child_process"
import { existsSync, globSync, readFileSync, readdirSync } from "node:fs"
import { delimiter, join } from "node:path"

export const root = join(import.meta.dirname, "..")

export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))

/** Every package folder: `{ name, folder, manifest }`. */
export const packages = readdirSync(join(root, "packages"))
  .map((name) => ({ name, folder: join(root, "packages", name) }))
  .filter(({ folder }) => existsSync(join(folder, "package.json")))
  .map((one) => ({ ...one, manifest: readJson(join(one.folder, "package.json")) }))

/** The ones that are published. A package that is not written yet is private. */
export const publicPackages = packages.filter(({ manifest }) => !manifest.private)

/** Files of the repository that match, sorted, without what is installed or built. */
export const files = (patterns) =>
  globSync(patterns, { cwd: root, exclude: (path) => /(^|\/)(node_modules|dist|\.cache|\.git)$/.test(path) })
    .map((path) => path.replaceAll("\\", "/"))
    .toSorted()

/** Runs to the end and never rejects. The output is collected, or shown when `show` is set. */
export const run = (command, args, { cwd = root, env = {}, show = false, path = [] } = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: [...path, process.env.PATH].join(delimiter), ...env },
      stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
      shell: process.platform === "win32"
    })
    let output = ""
    child.stdout?.on("data", (chunk) => (output += chunk))
    child.stderr?.on("data", (chunk) => (output += chunk))
    child.on("error", (error) => resolve({ ok: false, output: `${output}${command}: ${error.message}\n` }))
    child.on("close", (code) => resolve({ ok: code === 0, output }))
  })

/** `run`, where a failure ends the script and says why. */
export const must = async (command, args, options) => {
  const { ok, output } = await run(command, args, options)
  if (ok) return output
  console.error(`${output}\nfailed: ${command} ${args.join(" ")}`)
  process.exit(1)
}

/** Maps with a few calls at a time, and keeps the order. */
export const mapParallel = async (items, limit, f) => {
  const results = []
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await f(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
  return results
}
