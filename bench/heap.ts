/**
 * What many sessions cost in heap, in a process of its own: holds them the way that is named on the command line, while nothing
 * is in flight, and prints the bytes per session. Needs `--expose-gc`. With a second argument, leaves a heap snapshot there.
 */
import { Session, SessionKey, Sessions, SessionStore } from "@latchkey/core"
import * as TestProvider from "@latchkey/testing/TestProvider"
import { memoize } from "@smithy/property-provider"
import { Context, DateTime, Effect, Layer, Option, Redacted, Scope } from "effect"
import { OAuth2Client } from "google-auth-library"
import { writeHeapSnapshot } from "node:v8"

const SESSIONS = 100_000
/** Held before anybody counts: what is loaded and compiled once costs no session anything. */
const WARM_UP = 1_000
const AN_HOUR = 3_600_000
const now = Date.now()

const accountOf = (index: number) => `account-${index}`

/** Flat, and no two alike, as tokens off the wire are: what is put together by `+` only points at its parts. */
const textOf = (text: string): string => Buffer.from(text).toString("latin1")

const tokenOf = (index: number) => textOf(`${index}.`.padEnd(128, "t"))

const sessionOf = (index: number): Session =>
  new Session({
    key: new SessionKey({ provider: "test", instance: "memory", account: textOf(accountOf(index)) }),
    accessToken: Redacted.make(tokenOf(index)),
    issuedAt: DateTime.makeUnsafe(now),
    expiresAt: DateTime.makeUnsafe(now + AN_HOUR + index)
  })

/** One way of holding sessions: yields what adds one more, and gives back what holds them. What it makes beforehand does not count. */
type Way = () => Promise<(index: number) => unknown>

/** Two Maps: what is held, and whom it belongs to. */
const byId = (held: (index: number) => unknown): Way => {
  const sessions = new Map<string, unknown>()
  const ids = new Map<unknown, string>()
  return async () => (index) => {
    const id = textOf(JSON.stringify(["test", "memory", accountOf(index)]))
    const value = held(index)
    sessions.set(id, value)
    ids.set(value, id)
    return [sessions, ids]
  }
}

/** A store that keeps nothing: what it is asked for it makes, or takes from `sessions`, which somebody else keeps. */
const storeOf = (find: (key: SessionKey) => Session): SessionStore["Service"] => {
  const nothing = Effect.succeed(Option.none())
  return {
    get: (key) => Effect.sync(() => Option.some({ session: find(key), version: "1" })),
    find: () => nothing,
    list: Effect.succeed([]),
    put: (session) => Effect.succeed({ session, version: "1" }),
    remove: () => Effect.succeed(false),
    lease: () => nothing
  }
}

const throughSessions = async (
  keyOf: (index: number) => SessionKey,
  find: (key: SessionKey) => Session
): Promise<(index: number) => unknown> => {
  const provider = TestProvider.make()
  const layer = Sessions.layer.pipe(Layer.provide(Layer.succeed(SessionStore, storeOf(find))))
  const context = await Effect.runPromise(Layer.buildWithScope(layer, Scope.makeUnsafe()))
  const sessions = Context.get(context, Sessions)
  return (index) => {
    Effect.runSync(Effect.flatMap(sessions.open(provider, keyOf(index)), ({ get }) => get))
    return sessions
  }
}

const indexOf = ({ account }: SessionKey) => Number(account.slice("account-".length))

const ways: Readonly<Record<string, Way>> = {
  limit: byId((index) => ({ token: tokenOf(index), expiresAt: now + AN_HOUR + index })),
  redacted: byId((index) => ({ token: Redacted.make(tokenOf(index)), expiresAt: now + AN_HOUR + index })),
  session: byId(sessionOf),
  whole: () => {
    let last: Session | undefined
    // The store is asked for the very key that was asked for, as a store that decodes what it has read is.
    return throughSessions(
      (index) => (last = sessionOf(index)).key,
      () => last ?? sessionOf(0)
    )
  },
  beyond: () => {
    const made = Array.from({ length: SESSIONS + WARM_UP }, (_, index) => sessionOf(index))
    const of = (index: number) => made[index] ?? sessionOf(index)
    return throughSessions(
      (index) => of(index).key,
      (key) => of(indexOf(key))
    )
  },
  smithy: async () => {
    const held = new Map<string, unknown>()
    return async (index) => {
      const credentials = { token: tokenOf(index), expiration: new Date(now + AN_HOUR + index) }
      const provide = memoize(
        async () => credentials,
        ({ expiration }) => expiration.getTime() - Date.now() < 0
      )
      await provide()
      held.set(textOf(accountOf(index)), provide)
      return held
    }
  },
  google: async () => {
    const held = new Map<string, OAuth2Client>()
    return (index) => {
      const client = new OAuth2Client()
      client.setCredentials({ access_token: tokenOf(index), expiry_date: now + AN_HOUR + index })
      held.set(textOf(accountOf(index)), client)
      return held
    }
  }
}

const heap = async (): Promise<number> => {
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

const [name = "", snapshot] = process.argv.slice(2)
const way = ways[name]
if (way === undefined || globalThis.gc === undefined) {
  throw new Error(`usage: node --expose-gc heap.ts ${Object.keys(ways).join("|")} [SNAPSHOT]`)
}
const hold = await way()
/** Still reachable when the heap is looked at. */
let holder: unknown
for (let index = 0; index < WARM_UP; index++) holder = await hold(index)
const before = await heap()
for (let index = WARM_UP; index < WARM_UP + SESSIONS; index++) holder = await hold(index)
const after = await heap()
if (holder === undefined) throw new Error("nothing was held")
if (snapshot !== undefined) writeHeapSnapshot(snapshot)
console.log((after - before) / SESSIONS)
