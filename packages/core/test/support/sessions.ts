/** What the tests of a `SessionRef` begin with: a store in memory, time and chance in their hands. */
import { type Session, SessionStore } from "@latchkey/core"
import { Clock, Effect, Layer, Random, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"

/** Who speaks where a `TestProvider` does. */
export const where = { provider: "test", instance: "memory" }

export const tokenOf = (session: Session) =>
  session.accessToken ? Redacted.value(session.accessToken) : "none"

/** On a store of its own. */
export const provided = <A, E>(effect: Effect.Effect<A, E, SessionStore | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(Layer.fresh(SessionStore.layerMemory)))

/** Lets every fiber that can run do so. */
export const settle = TestClock.adjust(0)

/** With this chance, everything that is up to chance. */
export const withChance = (chance: number) =>
  Effect.provideService(Random.Random, { nextDoubleUnsafe: () => chance, nextIntUnsafe: () => 0 })

/** A wall clock that jumps while no timer fires and the monotonic clock stands still, as on a machine that was asleep. */
export const sleepyClock = Clock.clockWith((clock) =>
  Effect.sync(() => {
    let jumped = 0
    const now = () => clock.currentTimeMillisUnsafe() + jumped
    return {
      jump: (millis: number) => void (jumped += millis),
      clock: { ...clock, currentTimeMillisUnsafe: now, currentTimeMillis: Effect.sync(now) }
    }
  })
)
