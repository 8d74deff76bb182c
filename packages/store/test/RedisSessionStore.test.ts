import { NodeRedis } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Session } from "@latchkey/core/Session"
import type { SessionStore } from "@latchkey/core/SessionStore"
import type { SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as RedisSessionStore from "@latchkey/store/RedisSessionStore"
import { Canary, SessionStoreContract } from "@latchkey/testing"
import { Clock, Config, DateTime, Duration, Effect, Layer, Logger, Option } from "effect"
import { Redis } from "effect/persistence"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { connect, createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Task } from "./redisChild.ts"
import {
  type Address,
  connected,
  hasPrivateRedis,
  hasRedis,
  ownPrefix,
  privateRedis,
  redisServer
} from "./redisServer.ts"
import { environment, key, open, reasonOf, session, temporaryDirectory, tokenOf } from "./support.ts"
import { assertTurns } from "./takingTurns.ts"

const { layer } = RedisSessionStore

/** The tests whose server stays as it is, and those that stop it or set it up. */
const itLive = it.live.skipIf(!hasRedis)
const itStops = it.live.skipIf(!hasPrivateRedis)

const place = Effect.flatMap(redisServer, ownPrefix)
type Place = Effect.Success<typeof place>

/** The store as one more process would open it. What node-redis logs of lost connections is no matter here. */
const opened = (
  { address, prefix }: Pick<Place, "address" | "prefix">,
  options?: RedisSessionStore.Options
) =>
  open(layer({ prefix, ...options }).pipe(Layer.provide(Layer.orDie(NodeRedis.layer(address))))).pipe(quietly)

const quietly = Effect.provide(Logger.layer([]))

/** With a `Redis` made by hand, or changed. */
const over = (redis: Redis.Redis["Service"], prefix: string, options?: RedisSessionStore.Options) =>
  open(layer({ prefix, ...options }).pipe(Layer.provide(Layer.succeed(Redis.Redis, redis)))).pipe(quietly)

/** As node-redis says it. */
const connectionLost = new Redis.RedisError({ cause: new Error("Socket closed unexpectedly") })

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

const really = (duration: Duration.Duration) =>
  Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, Duration.toMillis(duration))))

/** Where the test is that runs now. */
let here: Place | undefined

/**
 * Every lease ends so much earlier. To wait until it has ended would be a race: what a test does before the end takes its
 * time too, on a busy machine more than a lease is long.
 */
const passTime = (duration: Duration.Duration) =>
  Effect.gen(function* () {
    const { keys, prefix, redis } = here ?? (yield* Effect.die(new Error("time passes nowhere")))
    for (const lease of (yield* keys).filter((one) => one.startsWith(`{${prefix}}:lease:`))) {
      if ((yield* redis.send("HGET", lease, "until")) === "0") continue
      yield* redis.send("HINCRBY", lease, "until", String(-Duration.toMillis(duration)))
    }
  }).pipe(Effect.orDie)

if (hasRedis) {
  SessionStoreContract.suite(
    "RedisSessionStore",
    Effect.gen(function* () {
      // How long an answer is waited for is of the test clock, which nobody has to move.
      yield* TestClock.adjust(0)
      here = yield* place
      return layer({ prefix: here.prefix }).pipe(Layer.provide(NodeRedis.layer(here.address)))
    }),
    { passTime, ttl: 60_000 }
  )
}

const entryKey = (prefix: string, account: string) => `{${prefix}}:entry:${key(account).id}`
const leaseKey = (prefix: string, account: string) => `{${prefix}}:lease:${key(account).id}`

/** The verbs, each on an account that is there. */
const verbs = (
  store: SessionStore["Service"]
): Record<string, Effect.Effect<unknown, SessionStoreError>> => ({
  get: store.get(key("ops")),
  find: store.find({ account: "ops" }),
  list: store.list,
  put: store.put(session("ops", "t")),
  remove: store.remove(key("ops")),
  lease: store.lease(key("ops"), "1 minute")
})

/** Everything under the prefix, byte for byte. */
const everything = ({ keys, redis }: Place) =>
  Effect.flatMap(keys, (all) =>
    Effect.forEach(all, (one) => Effect.map(redis.send<unknown>("DUMP", one), (dump) => [one, String(dump)]))
  )

describe("the keys", () => {
  itLive("all begin with the prefix in braces, and none that is of a session ever expires", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      const over = new Session({ ...session("ops", "t"), endsAt: DateTime.makeUnsafe(1) })
      yield* store.put(over)
      yield* store.lease(key("ops"), "1 millis")
      const keys = (yield* at.keys).filter((one) => !one.startsWith(`{${at.prefix}}:done:`))
      assert.deepStrictEqual(keys, [
        entryKey(at.prefix, "ops"),
        leaseKey(at.prefix, "ops"),
        `{${at.prefix}}:order`,
        `{${at.prefix}}:store`
      ])
      for (const one of keys) assert.strictEqual(yield* at.redis.send("TTL", one), -1)
      yield* at.redis.send("EXPIRE", entryKey(at.prefix, "ops"), "1000")
      yield* store.put(over)
      assert.strictEqual(yield* at.redis.send("TTL", entryKey(at.prefix, "ops")), -1)
    })
  )

  itLive("stores with different prefixes see nothing of each other", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* place, yield* place]
      const [first, second] = [yield* opened(one), yield* opened(other)]
      yield* first.put(session("ops", "t"))
      yield* first.lease(key("ops"), "1 minute")
      assert.isTrue(Option.isNone(yield* second.get(key("ops"))))
      assert.isTrue(Option.isSome(yield* second.lease(key("ops"), "1 minute")))
      assert.deepStrictEqual(yield* second.list, [])
    })
  )

  itStops("a node of a cluster finds all keys of each script in one slot", () =>
    Effect.gen(function* () {
      const { address } = yield* privateRedis({ "cluster-enabled": "yes" })
      const redis = yield* connected(address)
      yield* redis.send("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
      const at = { address, prefix: "some where" }
      const store = yield* opened(at)
      for (const account of ["a", "b", "c"]) yield* store.put(session(account, "t"))
      const lease = Option.getOrThrow(yield* store.lease(key("b"), "1 minute"))
      yield* lease.mark(Option.some("v"))
      yield* store.put(session("b", "u"), { fence: lease.fence })
      yield* lease.release
      assert.strictEqual((yield* store.list).length, 3)
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.find({ account: "b" })).session), "u")
      assert.isTrue(yield* store.remove(key("a")))
      assert.strictEqual(yield* reasonOf(opened({ address, prefix: "" })), "Unavailable")
    })
  )

  itLive("more entries than are read at a time are all listed, in order, and found", () =>
    Effect.gen(function* () {
      const store = yield* opened(yield* place)
      const accounts = numbers(1_001).map((n) => `a${(n * 7919) % 1_001}`)
      for (const account of accounts) yield* store.put(session(account, account))
      const listed = (yield* store.list).map(({ key }) => key.account)
      assert.deepStrictEqual(listed, accounts)
      const last = accounts.at(-1) ?? ""
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.find({ account: last })).session), last)
      assert.isTrue(Option.isNone(yield* store.find({ account: "nobody" })))
    })
  )

  itLive("an entry that is removed and put again while all are listed is listed once, where it is then", () =>
    Effect.gen(function* () {
      const at = yield* place
      const accounts = numbers(501).map((n) => `a${n}`)
      const other = yield* opened(at)
      for (const account of accounts) yield* other.put(session(account, account))
      let asked = 0
      const redis: Redis.Redis["Service"] = {
        ...at.redis,
        eval:
          (script) =>
          (...params) =>
            Effect.andThen(
              // After the first page of ids and its entries.
              asked++ === 7
                ? Effect.orDie(Effect.andThen(other.remove(key("a0")), other.put(session("a0", "again"))))
                : Effect.void,
              at.redis.eval(script)(...params)
            )
      }
      const store = yield* over(redis, at.prefix)
      const listed = (yield* store.list).map(({ key }) => key.account)
      assert.deepStrictEqual(listed, [...accounts.slice(1), "a0"])
    })
  )
})

describe("damage", () => {
  /** One entry that is not what was put. */
  const entries: Record<string, (at: Place, ops: string, other: string) => Effect.Effect<unknown, unknown>> =
    {
      "a key of another kind": ({ redis }, ops) => redis.send("SET", ops, "text"),
      "a line that is none": ({ redis }, ops) => redis.send("HSET", ops, "line", "{}"),
      "no line": ({ redis }, ops) => redis.send("HDEL", ops, "line"),
      "no version": ({ redis }, ops) => redis.send("HDEL", ops, "version"),
      "the session of another key": ({ redis }, ops, other) => redis.send("COPY", other, ops, "REPLACE"),
      "an entry that was evicted": ({ redis }, ops) => redis.send("DEL", ops)
    }
  for (const [name, damage] of Object.entries(entries)) {
    itLive(`${name} is CorruptEntry, hides no other, and goes with a removal`, () =>
      Effect.gen(function* () {
        const at = yield* place
        const store = yield* opened(at)
        const { version } = yield* store.put(session("ops", "t"))
        yield* store.put(session("other", "t"))
        yield* damage(at, entryKey(at.prefix, "ops"), entryKey(at.prefix, "other"))
        const before = yield* everything(at)
        assert.strictEqual(yield* reasonOf(store.get(key("ops"))), "CorruptEntry")
        assert.strictEqual(yield* reasonOf(store.find({ account: "ops" })), "CorruptEntry")
        assert.strictEqual(yield* reasonOf(store.find({})), "CorruptEntry")
        const logged = yield* Effect.gen(function* () {
          assert.deepStrictEqual(
            (yield* store.list).map(({ key }) => key.account),
            ["other"]
          )
          return yield* (yield* Canary.Captured).everything
        }).pipe(Effect.provide(Canary.capture))
        assert.isTrue(logged.some(({ text, where }) => where === "log" && text.includes(at.prefix)))
        assert.isTrue(Option.isSome(yield* store.get(key("other"))))
        const fresh = store.put(session("ops", "u"), { expected: Option.none() })
        assert.include(["Conflict", "CorruptEntry"], yield* reasonOf(fresh))
        const stale = store.put(session("ops", "u"), { expected: Option.some(`${version}-`) })
        assert.include(["Conflict", "CorruptEntry"], yield* reasonOf(stale))
        assert.deepStrictEqual(yield* everything(at), before)
        assert.isTrue(yield* store.remove(key("ops")))
        assert.isTrue(Option.isNone(yield* store.get(key("ops"))))
        yield* store.put(session("ops", "u"), { expected: Option.none() })
        assert.deepStrictEqual(
          (yield* store.list).map(({ key }) => key.account),
          ["other", "ops"]
        )
      })
    )
  }

  itLive("a put without conditions replaces a line that cannot be read, and no key of another kind", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      const ops = entryKey(at.prefix, "ops")
      yield* store.put(session("ops", "t"))
      yield* at.redis.send("HSET", ops, "line", "{}")
      yield* store.put(session("ops", "u"))
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(key("ops"))).session), "u")
      yield* at.redis.send("SET", ops, "text")
      assert.strictEqual(yield* reasonOf(store.put(session("ops", "v"))), "CorruptEntry")
      assert.strictEqual(yield* at.redis.send("GET", ops), "text")
    })
  )

  itLive("an entry that appeared under a key of ours is CorruptEntry, and is not overwritten", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      yield* store.put(session("ops", "t"))
      yield* at.redis.send("COPY", entryKey(at.prefix, "ops"), entryKey(at.prefix, "moved"))
      assert.strictEqual(yield* reasonOf(store.get(key("moved"))), "CorruptEntry")
      assert.strictEqual(yield* reasonOf(store.put(session("moved", "u"))), "CorruptEntry")
      assert.isTrue(yield* store.remove(key("moved")))
      assert.strictEqual((yield* store.list).length, 1)
      yield* store.put(session("moved", "u"))
    })
  )

  /** The whole store is not what it was. */
  const stores: Record<string, (at: Place, head: string) => Effect.Effect<unknown, unknown>> = {
    "the order was evicted": ({ redis }, head) => redis.send("DEL", `${head}:order`),
    "the order lacks an entry": ({ redis }, head) => redis.send("ZREM", `${head}:order`, key("ops").id),
    "the order is of another kind": ({ redis }, head) => redis.send("SET", `${head}:order`, "text"),
    "the count was evicted": ({ redis }, head) => redis.send("DEL", `${head}:store`),
    "the count is wrong": ({ redis }, head) => redis.send("HINCRBY", `${head}:store`, "count", "1"),
    "another program's key": ({ redis }, head) => redis.send("SET", `${head}:store`, "text"),
    "another program's hash": ({ redis }, head) => redis.send("HDEL", `${head}:store`, "format"),
    "a format of no release": ({ redis }, head) => redis.send("HSET", `${head}:store`, "format", "x"),
    "a newer release": ({ redis }, head) => redis.send("HSET", `${head}:store`, "format", "2")
  }
  for (const [name, damage] of Object.entries(stores)) {
    itLive(`${name}: everything that looks for entries is Corrupt, and all is left as it is`, () =>
      Effect.gen(function* () {
        const at = yield* place
        const store = yield* opened(at)
        yield* store.put(session("ops", "t"))
        yield* store.put(session("other", "t"))
        yield* damage(at, `{${at.prefix}}`)
        const before = yield* everything(at)
        assert.strictEqual(yield* reasonOf(opened(at)), "Corrupt")
        assert.strictEqual(yield* reasonOf(store.get(key("nobody"))), "Corrupt")
        const { list, put, remove } = verbs(store)
        for (const verb of [list, put, remove, store.find({ account: "nobody" })]) {
          assert.strictEqual(yield* reasonOf(verb ?? Effect.void), "Corrupt")
        }
        assert.deepStrictEqual(yield* everything(at), before)
      })
    )
  }

  itLive("under a newer release no lease is given, extended, marked or released", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      yield* store.put(session("ops", "t"))
      const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      yield* at.redis.send("HSET", `{${at.prefix}}:store`, "format", "2")
      const before = yield* everything(at)
      const { extend, mark, release } = lease
      for (const verb of [store.lease(key("other"), "1 minute"), extend, mark(Option.some("v")), release]) {
        assert.strictEqual(yield* reasonOf(verb), "Corrupt")
      }
      assert.deepStrictEqual(yield* everything(at), before)
    })
  )

  const leases: Record<string, (at: Place, lease: string) => Effect.Effect<unknown, unknown>> = {
    "of another kind": ({ redis }, lease) => redis.send("SET", lease, "text"),
    "without a fence": ({ redis }, lease) => redis.send("HDEL", lease, "fence"),
    "with a fence that is no number": ({ redis }, lease) => redis.send("HSET", lease, "fence", "x"),
    "with a fence past all numbers": ({ redis }, lease) =>
      redis.send("HSET", lease, "fence", "9007199254740991"),
    "without an end": ({ redis }, lease) => redis.send("HDEL", lease, "until"),
    "without a life": ({ redis }, lease) => redis.send("HDEL", lease, "life")
  }
  for (const [name, damage] of Object.entries(leases)) {
    itLive(`a lease ${name} is Corrupt, and keeps nobody from the entries`, () =>
      Effect.gen(function* () {
        const at = yield* place
        const store = yield* opened(at)
        yield* store.put(session("ops", "t"))
        const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
        yield* damage(at, leaseKey(at.prefix, "ops"))
        const before = yield* everything(at)
        assert.strictEqual(yield* reasonOf(store.lease(key("ops"), "1 minute")), "Corrupt")
        if (name === "of another kind") {
          assert.strictEqual(yield* reasonOf(lease.extend), "Corrupt")
          assert.strictEqual(
            yield* reasonOf(store.put(session("ops", "u"), { fence: lease.fence })),
            "Corrupt"
          )
        }
        assert.deepStrictEqual(yield* everything(at), before)
        yield* store.put(session("ops", "u"))
      })
    )
  }
})

/** As if the server's clock had been set back. */
const setBack = ({ prefix, redis }: Place, millis: number) =>
  Effect.gen(function* () {
    const until = yield* redis.send<string>("HGET", leaseKey(prefix, "ops"), "until")
    yield* redis.send("HSET", leaseKey(prefix, "ops"), "until", String(Number(until) + millis))
  })

describe("leases by the server's clock", () => {
  itLive("a lease ends by itself when its time is over, and extending starts it anew", () =>
    Effect.gen(function* () {
      const store = yield* opened(yield* place)
      const first = Option.getOrThrow(yield* store.lease(key("ops"), 50))
      yield* really(Duration.millis(100))
      yield* first.extend
      yield* really(Duration.millis(100))
      const second = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      assert.isAbove(second.fence, first.fence)
      assert.strictEqual(yield* reasonOf(first.extend), "Conflict")
      assert.isTrue(Option.isNone(yield* store.lease(key("ops"), 50)))
    })
  )

  itLive("a clock that is set back a little ends no lease, and set back far keeps no key for ever", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      yield* store.lease(key("ops"), "10 minutes")
      yield* setBack(at, 9 * 60_000)
      assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "10 minutes")))
      yield* setBack(at, 2 * 60_000)
      assert.isTrue(Option.isSome(yield* store.lease(key("ops"), "10 minutes")))
    })
  )

  it.effect.skipIf(!hasRedis)("the clocks of the machines do not matter, nor that they are set", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      yield* TestClock.setTime(3_600_000)
      const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      yield* TestClock.setTime(0)
      assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "1 minute")))
      yield* store.put(session("ops", "t"), { fence: lease.fence })
      yield* TestClock.setTime(7_200_000)
      assert.isTrue(Option.isNone(yield* (yield* opened(at)).lease(key("ops"), "1 minute")))
      yield* lease.extend
    })
  )

  itLive("another server whose clock is an hour ahead or behind, or that was set, refuses nothing", () =>
    Effect.gen(function* () {
      const at = yield* place
      const hour = 3_600_000_000
      let ahead = 0
      const redis = yield* Redis.make({
        // After the keys comes until when it may be done, and after a word when it was.
        send: (command, ...args) => {
          const until = 2 + Number(args[1])
          const told = command === "EVALSHA" ? args.with(until, String(Number(args[until]) - ahead)) : args
          return Effect.tap(at.redis.send(command, ...told), (reply) =>
            Effect.sync(() => {
              if (command === "EVALSHA" && Array.isArray(reply)) reply[1] = String(Number(reply[1]) + ahead)
            })
          )
        },
        subscribe: () => Effect.succeed(Effect.never),
        connect: Effect.fail(connectionLost)
      })
      const store = yield* over(redis, at.prefix)
      for (const clock of [0, hour, 0, -hour, hour]) {
        ahead = clock
        yield* store.put(session("ops", String(clock)))
        const { session: stored } = Option.getOrThrow(yield* store.get(key("ops")))
        assert.strictEqual(tokenOf(stored), String(clock))
      }
    })
  )

  itLive("fences grow even where the record of the last lease was lost", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      const lost = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      yield* at.redis.send("DEL", leaseKey(at.prefix, "ops"))
      assert.strictEqual(yield* reasonOf(store.put(session("ops", "t"), { fence: lost.fence })), "Conflict")
      const next = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      assert.isAbove(next.fence, lost.fence)
      assert.isTrue(Number.isSafeInteger(next.fence))
      assert.strictEqual(yield* reasonOf(lost.extend), "Conflict")
    })
  )

  itLive("fences grow even where the server's clock is behind the last one", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at)
      const ahead = 2 ** 52
      yield* store.lease(key("ops"), 1)
      yield* at.redis.send("HSET", leaseKey(at.prefix, "ops"), "fence", String(ahead), "until", "0")
      assert.strictEqual(Option.getOrThrow(yield* store.lease(key("ops"), 1)).fence, ahead + 1)
    })
  )
})

/** How long it takes, by the real clock. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const answer = yield* effect
    return [answer, (yield* Clock.currentTimeMillis) - start] as const
  })

describe("a server that is away", () => {
  const alone = Effect.fnUntraced(function* (
    options?: RedisSessionStore.Options,
    settings?: Record<string, string>
  ) {
    const server = yield* privateRedis(settings)
    const at = { address: server.address, prefix: "p" }
    return { at, server, store: yield* opened(at, options) }
  })

  itLive("where nobody listens, the layer fails", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "nobody.sock")
      const nobody = layer().pipe(Layer.provide(NodeRedis.layer({ socket: { path, tls: false } })))
      assert.strictEqual((yield* Effect.flip(open(nobody)))._tag, "RedisError")
    }).pipe(quietly)
  )

  itStops("is Unavailable within the patience, and is there again as soon as it is back", () =>
    Effect.gen(function* () {
      const { server, store } = yield* alone({ patience: 300 }, { appendonly: "yes" })
      yield* store.put(session("ops", "t"))
      const lease = Option.getOrThrow(yield* store.lease(key("other"), "1 minute"))
      yield* server.stop()
      const all = { ...verbs(store), extend: lease.extend, mark: lease.mark(Option.none()) }
      const [reasons, millis] = yield* timed(
        Effect.forEach(Object.values(all), reasonOf, { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(new Set(reasons), new Set(["Unavailable"]))
      assert.isBelow(millis, 3_000)
      assert.strictEqual(yield* reasonOf(Effect.uninterruptible(store.list)), "Unavailable")
      yield* server.start
      const patient = yield* Effect.retry(store.get(key("ops")), { times: 20 })
      assert.strictEqual(tokenOf(Option.getOrThrow(patient).session), "t")
    })
  )

  itStops(
    "that does not answer is Unavailable within the patience, and does later nothing of what it was asked",
    () =>
      Effect.gen(function* () {
        const { server, store } = yield* alone({ patience: 300 })
        const before = yield* store.put(session("ops", "before"))
        yield* server.signal("SIGSTOP")
        const changes: ReadonlyArray<Effect.Effect<unknown, SessionStoreError>> = [
          store.put(session("ops", "late")),
          store.put(session("late", "late")),
          store.remove(key("ops")),
          store.lease(key("ops"), "1 minute")
        ]
        const [reasons, millis] = yield* timed(
          Effect.forEach(changes, (change) => reasonOf(Effect.uninterruptible(change)), {
            concurrency: "unbounded"
          })
        )
        assert.deepStrictEqual(
          reasons,
          changes.map(() => "Unavailable")
        )
        assert.isBelow(millis, 3_000)
        yield* server.signal("SIGCONT")
        const after = Option.getOrThrow(yield* Effect.retry(store.get(key("ops")), { times: 20 }))
        assert.deepStrictEqual([tokenOf(after.session), after.version], ["before", before.version])
        assert.isTrue(Option.isNone(yield* store.get(key("late"))))
        assert.isTrue(Option.isSome(yield* store.lease(key("ops"), "1 minute")))
      })
  )

  itStops(
    "in the middle, and back within the patience, loses nothing and fails nobody",
    () =>
      Effect.gen(function* () {
        const { server, store } = yield* alone(
          { patience: "20 seconds" },
          { appendonly: "yes", appendfsync: "always" }
        )
        yield* store.put(session("counter", "0"))
        let stopped = 0
        const one = Effect.fnUntraced(function* (n: number) {
          for (let round = 0; round < 20; round++) {
            yield* store.put(session(`a${n}`, String(round)))
            const lease = Option.getOrThrow(yield* store.lease(key(`a${n}`), "1 minute"))
            yield* lease.mark(Option.some("v"))
            const entry = Option.getOrThrow(yield* store.get(key(`a${n}`)))
            yield* store.put(session(`a${n}`, `${round}-renewed`), {
              expected: Option.some(entry.version),
              fence: lease.fence
            })
            yield* lease.release
            if (n === 0 && round % 7 === 3) {
              stopped++
              yield* server.stop()
              yield* server.start
            }
          }
        })
        yield* Effect.forEach(numbers(10), one, { concurrency: "unbounded", discard: true })
        assert.strictEqual(stopped, 3)
        for (const n of numbers(10)) {
          const entry = Option.getOrThrow(yield* store.get(key(`a${n}`)))
          assert.strictEqual(tokenOf(entry.session), "19-renewed")
        }
        assert.strictEqual((yield* store.list).length, 11)
      }),
    60_000
  )

  itStops(
    "P03: with an append-only file, entries, order, leases, fences and marks survive that it is killed",
    () =>
      Effect.gen(function* () {
        const { at, server, store } = yield* alone({}, { appendonly: "yes", appendfsync: "always" })
        for (const account of ["b", "a", "c"]) yield* store.put(session(account, account))
        yield* store.remove(key("a"))
        const lease = Option.getOrThrow(yield* store.lease(key("b"), "10 minutes"))
        yield* lease.mark(Option.some("v"))
        yield* server.stop("SIGKILL")
        yield* server.start
        const next = yield* opened(at)
        assert.deepStrictEqual(
          (yield* next.list).map(({ key }) => key.account),
          ["b", "c"]
        )
        assert.isTrue(Option.isNone(yield* next.lease(key("b"), "10 minutes")))
        yield* next.put(session("b", "u"), { fence: lease.fence })
        yield* lease.release
        const later = Option.getOrThrow(yield* next.lease(key("b"), "10 minutes"))
        assert.deepStrictEqual(later.marked, Option.some("v"))
        assert.isAbove(later.fence, lease.fence)
      })
  )

  itStops("without one all is gone, and no fence of before is good", () =>
    Effect.gen(function* () {
      const { at, server, store } = yield* alone()
      yield* store.put(session("ops", "t"))
      const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      yield* server.stop()
      yield* server.start
      const next = yield* opened(at)
      assert.deepStrictEqual(yield* next.list, [])
      const later = Option.getOrThrow(yield* next.lease(key("ops"), "1 minute"))
      assert.isAbove(later.fence, lease.fence)
      assert.strictEqual(yield* reasonOf(next.put(session("ops", "u"), { fence: lease.fence })), "Conflict")
    })
  )

  itStops("that forgot its scripts is told them again", () =>
    Effect.gen(function* () {
      const { server, store } = yield* alone()
      yield* store.put(session("ops", "t"))
      yield* (yield* connected(server.address)).send("SCRIPT", "FLUSH")
      yield* store.put(session("ops", "u"))
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(key("ops"))).session), "u")
    })
  )
})

const dial = (to: Address) => {
  if ("socket" in to) return connect(to.socket.path)
  const { hostname, port } = new URL(to.url)
  return connect(Number(port || 6379), hostname)
}

/** The same database as the same user, by way of another server. */
const instead = (to: Address, server: Server): Address => {
  const url = new URL("url" in to ? to.url : "redis://127.0.0.1")
  const address = server.address()
  url.hostname = "127.0.0.1"
  url.port = String(typeof address === "object" ? address?.port : undefined)
  return { url: url.href }
}

describe("an answer that is lost", () => {
  /** In front of the server: cuts the connection instead of passing on the next answer, when told to. */
  const inBetween = Effect.gen(function* () {
    const { address, ...at } = yield* place
    const state = { cut: 0 }
    const sockets = new Set<Socket>()
    const listening = yield* Effect.acquireRelease(
      Effect.promise(
        () =>
          new Promise<Server>((resolve) => {
            const server = createServer((client) => {
              const upstream = dial(address)
              const end = () => {
                client.destroy()
                upstream.destroy()
              }
              for (const socket of [client, upstream]) {
                sockets.add(socket)
                socket.on("error", end).on("close", end)
              }
              client.on("data", (data) => upstream.write(data))
              upstream.on("data", (data) => {
                if (state.cut > 0) {
                  state.cut--
                  end()
                } else client.write(data)
              })
            }).listen(0, "127.0.0.1", () => resolve(server))
          })
      ),
      (server) =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    )
    const store = yield* opened({ address: instead(address, listening), prefix: at.prefix })
    // So that every script is known, and the next answer is that of the script.
    yield* store.put(session("warm", "t"))
    const lease = Option.getOrThrow(yield* store.lease(key("warm"), "1 minute"))
    yield* lease.extend
    yield* lease.release
    yield* store.remove(key("warm"))
    return { at: { address, ...at }, state, store }
  })

  itLive("of a put is asked for again, and it is done once", () =>
    Effect.gen(function* () {
      const { at, state, store } = yield* inBetween
      const first = yield* store.put(session("ops", "first"))
      state.cut = 1
      const second = yield* store.put(session("ops", "second"), { expected: Option.some(first.version) })
      assert.strictEqual(state.cut, 0)
      const found = Option.getOrThrow(yield* (yield* opened(at)).get(key("ops")))
      assert.deepStrictEqual([tokenOf(found.session), found.version], ["second", second.version])
      state.cut = 1
      const fresh = yield* store.put(session("new", "t"), { expected: Option.none() })
      assert.strictEqual(Option.getOrThrow(yield* store.get(key("new"))).version, fresh.version)
      assert.strictEqual((yield* store.list).length, 2)
    })
  )

  itLive("of a lease is asked for again, and it is the same lease", () =>
    Effect.gen(function* () {
      const { at, state, store } = yield* inBetween
      const other = yield* opened(at)
      state.cut = 1
      const lease = Option.getOrThrow(yield* store.lease(key("ops"), "1 minute"))
      assert.strictEqual(state.cut, 0)
      assert.isTrue(Option.isNone(yield* other.lease(key("ops"), "1 minute")))
      for (const again of [lease.mark(Option.some("v")), lease.extend, lease.release]) {
        state.cut = 1
        yield* again
        assert.strictEqual(state.cut, 0)
      }
      const next = Option.getOrThrow(yield* other.lease(key("ops"), "1 minute"))
      assert.deepStrictEqual(next.marked, Option.some("v"))
      assert.isAbove(next.fence, lease.fence)
    })
  )

  itLive("of a removal is asked for again, and says that there was an entry", () =>
    Effect.gen(function* () {
      const { state, store } = yield* inBetween
      yield* store.put(session("ops", "t"))
      state.cut = 1
      assert.isTrue(yield* store.remove(key("ops")))
      assert.strictEqual(state.cut, 0)
      assert.isFalse(yield* store.remove(key("ops")))
    })
  )

  /** What others have done when it is asked again. */
  const changes: Record<
    string,
    readonly [
      change: (store: SessionStore["Service"], version: string) => Effect.Effect<unknown, SessionStoreError>,
      meanwhile: (store: SessionStore["Service"]) => Effect.Effect<unknown, SessionStoreError>,
      after: string | undefined
    ]
  > = {
    "of a put brings no spent token back": [
      (store) => store.put(session("ops", "spent")),
      (other) => other.put(session("ops", "renewed")),
      "renewed"
    ],
    "of a put brings nothing back that was removed": [
      (store) => store.put(session("ops", "removed")),
      (other) => other.remove(key("ops")),
      undefined
    ],
    "of the first put brings nothing back that was removed": [
      (store) => store.put(session("new", "removed"), { expected: Option.none() }),
      (other) => Effect.andThen(other.remove(key("ops")), other.remove(key("new"))),
      undefined
    ],
    "of a put is no Conflict because of a later one": [
      (store, version) => store.put(session("ops", "first"), { expected: Option.some(version) }),
      (other) => other.put(session("ops", "second")),
      "second"
    ],
    "of a removal takes nothing that was put since": [
      (store) => store.remove(key("ops")),
      (other) => other.put(session("ops", "fresh")),
      "fresh"
    ],
    "of a removal is no Conflict because of what was put since": [
      (store, version) => store.remove(key("ops"), { expected: version }),
      (other) => other.put(session("ops", "fresh")),
      "fresh"
    ]
  }
  for (const [name, [change, meanwhile, after]] of Object.entries(changes)) {
    itLive(`P42: ${name}`, () =>
      Effect.gen(function* () {
        const at = yield* place
        const other = yield* opened(at)
        let lost = 0
        const redis: Redis.Redis["Service"] = {
          ...at.redis,
          eval:
            (script) =>
            (...params) =>
              at.redis
                .eval(script)(...params)
                .pipe(
                  Effect.tap(() =>
                    lost++ === 0
                      ? Effect.andThen(Effect.orDie(meanwhile(other)), Effect.fail(connectionLost))
                      : Effect.void
                  )
                )
        }
        const { version } = yield* other.put(session("ops", "before"))
        lost = -1
        const store = yield* over(redis, at.prefix)
        assert.strictEqual(lost, 0)
        yield* change(store, version)
        assert.strictEqual(lost, 2)
        const found = yield* other.find({})
        assert.strictEqual(Option.getOrUndefined(Option.map(found, (one) => tokenOf(one.session))), after)
      })
    )
  }

  itLive("the note of a write, by which it is known again, ends with the patience", () =>
    Effect.gen(function* () {
      const at = yield* place
      const store = yield* opened(at, { patience: "1 minute" })
      yield* store.put(session("ops", "t"))
      yield* store.remove(key("ops"))
      const notes = (yield* at.keys).filter((one) => one.startsWith(`{${at.prefix}}:done:`))
      assert.strictEqual(notes.length, 2)
      for (const note of notes) {
        const millis = Number(yield* at.redis.send("PTTL", note))
        assert.isAbove(millis, 0)
        assert.isAtMost(millis, 60_001)
      }
    })
  )
})

/** What a server or a proxy might say, quoting what it was sent. */
const refusing = (real: Redis.Redis["Service"], cause: unknown, times = Number.POSITIVE_INFINITY) => {
  const left = { times: 0 }
  const fail = <A>(effect: Effect.Effect<A, Redis.RedisError>) =>
    Effect.suspend(() =>
      left.times > 0 ? (left.times--, Effect.fail(new Redis.RedisError({ cause }))) : effect
    )
  const redis: Redis.Redis["Service"] = {
    ...real,
    send: (command, ...args) => fail(real.send(command, ...args)),
    eval:
      (script) =>
      (...params) =>
        fail(real.eval(script)(...params))
  }
  return { redis, begin: () => (left.times = times) }
}

describe("a server that refuses", () => {
  const canary = Canary.make("redis")
  const refusals = [
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "READONLY",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "MOVED",
    "ASK",
    "CROSSSLOT",
    "ERR"
  ]

  for (const code of refusals) {
    itLive(`with ${code} is Unavailable at once, and its words are not shown`, () =>
      Effect.gen(function* () {
        const at = yield* place
        const { begin, redis } = refusing(at.redis, new Error(`${code} with args ${canary.secret}`))
        const store = yield* over(redis, at.prefix)
        begin()
        for (const verb of Object.values(verbs(store))) {
          const error = yield* Effect.flip(verb)
          assert.strictEqual(error.reason._tag, "Unavailable")
          Canary.assertAbsent([canary], error)
        }
      })
    )
  }

  for (const code of ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY"]) {
    itLive(`with ${code} is asked again until it is ready, also to remove`, () =>
      Effect.gen(function* () {
        const at = yield* place
        const { begin, redis } = refusing(at.redis, new Error(`${code} for now`), 2)
        const store = yield* over(redis, at.prefix)
        yield* store.put(session("ops", "t"))
        for (const name of ["get", "find", "list", "put", "lease", "remove"]) {
          begin()
          yield* verbs(store)[name] ?? Effect.void
        }
        assert.isTrue(Option.isNone(yield* store.get(key("ops"))))
      })
    )
  }

  itLive("or answers in another tongue is Unavailable", () =>
    Effect.gen(function* () {
      const at = yield* place
      for (const answer of [null, "text", [], ["ok"], [1, 2]]) {
        const other = { ...at.redis, eval: () => () => Effect.succeed(answer) }
        assert.strictEqual(yield* reasonOf(over(other, at.prefix)), "Unavailable")
      }
    })
  )

  itStops("a real one: no memory, a replica, no rights", () =>
    Effect.gen(function* () {
      const { address } = yield* privateRedis()
      const redis = yield* connected(address)
      const store = yield* opened({ address, prefix: "p" })
      yield* store.put(session("ops", "t"))
      yield* redis.send("CONFIG", "SET", "maxmemory", "1")
      assert.strictEqual(yield* reasonOf(store.put(session("new", "t"))), "Unavailable")
      assert.isTrue(Option.isSome(yield* store.get(key("ops"))))
      yield* redis.send("CONFIG", "SET", "maxmemory", "0")
      yield* redis.send("REPLICAOF", "127.0.0.1", "1")
      assert.strictEqual(yield* reasonOf(store.put(session("new", "t"))), "Unavailable")
      yield* redis.send("REPLICAOF", "NO", "ONE")
      assert.strictEqual((yield* store.list).length, 1)
      yield* redis.send("ACL", "SETUSER", "default", "-set")
      assert.strictEqual(yield* reasonOf(store.put(session("ops", "u"))), "Unavailable")
      assert.strictEqual(yield* reasonOf(store.remove(key("ops"))), "Unavailable")
      assert.strictEqual(tokenOf(Option.getOrThrow(yield* store.get(key("ops"))).session), "t")
      yield* redis.send("ACL", "SETUSER", "default", "-@scripting")
      assert.strictEqual(yield* reasonOf(store.put(session("new", "t"))), "Unavailable")
      assert.strictEqual(yield* reasonOf(opened({ address, prefix: "p" })), "Unavailable")
    })
  )
})

const info = (...lines: ReadonlyArray<string>) =>
  ["# Server", "redis_version:7.0.15", ...lines, ""].join("\r\n")

describe("a server that may lose sessions", () => {
  const keeps = "aof_enabled:1"
  const servers: Record<string, readonly [answer: string, verdict: "no failure" | "Unavailable"]> = {
    "keeps every write and evicts nothing": [
      info(keeps, "maxmemory:0", "maxmemory_policy:noeviction"),
      "no failure"
    ],
    "evicts only what expires": [info(keeps, "maxmemory:9", "maxmemory_policy:volatile-lru"), "no failure"],
    "would evict anything, and has no limit": [
      info(keeps, "maxmemory:0", "maxmemory_policy:allkeys-lru"),
      "no failure"
    ],
    "evicts anything": [info(keeps, "maxmemory:9", "maxmemory_policy:allkeys-lru"), "Unavailable"],
    "keeps no append-only file": [
      info("aof_enabled:0", "maxmemory:0", "maxmemory_policy:noeviction"),
      "Unavailable"
    ],
    "tells nothing": ["", "Unavailable"]
  }
  for (const [name, [answer, verdict]] of Object.entries(servers)) {
    itLive(`${name}: ${verdict === "no failure" ? "is used" : "is used with a warning, or refused"}`, () =>
      Effect.gen(function* () {
        const at = yield* place
        const redis: Redis.Redis["Service"] = {
          ...at.redis,
          // What is asked for is the caller's business: the type of an answer is not known here.
          send: (command, ...args) =>
            command === "INFO" ? at.redis.send("ECHO", answer) : at.redis.send(command, ...args)
        }
        assert.strictEqual(yield* reasonOf(over(redis, at.prefix, { onLossyServer: "refuse" })), verdict)
        const logged = yield* Effect.gen(function* () {
          yield* open(layer({ prefix: at.prefix }).pipe(Layer.provide(Layer.succeed(Redis.Redis, redis))))
          return yield* (yield* Canary.Captured).everything
        }).pipe(Effect.provide(Canary.capture))
        assert.strictEqual(
          logged.some(({ where }) => where === "log"),
          verdict !== "no failure"
        )
      })
    )
  }

  itStops("a real one", () =>
    Effect.gen(function* () {
      const lossy = yield* privateRedis()
      const keeping = yield* privateRedis({ appendonly: "yes" })
      const refuse = (address: Address) =>
        reasonOf(opened({ address, prefix: "p" }, { onLossyServer: "refuse" }))
      assert.strictEqual(yield* refuse(lossy.address), "Unavailable")
      assert.strictEqual(yield* refuse(keeping.address), "no failure")
      const redis = yield* connected(keeping.address)
      yield* redis.send("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "100mb")
      assert.strictEqual(yield* refuse(keeping.address), "Unavailable")
      yield* redis.send("CONFIG", "SET", "maxmemory-policy", "noeviction")
      yield* redis.send("ACL", "SETUSER", "default", "-info")
      assert.strictEqual(yield* refuse(keeping.address), "Unavailable")
      yield* opened({ address: keeping.address, prefix: "p" })
    })
  )
})

describe("secrets", () => {
  itLive("P06: no failure, log line, span or summary shows a token", () =>
    Effect.gen(function* () {
      const access = Canary.make("access")
      const at = yield* place
      const failures: Array<SessionStoreError> = []
      const failing = <A, R>(effect: Effect.Effect<A, SessionStoreError, R>) =>
        Effect.map(Effect.flip(effect), (error) => failures.push(error))
      yield* Effect.gen(function* () {
        const store = yield* open(
          layer({ prefix: at.prefix }).pipe(Layer.provide(Layer.orDie(NodeRedis.layer(at.address))))
        )
        yield* store.put(session("ops", access.secret))
        yield* failing(store.put(session("ops", access.secret), { expected: Option.none() }))
        yield* failing(store.put(session("ops", access.secret), { fence: 9 }))
        const ops = entryKey(at.prefix, "ops")
        const line = yield* at.redis.send<string>("HGET", ops, "line")
        assert.include(line, access.secret)
        yield* at.redis.send("HSET", ops, "line", line.slice(1))
        yield* failing(store.get(key("ops")))
        yield* at.redis.send("SET", ops, line)
        yield* failing(store.put(session("ops", access.secret)))
        yield* store.list
        yield* at.redis.send("SET", `{${at.prefix}}:store`, line)
        yield* failing(store.put(session("ops", access.secret)))
        // What a proxy answers that knows no scripts: it quotes what it was sent.
        const proxy = { ...at.redis, eval: () => () => at.redis.send("NOSUCH", access.secret) }
        const cause = yield* Effect.flip(at.redis.send("NOSUCH", access.secret))
        assert.isNotEmpty(Canary.find([access], cause))
        yield* failing(over(proxy, at.prefix))
        Canary.assertAbsent([access], failures)
        yield* Canary.assertNoneCaptured([access])
      }).pipe(Effect.provide(Canary.capture))
      assert.strictEqual(failures.length, 6)
    })
  )
})

describe("configuration", () => {
  itLive("comes as options, or as Config of the same names", () =>
    Effect.gen(function* () {
      const at = yield* place
      const configured = RedisSessionStore.layerConfig({
        prefix: Config.String("PREFIX"),
        patience: Config.Duration("PATIENCE")
      }).pipe(Layer.provide(Layer.orDie(NodeRedis.layer(at.address))))
      const store = yield* open(configured).pipe(
        environment({ PREFIX: at.prefix, PATIENCE: "2 seconds" }),
        quietly
      )
      yield* store.put(session("ops", "t"))
      assert.isNotEmpty(yield* at.keys)
    })
  )
})

/** A process of its own running `test/redisChild.ts`; killed with the scope. */
const started = (task: Task, onLine: (line: string, kill: () => void) => void = () => undefined) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const script = fileURLToPath(new URL("./redisChild.ts", import.meta.url))
      const args = ["--conditions=@latchkey/source", script, JSON.stringify(task)]
      // Where Node itself would keep it: half of what a start takes is to compile.
      const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") }
      const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] })
      const lines: Array<string> = []
      let rest = ""
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        const parts = (rest + chunk).split("\n")
        rest = parts.pop() ?? ""
        for (const line of parts) {
          lines.push(line)
          onLine(line, () => child.kill("SIGKILL"))
        }
      })
      const ended = new Promise<number | NodeJS.Signals>((resolve) =>
        child.on("close", (code, signal) => resolve(code ?? signal ?? 0))
      )
      return { child, ended, lines }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )

const ran = (tasks: ReadonlyArray<Task>) =>
  Effect.forEach(
    tasks,
    Effect.fnUntraced(function* (task) {
      const { ended, lines } = yield* started(task)
      assert.strictEqual(yield* Effect.promise(() => ended), 0)
      return lines.at(-1)
    }),
    { concurrency: "unbounded" }
  )

describe("among processes", () => {
  itLive(
    "P29: 8 processes that put their own entries and count on a shared one lose nothing",
    () =>
      Effect.gen(function* () {
        const at = yield* place
        const { address, prefix } = at
        const ends = yield* ran(
          numbers(8).map((n) => ({ address, prefix, do: "count", account: `p${n}`, times: 12 }))
        )
        assert.deepStrictEqual(new Set(ends), new Set(["no failure"]))
        const store = yield* opened(at)
        const counter = Option.getOrThrow(yield* store.get(key("counter")))
        assert.strictEqual(tokenOf(counter.session), "96")
        assert.strictEqual((yield* store.list).length, 97)
      }),
    120_000
  )

  itLive(
    "P01: processes that contend for a lease have it one at a time, with growing fences",
    () =>
      Effect.gen(function* () {
        const { address, prefix } = yield* place
        const log = join(yield* temporaryDirectory, "log")
        const ends = yield* ran(
          numbers(3).map((n) => ({ address, prefix, do: "lease", account: `p${n}`, times: 15, log }))
        )
        assert.deepStrictEqual(new Set(ends), new Set(["no failure"]))
        assertTurns(log, 3 * 15)
      }),
    120_000
  )

  itLive(
    "P04: the lease of a process that was killed ends with its time, not before",
    () =>
      Effect.gen(function* () {
        const at = yield* place
        const { address, prefix } = at
        const { ended } = yield* started({ address, prefix, do: "hold", account: "ops" }, (line, kill) => {
          if (line === "held") kill()
        })
        assert.strictEqual(yield* Effect.promise(() => ended), "SIGKILL")
        const store = yield* opened(at)
        assert.isTrue(Option.isNone(yield* store.lease(key("ops"), "1 minute")))
        assert.isTrue(Option.isSome(yield* store.lease(key("other"), "1 minute")))
      }),
    120_000
  )

  itLive(
    "P03: killed in the middle of puts, the store has the last put that was confirmed, whole",
    () =>
      Effect.gen(function* () {
        const at = yield* place
        const { address, prefix } = at
        const store = yield* opened(at)
        for (const n of numbers(4)) {
          const { ended, lines } = yield* started({ address, prefix, do: "putForever" }, (line, kill) => {
            if (line === String(3 + 20 * n)) kill()
          })
          assert.strictEqual(yield* Effect.promise(() => ended), "SIGKILL")
          const token = tokenOf(Option.getOrThrow(yield* store.get(key("shared"))).session) ?? ""
          const [count = "", body = ""] = token.split("-")
          assert.isAtLeast(Number(count), Number(lines.at(-1)))
          assert.strictEqual(body, "x".repeat(5_000 + (Number(count) % 2) * 9_000))
          assert.strictEqual((yield* store.list).length, 1)
        }
      }),
    120_000
  )
})
