/** One renewal that is under way, and those who wait for it. It is over for them when a login or a logout has overtaken it. */
import * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Memory } from "./renewal.ts"
import type { Held } from "./whatIsHeld.ts"

export class Flight<E> {
  readonly #first = Deferred.makeUnsafe<Held, E>()
  readonly #landed = Deferred.makeUnsafe<Held, E>()
  /** For those who could do with what is held: they are not kept waiting for long. */
  readonly first: Effect.Effect<Held, E> = Deferred.await(this.#first)
  readonly landed: Effect.Effect<Held, E> = Deferred.await(this.#landed)
  /** Of the session, when it began. */
  readonly farewells: number
  /** What the next renewal must know. */
  memory: Memory
  joined = 0
  /** Those who could do with what is held are kept waiting no longer. */
  isLate = false

  constructor(farewells: number, memory: Memory) {
    this.farewells = farewells
    this.memory = memory
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
