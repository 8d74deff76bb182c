/**
 * A session bus for one test, and a keyring on it, where their programs are installed (`dbus-daemon`, `dbus-send`,
 * `gnome-keyring-daemon`). Where they are not, a line says what is skipped.
 */
import { Effect } from "effect"
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

const isThere = (program: string) =>
  process.platform === "linux" && spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined

export const hasBus = isThere("dbus-daemon") && isThere("dbus-send")
export const hasKeyring = hasBus && isThere("gnome-keyring-daemon")

if (!hasBus) process.stderr.write("SKIPPED: what needs a session bus. There is no dbus-daemon\n")
else if (!hasKeyring)
  process.stderr.write("SKIPPED: what needs a real keyring. There is no gnome-keyring-daemon\n")

/** The variable as it is to be for one test, and for the processes that it starts. */
export const withVariable = (name: string, value: string | undefined) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env[name]
      setVariable(name, value)
      return before
    }),
    (before) => Effect.sync(() => setVariable(name, before))
  )

const setVariable = (name: string, value: string | undefined) => {
  if (value === undefined) Reflect.deleteProperty(process.env, name)
  else process.env[name] = value
}

const running = (start: () => ChildProcess) =>
  Effect.acquireRelease(Effect.sync(start), (child) =>
    Effect.callback<void>((resume) => {
      if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
      child.on("close", () => resume(Effect.void))
      child.kill("SIGKILL")
    })
  )

/** Nobody but those who come later is on it: no service is started for who asks. */
export const startBus = (directory: string) =>
  Effect.gen(function* () {
    const config = join(directory, "bus.conf")
    const address = `unix:path=${join(directory, "bus")}`
    writeFileSync(
      config,
      `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
       "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
      <busconfig><type>session</type><listen>${address}</listen><policy context="default">
      <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`
    )
    const bus = yield* running(() =>
      spawn("dbus-daemon", [`--config-file=${config}`, "--nofork", "--print-address"], {
        stdio: ["ignore", "pipe", "ignore"]
      })
    )
    yield* Effect.callback<void>((resume) => {
      bus.stdout?.once("data", () => resume(Effect.void))
    })
    yield* withVariable("DBUS_SESSION_BUS_ADDRESS", address)
    return address
  })

/** Keeps secrets under a password in the directory; locked unless it is told the password. */
export const startKeyring = (directory: string, address: string, state: "locked" | "unlocked") =>
  Effect.gen(function* () {
    const unlock = state === "unlocked" ? ["--unlock"] : []
    const keyring = yield* running(() =>
      spawn("gnome-keyring-daemon", ["--foreground", "--components=secrets", ...unlock], {
        env: {
          PATH: process.env["PATH"],
          HOME: directory,
          XDG_DATA_HOME: join(directory, "share"),
          XDG_RUNTIME_DIR: directory,
          DBUS_SESSION_BUS_ADDRESS: address
        },
        stdio: ["pipe", "ignore", "ignore"]
      })
    )
    keyring.stdin?.end("password")
    while (!isOwned(address)) yield* Effect.sleep("20 millis")
  })

const isOwned = (address: string): boolean =>
  execFileSync(
    "dbus-send",
    [
      `--bus=${address}`,
      "--dest=org.freedesktop.DBus",
      "--print-reply",
      "/org/freedesktop/DBus",
      "org.freedesktop.DBus.NameHasOwner",
      "string:org.freedesktop.secrets"
    ],
    { encoding: "utf8" }
  ).includes("boolean true")
