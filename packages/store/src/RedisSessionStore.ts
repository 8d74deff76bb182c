/**
 * Sessions in Redis, shared by any number of machines.
 *
 * Works over `Redis` of `effect/persistence/Redis`, such as `NodeRedis.layer` of `@effect/platform-node`. Every change is one
 * script; a lease runs by the server's clock, so that those of the machines do not matter. No entry ever expires: it stays
 * until it is removed, and some 150 bytes about its lease stay after it. As many about each write stay for `patience`, by which
 * it is known when its answer was lost and it is asked for again: it is done once. All keys of one prefix live on one node of a
 * cluster.
 *
 * A write survives what the server survives: see `onLossyServer`. A replica that is promoted may lack the last writes,
 * leases among them. Tokens are in the clear in the server's memory, on its disk, on its replicas and, while it logs them, in
 * its slow log, and on the way to it unless the connection is encrypted: `EncryptedSessionStore` around this store seals them.
 *
 * A server that is away, or refuses, is `Unavailable` after `patience` at the latest. Whether a write whose answer was lost was done
 * is then open, but it is not done later. An entry that cannot be read is left out of `list`, with a warning in the log.
 *
 * @since 0.1.0
 */
import type { SessionKey } from "@latchkey/core/SessionKey"
import {
  type Entry,
  matches,
  SessionStore,
  summarize,
  type Summary,
  type Version
} from "@latchkey/core/SessionStore"
import { Conflict, CorruptEntry, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as StoredSession from "@latchkey/core/StoredSession"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Redis } from "effect/persistence/Redis"
import { randomUUID } from "node:crypto"
import { unavailable, type Where } from "./internal/explainFailure.ts"
import { noLongerYours } from "./internal/leases.ts"
import { leaseInRedis } from "./internal/leasesInRedis.ts"
import { askRedis } from "./internal/whatRedisAnswers.ts"
import { whatRedisMayLose } from "./internal/whatRedisMayLose.ts"
import { page, put, read, remove } from "./internal/whatRedisRuns.ts"
import { keyOf, keysUnder } from "./internal/whereRedisKeepsIt.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Every key begins with it, in braces. Programs with different prefixes have different stores. For a cluster it must have no
   * braces of its own and not be empty. Default: `latchkey`.
   */
  readonly prefix?: string
  /**
   * How long the server may take for one operation, restarts and lost connections included. Default: 5 seconds; `SessionRef`
   * itself waits no longer than 10.
   */
  readonly patience?: Duration.Input
  /**
   * What to do about a server that evicts keys that never expire, keeps no append-only file, or does not tell. Whether
   * it flushes that file with every write (`appendfsync always`) is not asked. Default: `warn`, in the log.
   */
  readonly onLossyServer?: "warn" | "refuse"
}

const PATIENCE = Duration.seconds(5)

/** How many ids are asked for at a time. */
const PAGE = 500

/** How many entries are asked for at a time: the server does nothing else meanwhile. */
const CHUNK = 100

/**
 * Looks whether the server is there, and what is kept there. Fails with `Unavailable` where it is not or may lose sessions and
 * `onLossyServer` refuses, and with `Corrupt` where what is there is damaged, not a store, or of a newer release; it
 * is left as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<SessionStore["Service"], SessionStoreError, Redis> {
  const { onLossyServer, patience = PATIENCE, prefix = "latchkey" } = options
  const where: Where = { provider: "redis", instance: prefix }
  const keys = keysUnder(prefix)
  const ask = askRedis(yield* Redis, where, Duration.fromInputUnsafe(patience))
  const ofEntries = [keys.store, keys.order]

  /** Ids after a place in the order, and the place after which there are more. */
  const idsAfter = (place: string) =>
    Effect.map(ask.run(page, ofEntries, [place, String(PAGE)]), ({ told: [flat] }) => {
      const texts: ReadonlyArray<unknown> = Array.isArray(flat) ? flat : []
      return {
        ids: texts.filter((_, n) => n % 2 === 0).map(String),
        more: texts.length < 2 * PAGE ? undefined : `(${String(texts.at(-1))}`
      }
    })

  const readAll = (ids: ReadonlyArray<string>) =>
    Effect.map(ask.run(read, [...ofEntries, ...ids.map(keys.entry)], ids), ({ told: [found] }) =>
      ids.map((id, n) => foundIn(Array.isArray(found) ? found[n] : undefined, id))
    )

  yield* idsAfter("+inf")
  const loss = whatRedisMayLose(yield* ask.send("INFO"))
  if (loss !== undefined) {
    if (onLossyServer === "refuse") return yield* unavailable(where, loss)
    yield* Effect.logWarning(loss)
  }

  /** What is there and whole needs no script. */
  const get = (key: SessionKey) =>
    Effect.flatMap(ask.send("HMGET", keys.entry(key.id), "version", "line"), (fields) => {
      const found = foundIn(fields, key.id)
      return typeof found === "string" ? getByScript(key) : Effect.succeed(Option.some(found))
    })

  const getByScript = Effect.fnUntraced(function* (key: SessionKey) {
    const [found = "unreadable"] = yield* readAll([key.id])
    if (found === "unreadable") return yield* unreadable(where, key)
    return found === "nothing" ? Option.none() : Option.some(found)
  })

  return SessionStore.of({
    get,
    find: Effect.fnUntraced(function* (query) {
      const { account, instance, provider } = query
      if (provider !== undefined && instance !== undefined && account !== undefined) {
        const key = keyOf(JSON.stringify([provider, instance, account]))
        return Option.isNone(key) ? Option.none() : yield* get(key.value)
      }
      for (let place: string | undefined = FIRST; place !== undefined;) {
        const { ids, more }: Page = yield* idsAfter(place)
        for (const key of ids.flatMap((id) => Option.toArray(keyOf(id)))) {
          const entry = matches(key, query) ? yield* get(key) : Option.none()
          if (Option.isSome(entry)) return entry
        }
        place = more
      }
      return Option.none()
    }),
    list: Effect.gen(function* () {
      // One that is removed and put again meanwhile is met twice, and comes last.
      const listed = new Map<string, Summary | "nothing" | "unreadable">()
      for (let place: string | undefined = FIRST; place !== undefined;) {
        const { ids, more }: Page = yield* idsAfter(place)
        for (let n = 0; n < ids.length; n += CHUNK) {
          const chunk = ids.slice(n, n + CHUNK)
          for (const [m, found] of (yield* readAll(chunk)).entries()) {
            const id = chunk[m] ?? ""
            listed.delete(id)
            listed.set(id, typeof found === "string" ? found : summarize(found.session))
          }
        }
        place = more
      }
      const all = Array.from(listed.values())
      const damaged = all.filter((one) => one === "unreadable").length
      if (damaged > 0)
        yield* Effect.logWarning(`${prefix}: ${damaged} damaged entries are left out of the list`)
      return all.filter((one) => typeof one !== "string")
    }),
    put: (session, { expected, fence } = {}) =>
      Effect.suspend(() => {
        const { key } = session
        const entry: Entry = { session, version: randomUUID() }
        const args = [
          key.id,
          entry.version,
          StoredSession.encode(session),
          ...expectation(expected),
          fence === undefined ? "" : String(fence)
        ]
        return Effect.flatMap(
          ask.run(
            put,
            [...ofEntries, keys.entry(key.id), keys.lease(key.id), keys.done(entry.version)],
            args
          ),
          ({ word }) => {
            if (word === "unreadable") return Effect.fail(unreadable(where, key))
            if (word === "fenced") return Effect.fail(noLongerYours(where, key))
            return word === "moved" ? Effect.fail(moved(where, key)) : Effect.succeed(entry)
          }
        )
      }),
    remove: (key, { expected } = {}) =>
      Effect.flatMap(
        ask.run(
          remove,
          [...ofEntries, keys.entry(key.id), keys.done(randomUUID())],
          [key.id, ...expectation(expected === undefined ? undefined : Option.some(expected))]
        ),
        ({ word }) => (word === "moved" ? Effect.fail(moved(where, key)) : Effect.succeed(word === "ok"))
      ),
    lease: (key, ttl) => leaseInRedis(ask, where, [keys.store, keys.lease(key.id)], key, ttl)
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<SessionStore, SessionStoreError, Redis> =>
  Layer.effect(SessionStore, make(options))

/**
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<SessionStore, SessionStoreError | Config.ConfigError, Redis> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

interface Page {
  readonly ids: ReadonlyArray<string>
  readonly more: string | undefined
}

/** No place is before it. */
const FIRST = "-inf"

/** The fields of an entry. Those of another key, in its place, are somebody else's session. */
const foundIn = (fields: unknown, id: string): Entry | "nothing" | "unreadable" => {
  const [version, line]: ReadonlyArray<unknown> = Array.isArray(fields) ? fields : ["", undefined]
  if (version === undefined) return "nothing"
  if (typeof version !== "string" || typeof line !== "string") return "unreadable"
  const session = Option.getOrUndefined(StoredSession.decode(line))
  return session?.key.id === id ? { session, version } : "unreadable"
}

const expectation = (
  expected: Option.Option<Version> | undefined
): readonly [expects: string, version: string] => {
  if (expected === undefined) return ["any", ""]
  return Option.isNone(expected) ? ["free", ""] : ["version", expected.value]
}

const moved = (where: Where, key: SessionKey) =>
  SessionStoreError.because(
    where,
    new Conflict({ message: `the session of ${key.account} has changed since it was read: read it again` })
  )

const unreadable = (where: Where, key: SessionKey) =>
  SessionStoreError.because(
    where,
    new CorruptEntry({ message: `the session of ${key.account} cannot be read: remove it and sign in again` })
  )
