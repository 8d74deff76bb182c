/**
 * Processes that share a store contend for one renewal, and each of them sleeps through a part of it. They are all in this
 * process, and time is that of the test clock, so that thousands of rounds take minutes; the stores are opened apart.
 */
import { InvalidToken, type Provider, type Session, SessionRef, SessionStore } from "@latchkey/core"
import {
  Clock,
  Context,
  Duration,
  Effect,
  Fiber,
  Layer,
  Option,
  Random,
  Redacted,
  Schedule,
  type Scope
} from "effect"
import { TestClock } from "effect/testing"
import { keyOf, sessionOf } from "./authorityProvider.ts"
import { type Moment, moments, watchedProvider, watchedStore } from "./moments.ts"
import { LEASE } from "./sleepingHolder.ts"
import type { Verdict } from "./Stage.ts"
import { type StoreName, stores } from "./stores.ts"
import { labelOf, TokenLedger } from "./TokenLedger.ts"

type Store = SessionStore["Service"]

const PROCESSES = 3
const CALLERS = 2
const LONGEST_SLEEP = 10 * LEASE
const LONGEST_RENEWAL = 200

/** Nothing that it does passes while it sleeps. */
class Sleeper {
  #until = 0

  /** Until it wakes up; at once, where it does not sleep. */
  readonly awake: Effect.Effect<void> = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    now < this.#until ? Effect.andThen(Effect.sleep(this.#until - now), this.awake) : Effect.void
  )

  fallAsleep(millis: number): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      this.#until = now + millis
      return this.awake
    })
  }

  /** It may sleep before it does something, and before it hears what came of it. */
  readonly slow = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.andThen(
      this.awake,
      Effect.tap(effect, () => this.awake)
    )
}

const sleepy = (store: Store, { slow }: Sleeper): Store => ({
  ...store,
  get: (key) => slow(store.get(key)),
  put: (session, options) => slow(store.put(session, options)),
  remove: (key, options) => slow(store.remove(key, options)),
  lease: (key, ttl) =>
    slow(
      Effect.map(
        store.lease(key, ttl),
        Option.map((lease) => ({
          ...lease,
          mark: (mark: Option.Option<string>) => slow(lease.mark(mark)),
          extend: slow(lease.extend),
          release: slow(lease.release)
        }))
      )
    )
})

const labelIn = ({ accessToken }: Session) => (accessToken ? labelOf(Redacted.value(accessToken)) : "none")

/** One round, the same each time for the same number. */
const round = Effect.fnUntraced(function* (
  name: StoreName,
  opened: ReadonlyArray<Store>,
  n: number
): Effect.fn.Return<Verdict, never, Scope.Scope> {
  const kind = stores[name]
  const account = `user${n}`
  const ledger = new TokenLedger()
  const key = keyOf(kind, account)
  const [first] = opened
  if (first === undefined) return yield* Effect.die(new Error("no store was opened"))
  yield* Effect.orDie(first.put(yield* sessionOf(kind, account, ledger.signIn(), "ended")))

  const refs = yield* Effect.forEach(opened, (store) =>
    Effect.gen(function* () {
      const sleeper = new Sleeper()
      const sleepsAt: Moment | undefined = moments[yield* Random.nextIntBetween(0, moments.length)]
      // Short sleeps are as bad as long ones, and there are more of them.
      const millis = Math.round(LONGEST_SLEEP * (yield* Random.next) ** 2)
      let hasSlept = false
      const announce = (moment: Moment) =>
        Effect.suspend(() => {
          if (hasSlept || moment !== sleepsAt) return Effect.void
          hasSlept = true
          return sleeper.fallAsleep(millis)
        })
      const latency = yield* Random.nextIntBetween(0, LONGEST_RENEWAL)
      const provider: Provider = {
        name: kind.provider,
        instance: "memory",
        rotates: true,
        refresh: Effect.fnUntraced(function* ({ accessToken, refreshToken }) {
          ledger.calls++
          yield* announce("request sent")
          yield* Effect.sleep(latency)
          const token = refreshToken ?? accessToken
          const grant = ledger.redeem(token === undefined ? "" : Redacted.value(token))
          if (grant !== undefined) return yield* sleeper.slow(sessionOf(kind, account, grant, "new"))
          return yield* new InvalidToken({ provider: kind.provider, instance: "memory", message: "spent" })
        }),
        logout: () => Effect.succeed("Revoked")
      }
      const live = yield* Effect.orDie(
        SessionRef.open(watchedProvider(provider, announce), key).pipe(
          Effect.provideService(SessionStore, watchedStore(sleepy(store, sleeper), announce))
        )
      )
      return { live, wake: sleeper.awake }
    })
  )
  const callers = refs.flatMap(({ live }) => Array.from({ length: CALLERS }, () => Effect.exit(live.get)))
  yield* Effect.all(callers, { concurrency: "unbounded", discard: true })
  // Once nobody sleeps, everybody has what was won, and the service was asked for it once.
  const last = yield* Effect.forEach(
    refs,
    ({ live, wake }) =>
      wake.pipe(
        Effect.andThen(live.reload),
        Effect.andThen(live.get),
        Effect.map(labelIn),
        Effect.retry({ times: 30, schedule: Schedule.spaced("1 second") }),
        Effect.catch(({ _tag }) => Effect.succeed(_tag))
      ),
    { concurrency: "unbounded" }
  )
  const stored = yield* Effect.orDie(first.get(key))
  return {
    seen: {
      "double renewals": [ledger.calls, ledger.reuses],
      finally: last,
      stored: Option.map(stored, ({ session }) => labelIn(session))
    },
    promised: {
      "double renewals": [1, 0],
      finally: refs.map(() => "1.2"),
      stored: Option.some("1.2")
    }
  }
}, Effect.scoped)

/** The test clock stops at fractions of milliseconds, which no clock of a machine does. */
const inWholeMillis = (clock: Clock.Clock): Clock.Clock => {
  const currentTimeMillisUnsafe = () => Math.floor(clock.currentTimeMillisUnsafe())
  return { ...clock, currentTimeMillisUnsafe, currentTimeMillis: Effect.sync(currentTimeMillisUnsafe) }
}

/** Needs the test clock, and moves it. */
export const contention = Effect.fnUntraced(function* (
  name: StoreName,
  address: string,
  from: number,
  rounds: number
): Effect.fn.Return<ReadonlyArray<Verdict>, never, Scope.Scope> {
  yield* TestClock.setTime(Date.UTC(2026, 0, 31))
  const opened = yield* Effect.forEach(Array.from({ length: PROCESSES }), () =>
    Effect.map(Effect.orDie(Layer.build(Layer.fresh(stores[name].layer(address)))), (context) =>
      Context.get(context, SessionStore)
    )
  )
  const all = yield* Effect.forkChild(
    Effect.forEach(
      Array.from({ length: rounds }, (_, n) => from + n),
      (n) => Random.withSeed(Effect.scoped(round(name, opened, n)), `${n}`),
      { concurrency: 20 }
    ).pipe(Effect.updateService(Clock.Clock, inWholeMillis))
  )
  yield* Effect.raceFirst(Fiber.await(all), Effect.forever(TestClock.adjust(Duration.seconds(1))))
  return yield* Fiber.join(all)
})
