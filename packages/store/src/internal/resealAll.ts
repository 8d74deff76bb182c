/** How every entry of a store comes under one key while others use it. */
import type { Session } from "@latchkey/core/Session"
import type { SessionKey } from "@latchkey/core/SessionKey"
import type { Entry, Lease, SessionStore, Version } from "@latchkey/core/SessionStore"
import { LeaseTimeout, SessionStoreError } from "@latchkey/core/SessionStoreError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Where } from "./explainFailure.ts"
import { headOfFirst, seal, sealedIn, unseal } from "./sealedSession.ts"
import type { Key } from "./sealingKey.ts"

/** Long for one read and one write, and short for a renewal that waits for it. */
const LEASE_TTL = Duration.seconds(2)

/** For entries that others keep busy. A renewal takes 40 s at most. */
const PATIENCE = Duration.minutes(1)

const PAUSE = Duration.millis(50)

/** Until a walk through the whole store finds nothing more to do. `plain`: what an entry in the clear becomes. */
export const resealAll = Effect.fnUntraced(function* (
  where: Where,
  store: SessionStore["Service"],
  key: Key,
  keys: ReadonlyArray<Key>,
  plain: (session: Session) => Effect.Effect<Session, SessionStoreError>
) {
  const opened = Effect.fnUntraced(function* ({ session }: Entry) {
    const sealed = yield* sealedIn(where, session)
    return Option.isNone(sealed) ? yield* plain(session) : yield* unseal(where, session, sealed.value, keys)
  })

  /** Looks at the entry first: a key that can take over what is there does so before it is asked for its own. */
  const isDone = Effect.fnUntraced(function* (entry: Entry) {
    const head = headOfFirst(Option.some(entry))
    if (Option.isNone(head) || Option.isNone(yield* key.toOpen(head.value))) return false
    return (yield* key.toSeal(Effect.succeed(head))).head.id === head.value.id
  })

  const underLease = Effect.fnUntraced(function* (one: SessionKey, lease: Lease) {
    const entry = Option.getOrUndefined(yield* store.get(one))
    if (entry === undefined || (yield* isDone(entry))) return "done" as const
    // Its token may be out for renewal: whoever waits for the answer must find the entry as it was.
    if (Option.exists(lease.marked, isAbout(entry.version))) return "busy" as const
    const session = yield* opened(entry)
    const secret = yield* key.toSeal(Effect.succeedNone)
    yield* store.put(yield* seal(session, secret), {
      expected: Option.some(entry.version),
      fence: lease.fence
    })
    return "sealed" as const
  })

  const resealOne = Effect.fnUntraced(
    function* (one: SessionKey) {
      const entry = Option.getOrUndefined(yield* store.get(one))
      if (entry === undefined || (yield* isDone(entry))) return "done" as const
      return yield* Effect.acquireUseRelease(
        store.lease(one, LEASE_TTL),
        Option.match({
          onNone: () => Effect.succeed("busy" as const),
          onSome: (lease) => underLease(one, lease)
        }),
        // One that cannot be given back ends by itself.
        Option.match({ onNone: () => Effect.void, onSome: ({ release }) => Effect.ignore(release) })
      )
    },
    Effect.catchReason("SessionStoreError", "Conflict", () => Effect.succeed("busy" as const))
  )

  let sealed = 0
  let giveUpAt = (yield* ticks) + Duration.toMillis(PATIENCE)
  while (true) {
    const failures: Array<SessionStoreError> = []
    const busy: Array<SessionKey> = []
    let isNews = false
    for (const { key: one } of yield* store.list) {
      const outcome = yield* Effect.catchReasons(resealOne(one), "SessionStoreError", {
        Corrupt: (_, error) => Effect.succeed(error),
        CorruptEntry: (_, error) => Effect.succeed(error),
        WrongKey: (_, error) => Effect.succeed(error)
      })
      if (outcome instanceof SessionStoreError) failures.push(outcome)
      if (outcome === "busy") busy.push(one)
      if (outcome === "sealed") {
        sealed++
        isNews = true
      }
    }
    const now = yield* ticks
    if (isNews) giveUpAt = now + Duration.toMillis(PATIENCE)
    const [waitedFor] = busy
    if (waitedFor !== undefined) {
      if (now >= giveUpAt) {
        const message = `the session of ${waitedFor.account} is being renewed, or the answer was lost: let a program renew it, or sign in anew, then seal again`
        return yield* SessionStoreError.because(where, new LeaseTimeout({ message }))
      }
      yield* Effect.sleep(PAUSE)
    } else if (!isNews) {
      const [first] = failures
      return first === undefined ? sealed : yield* first
    }
  }
})

/** The version alone, or behind what its holder says of itself. */
const isAbout = (version: Version) => (mark: Version) => mark === version || mark.endsWith(` ${version}`)

/** In milliseconds, by a clock that nobody sets. */
const ticks = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
