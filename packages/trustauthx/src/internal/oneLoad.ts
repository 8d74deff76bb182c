/**
 * One load at a time, shared by everybody who waits. It runs in the scope it was made in: whoever asked for it may go away.
 * No failure is kept.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** One load. It begins when the one before it has ended. */
export interface Flight<A, E> {
  readonly wait: Effect.Effect<A, E>
  /** In milliseconds; undefined until it begins. */
  readonly startedAt: number | undefined
}

class Booked<A, E> implements Flight<A, E> {
  readonly landed: Deferred.Deferred<A, E> = Deferred.makeUnsafe()
  readonly wait: Effect.Effect<A, E> = Deferred.await(this.landed)
  startedAt: number | undefined = undefined
}

export interface Options<A, E> {
  /** Told when it begins. */
  readonly load: (startedAt: number) => Effect.Effect<A, E>
  /** While it still is the current one, and before anybody who waits hears of it. */
  readonly landed: (exit: Exit.Exit<A, E>) => void
}

export class OneLoad<A, E> {
  readonly #options: Options<A, E>
  readonly #context: Context.Context<Scope.Scope>
  readonly #scope: Scope.Scope
  #flight: Booked<A, E> | undefined = undefined
  #next: Booked<A, E> | undefined = undefined

  constructor(options: Options<A, E>, context: Context.Context<Scope.Scope>) {
    this.#options = options
    this.#context = context
    this.#scope = Context.get(context, Scope.Scope)
  }

  get current(): Flight<A, E> | undefined {
    return this.#flight
  }

  /** The one that is under way, or else a new one. */
  join(): Flight<A, E> {
    return this.#flight ?? this.#takeOff(new Booked())
  }

  /** One that begins no earlier than now. */
  latest(): Flight<A, E> {
    return this.#flight === undefined ? this.#takeOff(new Booked()) : (this.#next ??= new Booked())
  }

  #takeOff(flight: Booked<A, E>): Flight<A, E> {
    if (this.#scope.state._tag === "Closed") {
      Deferred.doneUnsafe(flight.landed, Exit.interrupt())
      return flight
    }
    const startedAt = Context.get(this.#context, Clock.Clock).currentTimeMillisUnsafe()
    flight.startedAt = startedAt
    this.#flight = flight
    const fiber = Effect.runForkWith(this.#context)(this.#options.load(startedAt))
    fiber.addObserver((exit) => this.#land(flight, exit))
    Fiber.runIn(fiber, this.#scope)
    return flight
  }

  #land(flight: Booked<A, E>, exit: Exit.Exit<A, E>): void {
    this.#options.landed(exit)
    const next = this.#next
    this.#flight = undefined
    this.#next = undefined
    if (next !== undefined) this.#takeOff(next)
    Deferred.doneUnsafe(flight.landed, exit)
  }
}
