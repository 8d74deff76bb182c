/**
 * Renews one session as often as is said on the command line. Prints the highest that the heap has been, of what is still
 * reachable, in either half of that: one moment alone says little.
 */
import { type Provider, Session, SessionKey, SessionRef, SessionStore } from "@latchkey/core"
import { Clock, DateTime, Duration, Effect, Redacted } from "effect"
import { setImmediate } from "node:timers/promises"

const LIFE = Duration.toMillis(Duration.hours(1))
const renewals = Number(process.argv[2])

/** The time of this machine, and an hour more whenever a renewal is wanted. */
const clockAhead = (clock: Clock.Clock) => {
  let ahead = 0
  const moved: Clock.Clock = {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + ahead,
    currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + ahead),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => clock.currentTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n,
    monotonicTimeNanos: Effect.sync(() => clock.monotonicTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n),
    sleep: (duration) => clock.sleep(duration)
  }
  return { moved, anHourLater: () => (ahead += LIFE) }
}

const SAMPLES = 100

/** While the first of them are taken, code is still being compiled. */
const WARM_UP = SAMPLES / 10

const heapUsed = Effect.promise(async () => {
  if (globalThis.gc === undefined) throw new Error("run it with --expose-gc")
  // What is weakly held is let go only between two turns.
  for (let turn = 0; turn < 2; turn++) {
    await setImmediate()
    globalThis.gc()
  }
  return process.memoryUsage().heapUsed
})

let calls = 0

const mint = (key: SessionKey) =>
  Effect.map(
    DateTime.now,
    (issuedAt) =>
      new Session({
        key,
        accessToken: Redacted.make(`access-${calls}`.padEnd(500, ".")),
        refreshToken: Redacted.make(`refresh-${calls}`.padEnd(100, ".")),
        issuedAt,
        expiresAt: DateTime.addDuration(issuedAt, LIFE)
      })
  )

const provider: Provider = {
  name: "memory",
  instance: "memory",
  rotates: true,
  refresh: ({ key }) =>
    Effect.suspend(() => {
      calls++
      return mint(key)
    }),
  logout: () => Effect.succeed("Revoked")
}

const key = new SessionKey({ provider: "memory", instance: "memory", account: "ada" })

const program = Clock.clockWith((clock) => {
  const { anHourLater, moved } = clockAhead(clock)
  return Effect.gen(function* () {
    const live = yield* SessionRef.make(provider, yield* mint(key))
    const heaps: Array<number> = []
    const every = Math.max(1, Math.floor(renewals / SAMPLES))
    for (let n = 1; n <= renewals; n++) {
      anHourLater()
      yield* live.get
      if (n % every === 0) heaps.push(yield* heapUsed)
    }
    const half = heaps.length / 2
    return { calls, early: Math.max(...heaps.slice(WARM_UP, half)), late: Math.max(...heaps.slice(half)) }
  }).pipe(Effect.provideService(Clock.Clock, moved))
})

const measured = await Effect.runPromise(
  program.pipe(Effect.scoped, Effect.provide(SessionStore.layerMemory))
)
console.log(JSON.stringify(measured))
