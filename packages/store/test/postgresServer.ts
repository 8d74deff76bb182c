/** Which PostgreSQL the tests work with: the one that is named, the one of this machine, or a private one. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Option, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chownSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { folders, isExecutable } from "../../../test/support/programs.ts"

export interface Postgres {
  readonly url: Redacted.Redacted
}

export interface PrivatePostgres extends Postgres {
  /** With settings for this run, such as `["-c", "fsync=off"]`. Returns when it takes connections. */
  readonly start: (settings?: ReadonlyArray<string>) => Effect.Effect<void>
  /** `fast` ends transactions and says goodbye; `immediate` is a crash. Returns when it is gone. */
  readonly stop: (how: "fast" | "immediate") => Effect.Effect<void>
}

const LOCAL = "postgres://postgres@127.0.0.1:5432/postgres"

/**
 * `LATCHKEY_TEST_POSTGRES_URL`, which must answer then; else the server at 127.0.0.1:5432 with the user `postgres`; else a
 * private one, which ends with the scope. None where PostgreSQL is not installed.
 */
export const findPostgres: Effect.Effect<Option.Option<Postgres>, never, Scope.Scope> = Effect.gen(
  function* () {
    const { LATCHKEY_TEST_POSTGRES_URL: named } = process.env
    if (named) return Option.some({ url: Redacted.make(named) })
    const local = { url: Redacted.make(LOCAL) }
    if (yield* answers(local)) return Option.some(local)
    return yield* startPostgres
  }
)

/** A cluster of its own in a temporary directory, on a Unix socket only; gone with the scope. None where it is not installed. */
export const startPostgres: Effect.Effect<Option.Option<PrivatePostgres>, never, Scope.Scope> = Effect.gen(
  function* () {
    const programs = findPrograms()
    if (programs === undefined) return Option.none()
    const owner = ownerOfServers()
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "latchkey-pg-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    if (owner !== undefined) chownSync(directory, owner.uid, owner.gid)
    const data = join(directory, "data")
    const how = { ...owner, cwd: directory, env: { LC_ALL: "C", TZ: "UTC" } }
    const settings = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    yield* Effect.promise(() => promisify(execFile)(join(programs, "initdb"), settings, how))

    let running: ChildProcess | undefined
    const stop: PrivatePostgres["stop"] = (signal) =>
      Effect.promise(() => ended(running, signal === "fast" ? "SIGINT" : "SIGQUIT"))
    const start: PrivatePostgres["start"] = (more = []) =>
      Effect.promise(() => {
        const place = ["-c", "listen_addresses=", "-c", `unix_socket_directories=${directory}`]
        const few = ["-c", "shared_buffers=16MB", "-c", "max_connections=50"]
        running = spawn(join(programs, "postgres"), ["-D", data, ...place, ...few, ...more], {
          ...how,
          stdio: ["ignore", "ignore", "pipe"]
        })
        return ready(running)
      })
    yield* Effect.addFinalizer(() => stop("immediate"))
    yield* start()
    const url = Redacted.make(`postgres:///postgres?user=postgres&host=${encodeURIComponent(directory)}`)
    return Option.some({ url, start, stop })
  }
)

/** The name of a schema that nobody else has, dropped with the scope. */
export const freshSchema = (server: Postgres): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => `latchkey_test_${randomBytes(6).toString("hex")}`),
    (name) => Effect.asVoid(query(server, `drop schema if exists "${name}" cascade`))
  )

/** One statement on a connection of its own. */
export const query = (
  server: Postgres,
  statement: string,
  values: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<Record<string, unknown>>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return yield* sql.unsafe<Record<string, unknown>>(statement, values)
  }).pipe(Effect.provide(Layer.fresh(PgClient.layer({ url: server.url, maxConnections: 1 }))), Effect.orDie)

/** A port of this machine where nobody listens. */
export const unusedPort: Effect.Effect<number> = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0)))
  })
})

const answers = (server: Postgres): Effect.Effect<boolean> =>
  Effect.isSuccess(Effect.sandbox(query(server, "select 1")))

/** Where `postgres` and `initdb` lie, the newest first: in Debian not on the path. */
const findPrograms = (): string | undefined =>
  [
    ...globSync("/usr/lib/postgresql/*/bin").toSorted((a, b) => b.localeCompare(a, "en", { numeric: true })),
    ...folders()
  ].find((folder) => ["postgres", "initdb"].every((name) => isExecutable(join(folder, name))))

/** PostgreSQL refuses to run as root: then as its own user, or as nobody. */
const ownerOfServers = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((it) => it.startsWith("postgres:"))
  const [, , uid, gid] = line?.split(":") ?? []
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) }
}

const ready = (server: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let log = ""
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (log.includes("ready to accept connections")) return
      log += text
      if (log.includes("ready to accept connections")) resolve()
    })
    server.once("exit", () => reject(new Error(`PostgreSQL did not start:\n${log}`)))
  })

const ended = (server: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> =>
  new Promise((resolve) => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return resolve()
    server.once("exit", () => resolve())
    server.kill(signal)
  })
