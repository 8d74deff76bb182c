/**
 * Some processes, a store and a service that spends tokens, as plain values: all that can happen to a renewal.
 *
 * A process does its action (the store or the service changes), and hears of it in a move of its own: between the two it may
 * die, sleep past its lease, or be overtaken. What can go wrong is a stock that runs out, so that there is an end.
 */
import {
  begin,
  type Event,
  type Grant,
  type Outcome,
  type State,
  type Turn
} from "../../src/internal/renewalProtocol.ts"
import type { Mark } from "../../src/SessionStore.ts"
import type { Move, Rules } from "./explore.ts"

/** A family of tokens starts with a login; each renewal spends the last token of it. */
interface Token {
  readonly family: number
  readonly generation: number
}

type Failure = "unavailable" | "refused" | "lost"

export type Step = (
  state: State<Token, "reused", Failure>,
  event: Event<Token, "reused", Failure>
) => Turn<Token, "reused", Failure>

/** How often each may still happen. */
export interface Stock {
  readonly crashes: number
  /** Leases that run out although their holder lives. */
  readonly lapses: number
  readonly lostAnswers: number
  readonly refusals: number
  /** Times that the store fails, having done what was asked or not. */
  readonly storeFailures: number
  readonly logouts: number
  readonly logins: number
  /** Moments at which the session's own end is reached. */
  readonly ends: number
}

export const nothing: Stock = {
  crashes: 0,
  lapses: 0,
  lostAnswers: 0,
  refusals: 0,
  storeFailures: 0,
  logouts: 0,
  logins: 0,
  ends: 0
}

export interface Settings {
  readonly processes: number
  readonly rotates: boolean
  readonly forgives: boolean
  /** How often a process tries before it gives up. */
  readonly attempts: number
  /** How often a process finds its session due. */
  readonly rounds: number
  readonly stock: Stock
}

interface Process {
  readonly turn: Turn<Token, "reused", Failure>
  readonly heard: Event<Token, "reused", Failure> | undefined
  readonly lease: Grant | undefined
  readonly attempts: number
  readonly rounds: number
  readonly isAlive: boolean
  /** It has read that the session is past its end. */
  readonly knows: boolean
}

interface Entry {
  readonly version: string
  readonly token: Token
}

/** Someone who logs out: reads, removes what was read, tells the service. */
type Leaver =
  | { readonly at: "reading" }
  | { readonly at: "removing"; readonly read: Entry }
  | { readonly at: "telling"; readonly token: Token }

export interface World {
  readonly processes: ReadonlyArray<Process>
  readonly entry: Entry | undefined
  readonly writes: number
  readonly lease: { readonly fence: number; readonly isHeld: boolean }
  readonly mark: Mark | undefined
  /** By family: the generation that is good, or that it is over. */
  readonly families: ReadonlyArray<number | "over">
  /** The service forgives one, which comes at once. */
  readonly forgiven: ReadonlyArray<number>
  readonly leaver: Leaver | undefined
  readonly isOver: boolean
  readonly hasLeft: boolean
  readonly left: Stock
  readonly wrong: string | undefined
}

/** The store's own conditions, which a test may take away. */
export interface StoreGuards {
  readonly leasesAreExclusive: boolean
  readonly putChecksFence: boolean
  readonly putChecksVersion: boolean
  readonly markChecksFence: boolean
  readonly removeChecksVersion: boolean
}

export const soundStore: StoreGuards = {
  leasesAreExclusive: true,
  putChecksFence: true,
  putChecksVersion: true,
  markChecksFence: true,
  removeChecksVersion: true
}

const names = ["Ada", "Bob", "Cyd"]

export const startOf = ({ attempts, forgives, processes, rotates, rounds, stock }: Settings): World => ({
  processes: Array.from({ length: processes }, () => ({
    turn: begin({ due: "v1", rotates, forgives }, {}),
    heard: undefined,
    lease: undefined,
    attempts: attempts - 1,
    rounds: rounds - 1,
    isAlive: true,
    knows: false
  })),
  entry: { version: "v1", token: { family: 0, generation: 1 } },
  writes: 1,
  lease: { fence: 0, isHeld: false },
  mark: undefined,
  families: [1],
  forgiven: [],
  leaver: undefined,
  isOver: false,
  hasLeft: false,
  left: stock,
  wrong: undefined
})

const take = (stock: Stock, what: keyof Stock): Stock => ({ ...stock, [what]: stock[what] - 1 })

const isDone = (process: Process) => process.turn.state.at === "Done"

const outcomeOf = ({ turn: { state } }: Process): Outcome<Token, "reused", Failure> | undefined =>
  state.at === "Done" ? state.outcome : undefined

const isToTryAgain = (process: Process) => {
  const outcome = outcomeOf(process)
  return process.attempts > 0 && (outcome?._tag === "Failed" || outcome?._tag === "Uncertain")
}
const isDueAgain = (process: Process) => {
  const outcome = outcomeOf(process)
  return process.rounds > 0 && (outcome?._tag === "Renewed" || outcome?._tag === "Found")
}
const isIdle = (process: Process) =>
  !process.isAlive || (isDone(process) && !isToTryAgain(process) && !isDueAgain(process))

const over = (family: number, families: World["families"]) =>
  families.map((good, n) => (n === family ? ("over" as const) : good))

/** A token that is spent says nothing to the service. */
const revoked = ({ families }: World, { family, generation }: Token): World["families"] =>
  families[family] === generation ? over(family, families) : families

export const rulesOf = (step: Step, settings: Settings, store: StoreGuards = soundStore): Rules<World> => {
  /** What the service makes of a token. */
  const redeem = (world: World, token: Token, isAtOnce: boolean): readonly [World, Token | "reused"] => {
    const good = world.families[token.family]
    if (good === token.generation) {
      const next = { family: token.family, generation: token.generation + (settings.rotates ? 1 : 0) }
      return [
        { ...world, families: world.families.map((it, n) => (n === token.family ? next.generation : it)) },
        next
      ]
    }
    if (
      good === token.generation + 1 &&
      settings.forgives &&
      isAtOnce &&
      !world.forgiven.includes(token.family)
    ) {
      const next = { family: token.family, generation: good + 1 }
      return [
        {
          ...world,
          forgiven: [...world.forgiven, token.family],
          families: world.families.map((it, n) => (n === token.family ? next.generation : it))
        },
        next
      ]
    }
    const wrong =
      good === "over" ? world.wrong : "a spent token was sent again: the service takes it for theft"
    return [{ ...world, families: over(token.family, world.families), wrong }, "reused"]
  }

  /** What doing the action leads to: worlds, and what the process will hear. */
  const perform = (
    world: World,
    process: Process
  ): ReadonlyArray<{
    readonly what: string
    readonly world: World
    readonly hears: Event<Token, "reused", Failure>
    readonly lease?: Grant | undefined
  }> => {
    const [action] = process.turn.actions
    if (action === undefined) return []
    const unavailable = { _tag: "Failed", failure: "unavailable" } as const
    const conflict = { _tag: "Conflict" } as const
    const isOurs = process.lease?.fence === world.lease.fence
    const whole = (
      what: string,
      next: World,
      hears: Event<Token, "reused", Failure>,
      lease = process.lease
    ) => {
      const good = { what, world: next, hears, lease }
      if (world.left.storeFailures === 0) return [good]
      const left = take(world.left, "storeFailures")
      const failed = { hears: unavailable, lease: process.lease }
      return next === world
        ? [good, { ...failed, what: `${what}, and the store fails`, world: { ...world, left } }]
        : [
            good,
            { ...failed, what: `${what}, and the store fails before it is done`, world: { ...world, left } },
            { ...failed, what: `${what}, and the store fails after it is done`, world: { ...next, left } }
          ]
    }
    switch (action._tag) {
      case "Lease": {
        if (world.lease.isHeld && store.leasesAreExclusive) {
          return whole("asks for the lease, which is held", world, { _tag: "Busy" })
        }
        const lease = { fence: world.lease.fence + 1, marked: world.mark }
        return whole(
          `is given lease ${lease.fence}${world.mark === undefined ? "" : `, marked "${world.mark}"`}`,
          { ...world, lease: { fence: lease.fence, isHeld: true } },
          { _tag: "Leased", lease },
          lease
        )
      }
      case "Wait":
        return [{ what: "waits", world, hears: { _tag: "Done" }, lease: process.lease }]
      case "Read": {
        const { entry } = world
        const read = entry && { version: entry.version, session: entry.token, isOver: world.isOver }
        return whole(`reads ${entry?.version ?? "nothing"}`, world, { _tag: "Read", entry: read })
      }
      case "Mark":
        return isOurs || !store.markChecksFence
          ? whole(
              action.mark === undefined ? "takes the mark back" : `marks "${action.mark}"`,
              { ...world, mark: action.mark, lease: isOurs ? { ...world.lease, isHeld: true } : world.lease },
              { _tag: "Done" }
            )
          : whole("is refused the mark", world, conflict)
      case "Refresh": {
        const { state } = process.turn
        const [redeemed, token] = redeem(
          world,
          action.session,
          state.at === "Asking" && state.sending.isRepeated
        )
        const after = process.knows ? { ...redeemed, wrong: "a session past its end was renewed" } : redeemed
        const sends = `sends token ${action.session.family}.${action.session.generation}`
        const lost = { _tag: "Lost", failure: "lost" } as const
        const left = take(world.left, "lostAnswers")
        return [
          token === "reused"
            ? {
                what: `${sends}: over`,
                world: after,
                hears: { _tag: "Judged", verdict: token },
                lease: process.lease
              }
            : {
                what: `${sends}: renewed`,
                world: after,
                hears: { _tag: "Answered", session: token },
                lease: process.lease
              },
          ...(world.left.lostAnswers === 0
            ? []
            : [
                {
                  what: `${sends}, which is lost`,
                  world: { ...world, left },
                  hears: lost,
                  lease: process.lease
                },
                {
                  what: `${sends}, and the answer is lost`,
                  world: { ...after, left },
                  hears: lost,
                  lease: process.lease
                }
              ]),
          ...(world.left.refusals === 0
            ? []
            : [
                {
                  what: `${sends}: not now`,
                  world: { ...world, left: take(world.left, "refusals") },
                  hears: { _tag: "Failed", failure: "refused" } as const,
                  lease: process.lease
                }
              ])
        ]
      }
      case "Put": {
        if (store.putChecksFence && action.fence !== world.lease.fence)
          return whole("is refused the write", world, conflict)
        if (store.putChecksVersion && action.expected !== world.entry?.version) {
          return whole("is refused the write", world, conflict)
        }
        const version = `v${world.writes + 1}`
        const before = world.entry?.token
        const wrong = !isOurs
          ? "written by somebody whose lease was taken over"
          : before === undefined
            ? "a session that was logged out is back"
            : before.family !== action.session.family || before.generation > action.session.generation
              ? "a newer session was overwritten"
              : world.wrong
        const entry = { version, token: action.session }
        return whole(
          `writes ${version}`,
          { ...world, entry, writes: world.writes + 1, wrong },
          { _tag: "Saved", version }
        )
      }
      case "Remove": {
        if (
          world.entry !== undefined &&
          store.removeChecksVersion &&
          world.entry.version !== action.expected
        ) {
          return whole("is refused the removal", world, conflict)
        }
        const wrong =
          world.entry !== undefined && world.entry.version !== action.expected
            ? "a session that was not judged was removed"
            : world.wrong
        return whole("removes the entry", { ...world, entry: undefined, wrong }, { _tag: "Done" })
      }
      case "Revoke":
        return [
          {
            what: `has token ${action.session.family}.${action.session.generation} revoked`,
            world: { ...world, families: revoked(world, action.session) },
            hears: { _tag: "Done" },
            lease: process.lease
          }
        ]
      case "Release":
        return whole(
          "gives the lease back",
          isOurs && process.lease !== undefined
            ? { ...world, lease: { ...world.lease, isHeld: false } }
            : world,
          { _tag: "Done" }
        ).map(({ world: next, what }) => ({ what, world: next, hears: { _tag: "Done" }, lease: undefined }))
    }
  }

  const moves = (world: World): ReadonlyArray<Move<World>> => {
    const { left } = world
    const all: Array<Move<World>> = []
    world.processes.forEach((process, n) => {
      const name = names[n] ?? String(n)
      const set = (changed: Process, base: World = world): World => ({
        ...base,
        processes: base.processes.map((it, at) => (at === n ? changed : it))
      })
      if (isIdle(process)) return
      if (left.crashes > 0) {
        const dead = { ...process, isAlive: false, heard: undefined, lease: undefined }
        all.push({ what: `${name} dies`, next: { ...set(dead), left: take(left, "crashes") } })
      }
      if (process.heard !== undefined) {
        const turn = step(process.turn.state, process.heard)
        const knows = process.knows || (process.heard._tag === "Read" && process.heard.entry?.isOver === true)
        all.push({
          what: `${name} hears of it: ${turn.state.at}`,
          next: set({ ...process, turn, heard: undefined, knows })
        })
        return
      }
      if (isToTryAgain(process)) {
        const { memory, terms } = process.turn.state
        const again = {
          ...process,
          turn: begin<Token, "reused", Failure>(terms, memory),
          attempts: process.attempts - 1
        }
        all.push({ what: `${name} tries again`, next: set(again) })
        return
      }
      const outcome = outcomeOf(process)
      if (outcome !== undefined && "version" in outcome) {
        const terms = { ...process.turn.state.terms, due: outcome.version }
        const next = {
          ...process,
          turn: begin<Token, "reused", Failure>(terms, {}),
          rounds: process.rounds - 1
        }
        all.push({ what: `${name} finds ${outcome.version} due`, next: set(next) })
        return
      }
      for (const done of perform(world, process)) {
        all.push({
          what: `${name} ${done.what}`,
          next: set({ ...process, heard: done.hears, lease: done.lease }, done.world)
        })
      }
    })
    if (world.lease.isHeld) {
      const holder = world.processes.find((it) => it.lease?.fence === world.lease.fence)
      const next = { ...world, lease: { ...world.lease, isHeld: false } }
      if (holder === undefined) all.push({ what: "the lease of nobody ends", next })
      else if (left.lapses > 0) {
        all.push({ what: "the holder sleeps past its lease", next: { ...next, left: take(left, "lapses") } })
      }
    }
    if (left.ends > 0) {
      all.push({
        what: "the session comes to its end",
        next: { ...world, isOver: true, left: take(left, "ends") }
      })
    }
    if (left.logins > 0) {
      const version = `v${world.writes + 1}`
      all.push({
        what: "somebody signs in anew",
        next: {
          ...world,
          entry: { version, token: { family: world.families.length, generation: 1 } },
          writes: world.writes + 1,
          families: [...world.families, 1],
          left: take(left, "logins")
        }
      })
    }
    return [...all, ...leaving(world)]
  }

  const leaving = (world: World): ReadonlyArray<Move<World>> => {
    const { leaver, left } = world
    if (leaver === undefined) {
      return left.logouts > 0
        ? [
            {
              what: "somebody logs out",
              next: { ...world, leaver: { at: "reading" }, left: take(left, "logouts") }
            }
          ]
        : []
    }
    switch (leaver.at) {
      case "reading":
        return world.entry === undefined
          ? [{ what: "the leaver finds nothing", next: { ...world, leaver: undefined, hasLeft: true } }]
          : [
              {
                what: `the leaver reads ${world.entry.version}`,
                next: { ...world, leaver: { at: "removing", read: world.entry } }
              }
            ]
      case "removing":
        return world.entry?.version === leaver.read.version
          ? [
              {
                what: "the leaver removes it",
                next: { ...world, entry: undefined, leaver: { at: "telling", token: leaver.read.token } }
              }
            ]
          : [
              {
                what: "the leaver is refused, and looks again",
                next: { ...world, leaver: { at: "reading" } }
              }
            ]
      case "telling":
        return [
          {
            what: "the leaver tells the service",
            next: {
              ...world,
              families: revoked(world, leaver.token),
              leaver: undefined,
              hasLeft: true
            }
          }
        ]
    }
  }

  const isOver = (world: World) => world.processes.every(isIdle) && world.leaver === undefined

  const used = (world: World, what: keyof Stock) => world.left[what] < settings.stock[what]

  /** What must be true when nobody has anything left to do. */
  const endsBadly = (world: World): string | undefined => {
    const { entry, families, processes } = world
    const mayLose = used(world, "crashes") || used(world, "lostAnswers")
    const outcomes = processes.flatMap((it) => (it.isAlive ? [outcomeOf(it)] : []))
    const keeps = processes.some(
      (it) => it.turn.state.memory.unsaved !== undefined && outcomeOf(it)?._tag === "Failed"
    )
    if (entry === undefined && !world.hasLeft && !world.isOver)
      return "the session is gone, and nobody has logged out"
    if (
      entry !== undefined &&
      !mayLose &&
      !keeps &&
      families[entry.token.family] !== entry.token.generation
    ) {
      return "the only good token is lost"
    }
    if (!mayLose && !keeps && !used(world, "storeFailures")) {
      const living = families.filter((good, n) => good !== "over" && n !== entry?.token.family)
      if (living.length > 0 && !used(world, "logins"))
        return "a session is still good behind the back of its user"
    }
    return outcomes.includes(undefined) ? "somebody has no answer" : undefined
  }

  /** What nobody may be told, at any time. */
  const answersBadly = (world: World): string | undefined => {
    const mayLose = used(world, "crashes") || used(world, "lostAnswers")
    const isForgiven =
      settings.forgives &&
      !used(world, "crashes") &&
      !used(world, "lapses") &&
      !used(world, "refusals") &&
      settings.stock.lostAnswers - world.left.lostAnswers < 2
    const isDoubtful =
      (mayLose && !isForgiven) ||
      used(world, "lapses") ||
      (used(world, "storeFailures") && world.processes.length > 1)
    for (const process of world.processes) {
      const outcome = outcomeOf(process)
      switch (outcome?._tag) {
        case "Uncertain":
          if (!isDoubtful || !settings.rotates) return "doubt where there is none"
          break
        case "Failed": {
          if (outcome.failure === "lost" && settings.rotates) return "a doubt was not told"
          const isExcused =
            used(world, "storeFailures") || used(world, "refusals") || used(world, "lostAnswers")
          if (!isExcused) return "a renewal failed for nothing"
          break
        }
        case "Ended":
          if (!world.isOver && !used(world, "logouts")) return "a good session was ended"
          break
        case "Found":
        case "Renewed":
          if (outcome.version === process.turn.state.terms.due) return "what was due was handed out"
          if (Number(outcome.version.slice(1)) > world.writes) return "what was handed out was never saved"
      }
    }
    return undefined
  }

  return {
    moves,
    isOver: (world) => world.wrong !== undefined || isOver(world),
    broken: (world) => world.wrong ?? answersBadly(world) ?? (isOver(world) ? endsBadly(world) : undefined)
  }
}
