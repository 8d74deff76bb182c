// `node scripts/dev.mjs TOOL ARGS...` runs a tool of this workspace on a bare clone, with nothing but Node >= 18 and npm:
// it installs the locked dependencies if they changed, gets a Node the tools can run on if this one is too old, and
// hands over. Uses no dependency, and no syntax that an older Node could not parse far enough to say so.
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { constants } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { exclusively } from "./exclusively.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, "node_modules")
const cache = join(root, ".cache")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const windows = process.platform === "win32"

const fail = (message) => {
  console.error(`latchkey: ${message}`)
  process.exit(1)
}

const run = (command, args, options) =>
  new Promise((resolve) => {
    // The launchers in .bin are shell scripts on Windows, and a shell wants its arguments quoted.
    const quoted = windows
      ? args.map((arg) => (/[\s"]/.test(arg) ? `"${arg.replaceAll('"', '\\"')}"` : arg))
      : args
    const child = spawn(command, quoted, { cwd: root, stdio: "inherit", shell: windows, ...options })
    let output = ""
    if (child.stdout) child.stdout.on("data", (chunk) => (output += chunk))
    // A terminal sends Ctrl-C to the whole group: this process only has to outlive the tool. The rest is passed on.
    const signals = {
      SIGINT: () => undefined,
      SIGTERM: () => child.kill("SIGTERM"),
      SIGHUP: () => child.kill("SIGHUP")
    }
    for (const [name, listener] of Object.entries(signals)) process.on(name, listener)
    const done = (code) => {
      for (const [name, listener] of Object.entries(signals)) process.off(name, listener)
      resolve({ code, output })
    }
    child.on("error", (error) => {
      console.error(
        error.code === "ENOENT"
          ? `latchkey: "${command}" was not found${command === "npx" ? ": it comes with npm, beside Node" : ""}`
          : `latchkey: "${command}" could not be started: ${error.message}`
      )
      done(127)
    })
    child.on("close", (code, signal) => done(signal ? 128 + constants.signals[signal] : code))
  })

/** Without a network npm would try in silence for more than a minute before it says so. */
const registryEnv = { npm_config_fetch_retries: "1", ...process.env }

const writeWhole = (path, text) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.${process.pid}`, text)
  renameSync(`${path}.${process.pid}`, path)
}

const read = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const stamp = join(modules, ".latchkey-lock")
const lockHash = createHash("sha256")
  .update(readFileSync(join(root, "pnpm-lock.yaml")))
  .digest("hex")

/** The lockfile is the one last installed, and nobody has removed a part of the result. */
const isInstalled = () =>
  (process.env.npm_config_user_agent || "").startsWith("pnpm/") || // pnpm has just checked
  (read(stamp) === lockHash &&
    existsSync(join(modules, ".bin")) &&
    readdirSync(join(root, "packages")).every((name) => {
      const text = read(join(root, "packages", name, "package.json"))
      if (text === undefined) return true
      const { dependencies, devDependencies } = JSON.parse(text)
      return !(dependencies || devDependencies) || existsSync(join(root, "packages", name, "node_modules"))
    }))

const install = async () => {
  if (isInstalled()) return
  rmSync(stamp, { force: true }) // an install that is cut short must not pass for a whole one
  const pnpm = manifest.packageManager.split("+")[0]
  console.error("latchkey: installing the locked dependencies")
  const { code } = await run("npx", ["--yes", pnpm, "install", "--frozen-lockfile", "--trust-lockfile"], {
    env: registryEnv
  })
  if (code >= 127) process.exit(code)
  if (code !== 0)
    fail("the install failed, see above. It needs the npm registry: check the network and `npm ping`.")
  writeWhole(stamp, lockHash)
}

const version = process.versions.node.split(".").map(Number)
const runsTheTools = (version[0] === 22 && version[1] >= 19) || version[0] === 24 || version[0] >= 26

const nodeKey = `${process.platform}-${process.arch}`
const nodeSpec = manifest.config.node[nodeKey]
const nodeNote = join(cache, `node-${nodeKey}`)

/** The Node to use, if no download is needed to know it. */
const knownNode = () => {
  if (runsTheTools) return process.execPath
  const [spec, path] = (read(nodeNote) || "").split("\n")
  return spec === nodeSpec && path && existsSync(path) ? path : undefined
}

const getNode = async () => {
  if (knownNode()) return
  if (!nodeSpec) fail(`Node ${process.version} is too old for the tools: please install Node 24`)
  console.error(
    `latchkey: Node ${process.version} is too old for the tools, getting ${nodeSpec} from the npm registry`
  )
  const { code, output } = await run(
    "npx",
    ["--yes", `--package=${nodeSpec}`, "--call", 'node -p "process.execPath"'],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: registryEnv
    }
  )
  const path = output.trim()
  if (code >= 127) process.exit(code)
  if (code !== 0 || !existsSync(path))
    fail(`could not get ${nodeSpec}: check the network, or install Node 24 yourself`)
  writeWhole(nodeNote, `${nodeSpec}\n${path}`)
}

const main = async () => {
  const [tool, ...args] = process.argv.slice(2)
  if (version[0] < 18)
    fail(`Node ${process.version} is too old: please install Node 24 (18 is the least to begin with)`)
  if (!tool) fail("say which tool to run: node scripts/dev.mjs TOOL ARGS...")
  if (!isInstalled() || !knownNode()) await exclusively(cache, () => Promise.all([install(), getNode()]))
  const path = [dirname(knownNode()), join(modules, ".bin"), process.env.PATH].join(delimiter)
  const { code } = await run(tool, args, { env: { ...process.env, PATH: path } })
  process.exit(code)
}

void main()
