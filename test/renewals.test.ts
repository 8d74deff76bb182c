/** What several processes owe each other that share a store, by real processes: `npm run soak` has the full numbers. */
import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Authority } from "../soak/renewals/Authority.ts"
import { callersAtOnce } from "../soak/renewals/callersAtOnce.ts"
import { contention } from "../soak/renewals/contention.ts"
import { Crew } from "../soak/renewals/Crew.ts"
import { deadHolder } from "../soak/renewals/deadHolder.ts"
import { logoutMeanwhile } from "../soak/renewals/logoutMeanwhile.ts"
import { kindsOfLoss, lostAnswer, nobodyListens } from "../soak/renewals/lostAnswer.ts"
import { moments } from "../soak/renewals/moments.ts"
import { all, available, type Place, places, restartable } from "../soak/renewals/places.ts"
import { closedByHolder, reopened } from "../soak/renewals/reopened.ts"
import { LEASE, sleepingHolder, slowRenewal } from "../soak/renewals/sleepingHolder.ts"
import type { Verdict, World } from "../soak/renewals/Stage.ts"
import type { StoreName } from "../soak/renewals/stores.ts"

const TIMEOUT = 120_000

const names = await Effect.runPromise(available)
for (const name of all.filter((it) => !names.includes(it))) {
  process.stderr.write(`SKIPPED: renewals on ${name}. \`npm run services\` installs what it needs\n`)
}

/** All at once; what was seen must be what was promised. */
const kept = <R>(cases: Readonly<Record<string, Effect.Effect<Verdict, never, R>>>) =>
  Effect.map(Effect.all(cases, { concurrency: "unbounded" }), (verdicts) => {
    const each = Object.entries(verdicts)
    assert.deepStrictEqual(
      Object.fromEntries(each.map(([name, { seen }]) => [name, seen])),
      Object.fromEntries(each.map(([name, { promised }]) => [name, promised]))
    )
  })

const each = <K extends string>(
  cases: ReadonlyArray<K>,
  play: (it: K) => Effect.Effect<Verdict, never, World>
) => kept(Object.fromEntries(cases.map((it) => [it, play(it)])))

/** On a place of its own. */
const on = <R>(
  name: StoreName,
  test: (place: Place) => Effect.Effect<void, never, R>,
  found = places[name]
) => Effect.flatMap(Effect.map(found, Option.getOrThrow), test)

const processes = Layer.merge(Authority.layer, Crew.layer)

// Most of the time they wait: for a lease that nobody gives back, for a process that sleeps.
layer(processes, { concurrent: true, excludeTestServices: true })("processes on one store", (it) => {
  it.effect(
    "P10: a holder paused for ten leases neither overwrites nor hands out what is superseded, and loses nothing",
    () =>
      Effect.all(
        [
          ...names.map((name) =>
            on(name, (place) =>
              each(name === "sqlite" ? moments : ["answer arrived"], (moment) =>
                sleepingHolder(name, place, moment, { isSuperseded: false, millis: 10 * LEASE })
              )
            )
          ),
          on("sqlite", (place) =>
            each(moments, (moment) =>
              sleepingHolder("sqlite", place, moment, { isSuperseded: true, millis: 10 * LEASE })
            )
          )
        ],
        { concurrency: "unbounded", discard: true }
      ),
    TIMEOUT
  )

  for (const name of names) {
    it.effect(
      `P04, P41, P42: ${name}: a holder that is killed costs no second call, and nobody the session who could have it`,
      () => on(name, (place) => each(moments, (moment) => deadHolder(name, place, moment))),
      TIMEOUT
    )

    it.effect(
      `P01, S01: ${name}: 8 processes with 50 callers each cause one renewal, and all have what it brought`,
      () => on(name, (place) => kept({ once: callersAtOnce(name, place, 8, 50) })),
      TIMEOUT
    )

    it.effect(
      `P12: ${name}: a logout in another process wins over a renewal, at every moment of it`,
      () => on(name, (place) => each(moments, (moment) => logoutMeanwhile(name, place, moment))),
      TIMEOUT
    )

    it.effect(
      `P42: ${name}: after a lost answer nobody sends the token again, and what is stored stays`,
      () => on(name, (place) => each(kindsOfLoss, (loss) => lostAnswer(name, place, loss, true))),
      TIMEOUT
    )

    it.effect(
      `P08: ${name}: a service that spends no token, and one that was not reached, are asked again`,
      () =>
        on(name, (place) =>
          Effect.andThen(
            each(kindsOfLoss, (loss) => lostAnswer(name, place, loss, false)),
            kept({ nobody: nobodyListens(name, place) })
          )
        ),
      TIMEOUT
    )

    it.effect(
      `P18, P41: ${name}: what a renewal brings is saved though the store was away meanwhile, or its process closes`,
      () =>
        on(
          name,
          // One after the other: the server behind them is one.
          (place) =>
            Effect.andThen(
              kept({ closed: closedByHolder(name, place) }),
              kept({ reopened: reopened(name, place) })
            ),
          restartable[name]
        ),
      TIMEOUT
    )
  }

  it.effect(
    "P04: sqlite: while the old token is good, a holder that is killed costs nobody anything",
    () => on("sqlite", (place) => each(["request sent"], (at) => deadHolder("sqlite", place, at, "due"))),
    TIMEOUT
  )

  it.effect(
    "P01: sqlite: so do 32 processes with 20 callers each",
    () => on("sqlite", (place) => kept({ once: callersAtOnce("sqlite", place, 32, 20) })),
    TIMEOUT
  )
})

it.effect(
  "P10: 100 rounds of processes that contend and sleep through parts of it see no double renewal",
  () =>
    on("sqlite", (place) =>
      Effect.flatMap(contention("sqlite", place.address, 0, 100), (verdicts) =>
        kept(Object.fromEntries(verdicts.map((verdict, n) => [`round ${n}`, Effect.succeed(verdict)])))
      )
    ),
  TIMEOUT
)

layer(processes, { excludeTestServices: true })("a renewal that is slow", (it) => {
  it.effect(
    "P10: sqlite: is waited for, as long as its process lives",
    () => on("sqlite", (place) => kept({ slow: slowRenewal("sqlite", place, 5 * LEASE) })),
    TIMEOUT
  )
})
