/** A change that stops after its n-th step, for every n: what is found after it is what was there before, or what was to be. */
import { assert, describe, it } from "@effect/vitest"
import { SessionStore } from "@latchkey/core/SessionStore"
import { SqliteSessionStore } from "@latchkey/store"
import { Effect, Exit, Layer, Option, Redacted } from "effect"
import fs, {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync
} from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { openPostgres, textOfPostgres } from "./openPostgres.ts"
import { openRedis, textOfRedis } from "./openRedis.ts"
import { findPostgres, freshSchema } from "./postgresServer.ts"
import { hasRedis, ownPrefix, redisServer } from "./redisServer.ts"
import {
  key,
  keys,
  open,
  reasonOf,
  session,
  sessions,
  stores,
  temporaryDirectory,
  tokenOf
} from "./support.ts"

const TIMEOUT = 120_000

type Store = SessionStore["Service"]

/** What is changed about the session of `shared`, which is `old` before, where there is one. */
interface Change {
  readonly name: string
  /** The token before; none where nothing was ever stored. */
  readonly before: "old" | undefined
  readonly after: "new" | undefined
  readonly run: (store: Store) => Effect.Effect<unknown, unknown>
}

const long = "new".repeat(3_000)

const changesOf = (store: "sqlite" | "bosdyn" | "cryosparc"): ReadonlyArray<Change> => [
  {
    name: "the first put of all",
    before: undefined,
    after: "new",
    run: (it) => it.put(sessions[store]("shared", long))
  },
  {
    name: "a put over an entry",
    before: "old",
    after: "new",
    run: (it) => it.put(sessions[store]("shared", long))
  },
  { name: "a removal", before: "old", after: undefined, run: (it) => it.remove(keys[store]("shared")) }
]

const found = (token: string | undefined) => (token === long ? "new" : token)

/** `before` up to some step, `after` from then on. */
const isOnce = (outcomes: ReadonlyArray<string | undefined>, { after, before }: Change): boolean => {
  const turn = outcomes.findIndex((outcome) => outcome !== before)
  return turn === -1 || outcomes.slice(turn).every((outcome) => outcome === after)
}

const steps = [
  "chmodSync",
  "closeSync",
  "fchownSync",
  "fsyncSync",
  "ftruncateSync",
  "futimesSync",
  "linkSync",
  "mkdirSync",
  "openSync",
  "renameSync",
  "rmSync",
  "unlinkSync",
  "writeFileSync",
  "writeSync"
] as const

/** From its n-th step on nothing that it does to the file system is done: as after its death, but in this process. */
const dyingAt = <A, E, R>(n: number, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      let taken = 0
      const originals = steps.map((name) => [name, fs[name]] as const)
      for (const [name, original] of originals) {
        Object.defineProperty(fs, name, {
          configurable: true,
          writable: true,
          value: (...args: ReadonlyArray<unknown>) => {
            if (++taken >= n) throw new Error("the process has died")
            return Reflect.apply(original, fs, args)
          }
        })
      }
      syncBuiltinESMExports()
      return { hasDied: () => taken >= n, originals }
    }),
    ({ hasDied }) => Effect.map(Effect.exit(effect), (exit) => ({ exit, hasDied: hasDied() })),
    ({ originals }) =>
      Effect.sync(() => {
        for (const [name, value] of originals) {
          Object.defineProperty(fs, name, { configurable: true, writable: true, value })
        }
        syncBuiltinESMExports()
      })
  )

describe("a process that dies", () => {
  for (const store of ["sqlite", "bosdyn", "cryosparc"] as const) {
    const { layer, placeIn } = stores[store]
    // What SQLite writes after that, it writes itself: see below.
    const changes = changesOf(store).filter(({ before }) => store !== "sqlite" || before === undefined)
    for (const change of changes) {
      it.live(
        `P03: ${store}: before any step of ${change.name} leaves what was or what was to be, and nothing beside it`,
        () =>
          Effect.gen(function* () {
            const directory = yield* temporaryDirectory
            const outcomes: Array<string | undefined> = []
            for (let n = 1; ; n++) {
              const place = placeIn(join(directory, String(n)))
              if (change.before !== undefined) {
                mkdirSync(dirname(place), { mode: 0o700, recursive: true })
                const first = yield* open(layer(place))
                yield* first.put(sessions[store]("other", "stays"))
                yield* first.put(sessions[store]("shared", change.before))
              }
              const { exit, hasDied } = yield* dyingAt(n, Effect.flatMap(open(layer(place)), change.run))
              if (!hasDied) {
                assert.isTrue(Exit.isSuccess(exit))
                break
              }
              // A step that does not matter any more, such as the last `close`, may fail unheard.
              const again = yield* open(layer(place))
              const entry = yield* again.get(keys[store]("shared"))
              const outcome = found(
                Option.getOrUndefined(Option.map(entry, (it) => tokenOf(it.session) ?? ""))
              )
              assert.include([change.before, change.after], outcome, `step ${n}`)
              outcomes.push(outcome)
              if (change.before !== undefined) {
                const other = Option.getOrThrow(yield* again.get(keys[store]("other")))
                assert.strictEqual(tokenOf(other.session), "stays")
              }
              assert.strictEqual(yield* reasonOf(again.put(sessions[store]("shared", "next"))), "no failure")
              const left = readdirSync(dirname(place), { encoding: "utf8", recursive: true })
              assert.deepStrictEqual(
                left.filter((name) => name.endsWith(".tmp")),
                [],
                `step ${n}`
              )
            }
            assert.isTrue(isOnce(outcomes, change), outcomes.join(" "))
            assert.isAbove(outcomes.filter((outcome) => outcome === change.before).length, 2)
          }),
        TIMEOUT
      )
    }
  }
})

const SECTOR = 512
const PAGE = 4_096

/** The file and the log, as they are at this moment. */
const snapshot = (path: string) => {
  const log = `${path}-wal`
  return { file: readFileSync(path), log: existsSync(log) ? readFileSync(log) : Buffer.alloc(0) }
}

/** The same as another process would find them after a crash. */
const opened = Effect.fnUntraced(function* (directory: string, file: Buffer, log: Buffer) {
  const path = join(directory, "crashed", "sessions.db")
  fs.rmSync(dirname(path), { recursive: true, force: true })
  mkdirSync(dirname(path), { mode: 0o700 })
  writeFileSync(path, file, { mode: 0o600 })
  writeFileSync(`${path}-wal`, log, { mode: 0o600 })
  return yield* open(SqliteSessionStore.layer({ path }))
})

describe("SQLite's log", () => {
  const changes: ReadonlyArray<Change> = [
    ...changesOf("sqlite").filter(({ before }) => before !== undefined),
    {
      name: "a put with a fence",
      before: "old",
      after: "new",
      run: (it) =>
        Effect.flatMap(it.lease(key("shared"), "1 minute"), (lease) =>
          it.put(session("shared", long), { fence: Option.getOrThrow(lease).fence })
        )
    }
  ]
  for (const change of changes) {
    it.live(
      `P03: sqlite: ${change.name} whose log ends anywhere, or has a hole anywhere, is done or not done`,
      () =>
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const path = join(directory, "sessions.db")
          const store = yield* open(SqliteSessionStore.layer({ path }))
          yield* store.put(session("other", "stays"))
          yield* store.put(session("shared", "old"))
          // Whoever still reads keeps the log from being cleared.
          const reader = yield* Effect.acquireRelease(
            Effect.sync(() => new DatabaseSync(path)),
            (it) => Effect.sync(() => it.close())
          )
          reader.exec("begin")
          reader.prepare("select count(*) from entries").get()
          const before = snapshot(path)
          yield* change.run(store)
          const after = snapshot(path)
          assert.isAbove(after.log.length, before.log.length)

          const look = (log: Buffer, what: string) =>
            Effect.scoped(
              Effect.gen(function* () {
                const again = yield* opened(directory, after.file, log)
                const entry = yield* again.get(key("shared"))
                const outcome = found(
                  Option.getOrUndefined(Option.map(entry, (it) => tokenOf(it.session) ?? ""))
                )
                assert.include([change.before, change.after], outcome, what)
                const other = Option.getOrThrow(yield* again.get(key("other")))
                assert.strictEqual(tokenOf(other.session), "stays")
                assert.strictEqual(yield* reasonOf(again.put(session("shared", "next"))), "no failure")
                return outcome
              })
            )

          const outcomes: Array<string | undefined> = []
          for (let end = before.log.length; end < after.log.length; end += SECTOR) {
            outcomes.push(yield* look(after.log.subarray(0, end), `cut at ${end}`))
            const holed = Buffer.from(after.log)
            holed.fill(0, end, Math.min(end + SECTOR, holed.length))
            yield* look(holed, `a hole at ${end}`)
          }
          outcomes.push(yield* look(after.log, "whole"))
          assert.isTrue(isOnce(outcomes, change), outcomes.join(" "))
          assert.strictEqual(outcomes.at(-1), change.after)
        }),
      TIMEOUT
    )
  }

  it.live("P03: sqlite: a log that was brought into the file up to any page loses nothing", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = join(directory, "sessions.db")
      const store = yield* open(SqliteSessionStore.layer({ path }))
      for (let n = 0; n < 10; n++) yield* store.put(session(`a${n}`, "t".repeat(900)))
      const { file, log } = snapshot(path)
      const whole = join(directory, "whole.db")
      copyFileSync(path, whole)
      copyFileSync(`${path}-wal`, `${whole}-wal`)
      yield* Effect.scoped(Effect.flatMap(open(SqliteSessionStore.layer({ path: whole })), (it) => it.list))
      const done = readFileSync(whole)
      assert.isAbove(statSync(whole).size, file.length)
      for (let end = 0; end <= done.length; end += PAGE / 2) {
        const partly = Buffer.concat([done.subarray(0, end), file.subarray(end)])
        yield* Effect.scoped(
          Effect.gen(function* () {
            const again = yield* opened(directory, partly, log)
            assert.strictEqual((yield* again.list).length, 10, `up to ${end}`)
            const last = Option.getOrThrow(yield* again.get(key("a9")))
            assert.strictEqual(tokenOf(last.session), "t".repeat(900))
          })
        )
      }
    })
  )
})

/** Stands between a store and its server, and cuts the connection around the n-th thing that is sent. */
interface Line {
  readonly port: number
  readonly cutAt: (n: number, when: "before" | "after") => void
  /** Whether it came to that; then it carries everything again. */
  readonly hasCut: () => boolean
}

const lineTo = (target: { readonly host: string; readonly port: number } | { readonly path: string }) =>
  Effect.acquireRelease(
    Effect.callback<Line & { readonly close: () => void }>((resume) => {
      let left = Infinity
      let isAfter = false
      const sockets = new Set<Socket>()
      const server = createServer((near) => {
        const far = connect(target)
        for (const socket of [near, far]) {
          sockets.add(socket)
          // Ours to cut, and theirs.
          socket.on("error", () => undefined)
        }
        near.on("data", (chunk: Buffer) => {
          if (--left > 0) {
            far.write(chunk)
            return
          }
          left = Infinity
          if (isAfter) far.end(chunk)
          else far.destroy()
          near.destroy()
        })
        far.on("data", (chunk: Buffer) => near.write(chunk))
        near.on("close", () => far.end())
        far.on("close", () => near.destroy())
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = isPort(address) ? address.port : 0
        const line = {
          port,
          cutAt: (n: number, when: "before" | "after") => {
            left = n
            isAfter = when === "after"
          },
          hasCut: () => left === Infinity,
          close: () => {
            for (const socket of sockets) socket.destroy()
            server.close()
          }
        }
        resume(Effect.succeed(line))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const isPort = (address: string | AddressInfo | null): address is AddressInfo => typeof address === "object"

interface Server {
  /** The store on the server itself, and the same through a line. */
  readonly straight: Layer.Layer<SessionStore, unknown>
  readonly through: Layer.Layer<SessionStore, unknown>
  readonly line: Line
}

const redis = Effect.gen(function* () {
  const { address, prefix } = yield* Effect.orDie(Effect.flatMap(redisServer, ownPrefix))
  const url = "url" in address ? new URL(address.url) : undefined
  const line = yield* lineTo(
    "url" in address
      ? { host: url?.hostname ?? "", port: Number(url?.port || 6379) }
      : { path: address.socket.path }
  )
  const by = new URL(url?.href ?? "redis://127.0.0.1")
  by.hostname = "127.0.0.1"
  by.port = String(line.port)
  const server: Server = {
    straight: openRedis(textOfRedis({ address, prefix })),
    through: openRedis(textOfRedis({ address: { url: by.href }, prefix })),
    line
  }
  return server
})

const postgres = Effect.gen(function* () {
  const found = Option.getOrThrow(yield* findPostgres)
  const schema = yield* freshSchema(found)
  const url = new URL(Redacted.value(found.url))
  const folder = url.searchParams.get("host")
  const line = yield* lineTo(
    folder === null
      ? { host: url.hostname, port: Number(url.port || 5432) }
      : { path: join(folder, ".s.PGSQL.5432") }
  )
  const by = new URL(`postgres://127.0.0.1:${line.port}${url.pathname}`)
  by.username = url.username || (url.searchParams.get("user") ?? "")
  by.password = url.password
  const server: Server = {
    straight: openPostgres(textOfPostgres({ url: found.url, schema })),
    through: openPostgres(textOfPostgres({ url: Redacted.make(by.href), schema })),
    line
  }
  return server
})

const hasPostgres = Option.isSome(await Effect.runPromise(Effect.scoped(findPostgres)))
if (!hasPostgres) {
  process.stderr.write(
    "SKIPPED: what cuts connections to PostgreSQL. There is none; `npm run services` installs one\n"
  )
}

const servers = [
  ["redis", redis, hasRedis],
  ["postgres", postgres, hasPostgres]
] as const

describe("a connection that is cut", () => {
  const changes: ReadonlyArray<Change> = [
    {
      name: "a first put",
      before: undefined,
      after: "new",
      run: (it) => it.put(session("shared", long), { expected: Option.none() })
    },
    {
      name: "a put over an entry",
      before: "old",
      after: "new",
      run: (it) => it.put(session("shared", long))
    },
    { name: "a removal", before: "old", after: undefined, run: (it) => it.remove(key("shared")) }
  ]

  for (const [name, server, isThere] of servers) {
    for (const change of changes) {
      it.live.skipIf(!isThere)(
        `P03: ${name}: around any thing that ${change.name} sends leaves what was or what was to be`,
        () =>
          Effect.gen(function* () {
            const { line, straight, through } = yield* server
            const sure = yield* open(straight)
            const store = yield* open(through)
            const look = Effect.map(sure.get(key("shared")), (entry) =>
              found(Option.getOrUndefined(Option.map(entry, (it) => tokenOf(it.session) ?? "")))
            )
            let cuts = 0
            for (let n = 1; ; n++) {
              for (const when of ["before", "after"] as const) {
                yield* sure.remove(key("shared"))
                if (change.before !== undefined) yield* sure.put(session("shared", change.before))
                line.cutAt(n, when)
                const reason = yield* reasonOf(change.run(store))
                const outcome = yield* look
                const what = `cut ${when} ${n}: ${reason}`
                if (!line.hasCut()) {
                  line.cutAt(Infinity, "after")
                  assert.deepStrictEqual([reason, outcome], ["no failure", change.after], what)
                  assert.isAbove(cuts, 0)
                  return
                }
                cuts++
                // It may have asked again, and then its own first attempt is in its way.
                assert.include(["no failure", "Unavailable", "Conflict"], reason, what)
                assert.include([change.before, change.after], outcome, what)
                if (reason === "no failure") assert.strictEqual(outcome, change.after, what)
                // The next one finds a whole connection again.
                assert.strictEqual(yield* reasonOf(store.put(session("shared", "next"))), "no failure", what)
                assert.strictEqual(yield* look, "next", what)
              }
            }
          }),
        TIMEOUT
      )
    }

    it.live.skipIf(!isThere)(
      `P10: ${name}: around any thing that a renewal sends leaves a mark or none, and one holder`,
      () =>
        Effect.gen(function* () {
          const { line, straight, through } = yield* server
          const sure = yield* open(straight)
          const store = yield* open(through)
          for (const when of ["before", "after"] as const) {
            for (const verb of ["mark", "extend", "release"] as const) {
              const account = `${verb} ${when}`
              const lease = Option.getOrThrow(yield* store.lease(key(account), "1 minute"))
              line.cutAt(1, when)
              const reason = yield* reasonOf(verb === "mark" ? lease.mark(Option.some("v")) : lease[verb])
              assert.isTrue(line.hasCut())
              assert.include(["no failure", "Unavailable"], reason, account)
              // Whoever holds it is the only one, and can go on.
              const rival = yield* sure.lease(key(account), "1 minute")
              if (verb !== "release") {
                assert.isTrue(Option.isNone(rival), account)
                assert.strictEqual(yield* reasonOf(lease.extend), "no failure", account)
                yield* lease.release
              } else if (Option.isNone(rival)) {
                assert.strictEqual(reason, "Unavailable", account)
                yield* lease.release
              }
              const next = Option.isSome(rival) ? rival : yield* sure.lease(key(account), "1 minute")
              const { marked } = Option.getOrThrow(next)
              if (verb === "mark" && reason === "no failure") assert.deepStrictEqual(marked, Option.some("v"))
              assert.include(
                ["none", "v"],
                Option.getOrElse(marked, () => "none"),
                account
              )
            }
          }
        }),
      TIMEOUT
    )
  }
})
