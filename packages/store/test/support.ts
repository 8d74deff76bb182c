import { assert } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import { SessionStore } from "@latchkey/core/SessionStore"
import { SessionStoreError } from "@latchkey/core/SessionStoreError"
import { BosdynTokenStore, CryosparcSessionStore, SqliteSessionStore } from "@latchkey/store"
import { ConfigProvider, Context, DateTime, Effect, Layer, Redacted } from "effect"
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** 0700, removed with the scope. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "latchkey-store-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Built anew, as another process would; closed with the scope. */
export const open = <E>(layer: Layer.Layer<SessionStore, E>) =>
  Effect.map(Layer.build(Layer.fresh(layer)), (context) => Context.get(context, SessionStore))

/** The tag of the reason why it fails. */
export const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.flip,
    Effect.map((error) => {
      assert.instanceOf(error, SessionStoreError)
      return error instanceof SessionStoreError ? error.reason._tag : "other"
    }),
    Effect.orElseSucceed(() => "no failure")
  )

export const key = (account: string, instance = "spot-1", provider = "robot") =>
  new SessionKey({ provider, instance, account })

export const session = (account: string, token: string, instance = "spot-1") =>
  new Session({
    key: key(account, instance),
    accessToken: Redacted.make(token),
    issuedAt: DateTime.makeUnsafe(1_700_000_000_123)
  })

/** The same for the file of cryosparc-tools, which holds sessions of one provider, each with an expiry. */
const instance = "https://cryosparc.example.com"

export const keys = {
  sqlite: key,
  bosdyn: key,
  cryosparc: (account: string) => key(account, instance, "cryosparc")
}

export const sessions = {
  sqlite: session,
  bosdyn: session,
  cryosparc: (account: string, token: string) =>
    new Session({
      ...session(account, token),
      key: keys.cryosparc(account),
      expiresAt: DateTime.makeUnsafe("2099-01-31T12:00:00Z")
    })
}

/** Where each store lies in a directory, and how it is opened there. */
export const stores = {
  sqlite: {
    placeIn: (directory: string) => join(directory, "sessions.db"),
    layer: (path: string) => SqliteSessionStore.layer({ path })
  },
  bosdyn: {
    placeIn: (directory: string) => join(directory, "user_tokens"),
    layer: (directory: string) => BosdynTokenStore.layer({ directory })
  },
  cryosparc: {
    placeIn: (directory: string) => join(directory, "auth.json"),
    layer: (path: string) => CryosparcSessionStore.layer({ path })
  }
} as const

export const tokenOf = (session: Session) => session.accessToken && Redacted.value(session.accessToken)

export const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

export const environment = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** Everything below a directory: what, how private, and a hash of what is in it. */
export const treeOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .map((entry): [string, string] => {
        const path = join(entry.parentPath, entry.name)
        const content = entry.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "-"
        return [path.slice(directory.length + 1), `${modeOf(path)} ${content}`]
      })
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
  )

export const withUmask = (mask: number) =>
  Effect.acquireRelease(
    Effect.sync(() => process.umask(mask)),
    (before) => Effect.sync(() => process.umask(before))
  )

export interface Child {
  readonly pid: number
  readonly lines: ReadonlyArray<string>
  readonly kill: () => void
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** A process of its own running `test/child.ts`; `onLine` hears each line that it prints. Killed with the scope. */
export const startChild = (
  task: unknown,
  options: {
    readonly onLine?: (line: string, child: Child) => void
    readonly node?: ReadonlyArray<string>
    readonly shell?: string
  } = {}
) =>
  Effect.acquireRelease(
    Effect.sync((): Child => {
      const script = fileURLToPath(new URL("./child.ts", import.meta.url))
      const args = ["--conditions=@latchkey/source", ...(options.node ?? []), script, JSON.stringify(task)]
      const child =
        options.shell === undefined
          ? spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
          : spawn("sh", ["-c", `${options.shell}; exec "$0" "$@"`, process.execPath, ...args], {
              stdio: ["ignore", "pipe", "inherit"]
            })
      const lines: Array<string> = []
      let rest = ""
      const started: Child = {
        pid: child.pid ?? 0,
        lines,
        kill: () => child.kill("SIGKILL"),
        ended: new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal ?? 0)))
      }
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        const parts = (rest + chunk).split("\n")
        rest = parts.pop() ?? ""
        for (const line of parts) {
          lines.push(line)
          options.onLine?.(line, started)
        }
      })
      return started
    }),
    (child) =>
      Effect.promise(() => {
        child.kill()
        return child.ended
      })
  )

/** Runs it to its end, which must be a good one. */
export const runChild = (task: unknown, options: Parameters<typeof startChild>[1] = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* startChild(task, options)
      assert.strictEqual(yield* Effect.promise(() => child.ended), 0)
      return child.lines
    })
  )
