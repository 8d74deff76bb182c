// Redis, PostgreSQL and a keyring for the tests of the stores: finds servers that answer or their programs, or installs Debian's where
// that can be done. No server is left running: tests start their own. Where they cannot be had, it says so and those tests are skipped; in CI,
// where nothing is skipped, that is a failure.
import { accessSync, constants, globSync } from "node:fs"
import { connect } from "node:net"
import { delimiter, join } from "node:path"
import { run } from "./workspace.mjs"

const isExecutable = (path) => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const folders = (process.env.PATH ?? "").split(delimiter)
const program = (name, more = []) => [...folders, ...more].map((one) => join(one, name)).find(isExecutable)

/** Newest first, as tests look for them. */
const postgresFolders = () =>
  globSync("/usr/lib/postgresql/*/bin").toSorted((a, b) => b.localeCompare(a, "en", { numeric: true }))

/** Each: what it is called, the variable that names another one, where it listens, what else will do, and what is installed with it. */
const services = [
  {
    name: "redis-server",
    variable: "LATCHKEY_TEST_REDIS_URL",
    port: 6379,
    installed: () => program("redis-server")
  },
  {
    name: "postgresql",
    variable: "LATCHKEY_TEST_POSTGRES_URL",
    port: 5432,
    installed: () => program("initdb", postgresFolders()) && program("postgres", postgresFolders())
  },
  {
    name: "gnome-keyring",
    installed: () =>
      process.platform !== "linux"
        ? "the one of this system is not tested"
        : program("dbus-daemon") && program("dbus-send") && program("gnome-keyring-daemon"),
    more: ["dbus-daemon", "dbus-bin"]
  }
]

const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: 2000 })
    const end = (answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.on("connect", () => end(true))
    socket.on("timeout", () => end(false))
    socket.on("error", () => end(false))
  })

const found = async ({ variable, port, installed }) => {
  if (variable && process.env[variable]) return `the one that ${variable} names`
  if (port !== undefined && (await listens(port))) return `127.0.0.1:${port}`
  return installed()
}

const install = async (names) => {
  if (process.getuid?.() !== 0) return "not root"
  // Debian starts what it installs: not where systemd believes that it is only preparing a disk, nor in a runlevel of its own.
  const environment = { env: { DEBIAN_FRONTEND: "noninteractive", SYSTEMD_OFFLINE: "1", RUNLEVEL: "1" } }
  for (const argv of [["update"], ["install", "--yes", "--no-install-recommends", ...names]]) {
    const { ok } = await run("apt-get", ["-qq", ...argv], environment)
    if (!ok) return `apt-get ${argv[0]} failed`
  }
  return undefined
}

const missing = []
for (const service of services) if (!(await found(service))) missing.push(service)

let why
if (missing.length > 0) {
  why = await install(missing.flatMap(({ more = [], name }) => [name, ...more]))
  // Nothing answered on these ports before: what answers now was started by the installation.
  for (const { name, port } of missing) {
    if (port !== undefined && (await listens(port))) await run("service", [name, "stop"])
  }
}

for (const service of services) {
  const where = await found(service)
  console.log(`${service.name}: ${where ?? `none (${why}): tests that need it will be skipped`}`)
  if (!where && process.env.CI) process.exitCode = 1
}
