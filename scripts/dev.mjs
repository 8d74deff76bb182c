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

/** Thrown where something has still to end before this process does. */
const failure = (message, code = 1) => Object.assign(new Error(message), { code })

const fail = ({ message, code }) => {
  if (message) console.error(`latchkey: ${message}`)
  process.exit(code)
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
    const done = (code, error) => {
      for (const [name, listener] of Object.entries(signals)) process.off(name, listener)
      resolve({ code, output, error })
    }
    child.on("error", (error) => done(127, error))
    child.on("close", (code, signal) => done(signal ? 128 + constants.signals[signal] : code))
  })

const notStarted = (command, error) =>
  failure(
    error.code === "ENOENT"
      ? `"${command}" was not found${command === "npx" ? ": it comes with npm, beside Node" : ""}`
      : `"${command}" could not be started: ${error.message}`,
    127
  )

/** `npx`, whose failure is ours. A signal has been answered by npx, and needs no words. */
const npx = async (args, options, why) => {
  const { code, output, error } = await run("npx", ["--yes", ...args], { env: registryEnv, ...options })
  if (error) throw notStarted("npx", error)
  if (code !== 0) throw code > 128 ? failure("", code) : failure(why)
  return output.trim()
}

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

/** The workspace and its packages. */
const projects = () =>
  [".", ...readdirSync(join(root, "packages")).map((name) => join("packages", name))].flatMap((name) => {
    const text = read(join(root, name, "package.json"))
    return text === undefined ? [] : [{ folder: join(root, name), manifest: JSON.parse(text) }]
  })

/** Somebody may have removed a part of what was installed. */
const isWhole = () =>
  existsSync(join(modules, ".bin")) &&
  projects().every(({ folder, manifest }) =>
    Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).every((name) =>
      existsSync(join(folder, "node_modules", name, "package.json"))
    )
  )

const isInstalled = () =>
  (process.env.npm_config_user_agent || "").startsWith("pnpm/") || // pnpm has just checked
  (read(stamp) === lockHash && isWhole())

const pnpmInstall = () =>
  npx(
    [manifest.packageManager.split("+")[0], "install", "--frozen-lockfile", "--trust-lockfile"],
    {},
    "the install failed, see above. It needs the npm registry: check the network and `npm ping`."
  )

const install = async () => {
  if (isInstalled()) return
  rmSync(stamp, { force: true }) // an install that is cut short must not pass for a whole one
  console.error("latchkey: installing the locked dependencies")
  await pnpmInstall()
  if (!isWhole()) {
    rmSync(modules, { recursive: true, force: true }) // pnpm does not look into what it has put there before
    await pnpmInstall()
  }
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
  if (!nodeSpec) throw failure(`Node ${process.version} is too old for the tools: please install Node 24`)
  console.error(
    `latchkey: Node ${process.version} is too old for the tools, getting ${nodeSpec} from the npm registry`
  )
  const why = `could not get ${nodeSpec}: check the network, or install Node 24 yourself`
  const path = await npx(
    [`--package=${nodeSpec}`, "--call", 'node -p "process.execPath"'],
    { stdio: ["ignore", "pipe", "inherit"] },
    why
  )
  if (!existsSync(path)) throw failure(why)
  writeWhole(nodeNote, `${nodeSpec}\n${path}`)
}

/** Both come to an end before either's failure is told: an install that goes on by itself would meet the next one. */
const prepare = async () => {
  if (isInstalled() && knownNode()) return
  const results = await exclusively(cache, () => Promise.allSettled([install(), getNode()]))
  const failures = results.filter(({ status }) => status === "rejected").map(({ reason }) => reason)
  for (const { message } of failures.slice(1)) if (message) console.error(`latchkey: ${message}`)
  if (failures.length > 0) throw failures[0]
}

const main = async () => {
  const [tool, ...args] = process.argv.slice(2)
  if (version[0] < 18)
    throw failure(
      `Node ${process.version} is too old: please install Node 24 (18 is the least to begin with)`
    )
  if (!tool) throw failure("say which tool to run: node scripts/dev.mjs TOOL ARGS...")
  const start = async () => {
    await prepare()
    const path = [dirname(knownNode()), join(modules, ".bin"), process.env.PATH].join(delimiter)
    return run(tool, args, { env: { ...process.env, PATH: path } })
  }
  let result = await start()
  if (result.error && result.error.code === "ENOENT" && existsSync(stamp)) {
    rmSync(stamp) // perhaps its launcher has been removed
    result = await start()
  }
  if (result.error) throw notStarted(tool, result.error)
  process.exit(result.code)
}

main().catch((error) => fail(typeof error.code === "number" ? error : { message: error.stack, code: 1 }))
