/** One renewal that is under way, and those who wait for it. It is over for them when a login or a logout has overtaken it. */
import * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import type { Session } from "../Session.ts"
import type { Memory } from "./renewal.ts"
import * as whatIsHeld from "./whatIsHeld.ts"

type Held = whatIsHeld.Held

/** What callers ask for. */
export interface Question<A> {
  readonly answer: (held: Held) => Effect.Effect<A, whatIsHeld.NoSession>
  readonly among: <E>(flight: Flight<E>) => Waiting<A, E>
}

export const SESSION: Question<Session> = {
  answer: whatIsHeld.sessionOf,
  among: (flight) => flight.session
}

export const TOKEN: Question<Redacted.Redacted<string>> = {
  answer: whatIsHeld.tokenOf,
  among: (flight) => flight.token
}

/** The same two for however many wait. */
export interface Waiting<A, E> {
  /** For those who could do with what is held: they are not kept waiting for long. */
  readonly first: Effect.Effect<A, E>
  readonly landed: Effect.Effect<A, E>
}

export class Flight<E> {
  readonly #first = Deferred.makeUnsafe<Held, E>()
  readonly #landed = Deferred.makeUnsafe<Held, E>()
  readonly session: Waiting<Session, E>
  readonly token: Waiting<Redacted.Redacted<string>, E>
  /** Of the session, when it began. */
  readonly farewells: number
  /** What the next renewal must know. */
  memory: Memory
  joined = 0
  /** Those who could do with what is held are kept waiting no longer. */
  isLate = false

  /** `settled`: what is answered when it has landed. */
  constructor(
    farewells: number,
    memory: Memory,
    settled: <A>(landed: Effect.Effect<Held, E>, question: Question<A>) => Effect.Effect<A, E>
  ) {
    this.farewells = farewells
    this.memory = memory
    const [first, landed] = [Deferred.await(this.#first), Deferred.await(this.#landed)]
    this.session = { first: settled(first, SESSION), landed: settled(landed, SESSION) }
    this.token = { first: settled(first, TOKEN), landed: settled(landed, TOKEN) }
  }

  land(exit: Exit.Exit<Held, E>): void {
    this.letGo(exit)
    Deferred.doneUnsafe(this.#landed, exit)
  }

  /** Those who could do with what is held. */
  letGo(exit: Exit.Exit<Held, E>): void {
    this.isLate = true
    Deferred.doneUnsafe(this.#first, exit)
  }
}
