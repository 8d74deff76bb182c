/** One session in one store: what processes do with it, and what the service and the store know of it. */
import { SessionStore } from "@latchkey/core"
import * as StoredSession from "@latchkey/core/StoredSession"
import { Context, Deferred, Effect, Fiber, Layer, Option, Redacted, type Scope } from "effect"
import { type Age, keyOf, sessionOf } from "./authorityProvider.ts"
import { type Account, Authority, held } from "./Authority.ts"
import type { Opening } from "./caller.ts"
import { type Caller, Crew, type Said } from "./Crew.ts"
import type { Moment } from "./moments.ts"
import type { Place } from "./places.ts"
import { type StoreName, stores } from "./stores.ts"
import { labelOf } from "./TokenLedger.ts"

export type World = Authority | Crew | Scope.Scope

export interface Stage extends Account {
  /** The n-th process, which others share, holding the session; `otherwise`: what is not as usual. */
  readonly caller: (
    n: number,
    otherwise?: Partial<Opening>
  ) => Effect.Effect<Caller, never, Crew | Scope.Scope>
  /** The same in a process of its own, which may be stopped and killed. */
  readonly own: (otherwise?: Partial<Opening>) => Effect.Effect<Caller, never, Crew | Scope.Scope>
  /** The label of the token in the store. */
  readonly stored: Effect.Effect<string>
  /** All that is stored of the session, as text. */
  readonly bytes: Effect.Effect<string>
}

const nothing = () => "nothing"

/** Signs in, and puts the session into the store: login 1, generation 1. */
export const stage = Effect.fnUntraced(function* (
  store: StoreName,
  { address }: Place,
  { age = "ended", rotates = true }: { readonly age?: Age; readonly rotates?: boolean } = {}
): Effect.fn.Return<Stage, never, World> {
  const kind = stores[store]
  const { account: signUp, url } = yield* Authority
  const account = signUp(rotates)
  const opened = Context.get(yield* Effect.orDie(Layer.build(Layer.fresh(kind.layer(address)))), SessionStore)
  const key = keyOf(kind, account.name)
  yield* Effect.orDie(opened.put(yield* sessionOf(kind, account.name, account.ledger.signIn(), age)))
  const entry = Effect.orDie(opened.get(key))
  const opening: Opening = { store, address, url, account: account.name, rotates, timeout: 30_000 }
  return {
    ...account,
    caller: (n, otherwise) =>
      Crew.use(({ shared }) =>
        Effect.flatMap(shared(n), (member) => member.open({ ...opening, ...otherwise }))
      ),
    own: (otherwise) =>
      Crew.use(({ own }) => Effect.flatMap(own, (member) => member.open({ ...opening, ...otherwise }))),
    stored: Effect.map(
      entry,
      Option.match({
        onNone: nothing,
        onSome: ({ session: { accessToken } }) =>
          accessToken ? labelOf(Redacted.value(accessToken)) : "none"
      })
    ),
    bytes: Effect.map(
      entry,
      Option.match({
        onNone: nothing,
        onSome: ({ session, version }) => `${version} ${StoredSession.encode(session)}`
      })
    )
  }
})

export type How = "SIGKILL" | "SIGSTOP" | "waiting"

export interface HeldUp {
  readonly holder: Caller
  /** Whether it came to the moment at all, and when, in ms since 1970. */
  readonly reached: boolean
  readonly since: number
  readonly answer: Effect.Effect<Said>
  /** What waits goes on; what is stopped wakes up. */
  readonly goOn: Effect.Effect<void>
}

/** A process that was asked for the session, has begun to renew it, and is held up at this moment. */
export const heldUp = Effect.fnUntraced(function* (
  { caller, faults, own }: Stage,
  at: Moment,
  by: How
): Effect.fn.Return<HeldUp, never, Crew | Scope.Scope> {
  const call = held()
  const isAtService = at === "request sent"
  if (isAtService) faults.push(call)
  const otherwise = isAtService ? {} : { heldUp: { at, by } }
  const holder = yield* by === "waiting" ? caller(2, otherwise) : own(otherwise)
  const wake = by === "SIGSTOP" ? holder.signal("SIGCONT") : Effect.void
  yield* Effect.addFinalizer(() => Effect.andThen(Deferred.succeed(call.letGo, undefined), wake))
  const asked = yield* Effect.forkScoped(holder.get(1))
  const arrived = Effect.andThen(
    Deferred.await(call.arrived),
    Effect.sync(() => Date.now())
  )
  const [reached, since] = yield* Effect.raceFirst(
    Effect.map(isAtService ? arrived : holder.heldUp, (now) => [true, now] as const),
    Effect.map(Fiber.join(asked), ({ now }) => [false, now] as const)
  )
  if (isAtService && by !== "waiting") {
    yield* holder.signal(by)
    // It is heard all the same: the answer waits for nobody, or for a process that sleeps.
    yield* Deferred.succeed(call.letGo, undefined)
  }
  if (by === "SIGKILL" && reached) yield* holder.ended
  const goOn = Effect.andThen(
    isAtService ? Deferred.succeed(call.letGo, undefined) : Effect.void,
    by === "SIGSTOP" ? wake : isAtService ? Effect.void : holder.tell({ do: "goOn" })
  )
  return { holder, reached, since, answer: Fiber.join(asked), goOn: Effect.asVoid(goOn) }
})

/** How often each was said. */
export const tally = (answers: ReadonlyArray<Said>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const word of answers.flatMap(({ said }) => said)) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

/** What was seen, beside what was promised, under the same names. */
export interface Verdict {
  readonly seen: Readonly<Record<string, unknown>>
  readonly promised: Readonly<Record<string, unknown>>
}
