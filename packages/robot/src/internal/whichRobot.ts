/**
 * Which robot is at the other end.
 *
 * Each authority has a connection of its own, and an address may lead to another robot from one moment to the next. So
 * a secret only goes out on a connection that was made for it just before a robot said who it is, over a connection
 * made after that one; and again as long as none was made or lost since. What remains: a robot that takes the address
 * and gives it back between the making of the two.
 */
import { TransportError } from "@latchkey/core/AuthError"
import { Closed, TimedOut } from "@latchkey/core/TransportError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { RobotId } from "../RobotId.ts"
import * as UnderWay from "./underWay.ts"

/** A robot, as long as `connections` stays what it was. */
export interface Answerer {
  readonly serialNumber: string
  readonly connections: number
}

export interface WhichRobot<E> {
  /** Who is at the end of the connection for that authority, which stands when the answer is there. */
  readonly behind: (
    authority: string,
    timeout: Duration.Duration
  ) => Effect.Effect<Answerer, E | TransportError>
}

interface Known extends Answerer {
  /** Those whose connections lead to it. */
  readonly authorities: Set<string>
}

export interface Options<E> {
  readonly provider: string
  readonly instance: string
  /** Of the service that knows who the robot is. */
  readonly idAuthority: string
  /** What the question is given at least, so that an impatient caller does not fail it for a patient one. */
  readonly patience: Duration.Duration
  /** Grows with every connection that is made, and with every one that is lost. */
  readonly connections: Effect.Effect<number>
  /** Does nothing, and at once, where there is a connection; `anew` replaces it. */
  readonly connect: (
    authority: string,
    options: { readonly anew: boolean; readonly timeout: Duration.Duration }
  ) => Effect.Effect<void, E>
  readonly ask: (timeout: Duration.Duration) => Effect.Effect<RobotId, E>
}

/** How often it is asked at most, when a connection was made or lost in the meantime. */
const ROUNDS = 3

export const make = Effect.fnUntraced(function* <E>(
  options: Options<E>
): Effect.fn.Return<WhichRobot<E>, never, Scope.Scope> {
  const { connect, connections, idAuthority, patience } = options
  const underWay = yield* UnderWay.make<Answerer, E | TransportError>()
  let known: Known | undefined

  const because = (reason: Closed | TimedOut) => Effect.fail(TransportError.because(options, reason))

  const tooLate = because(new TimedOut({ message: "the robot did not say who it is in time" }))

  const question = Effect.fnUntraced(function* (authority: string, given: Duration.Duration) {
    const timeout = Duration.max(given, patience)
    for (let round = 0; round < ROUNDS; round++) {
      const unchanged = (yield* connections) === known?.connections ? known : undefined
      if (authority !== idAuthority) yield* connect(authority, { anew: true, timeout })
      yield* connect(idAuthority, { anew: true, timeout })
      const before = yield* connections
      const { serialNumber } = yield* options.ask(timeout)
      yield* connect(authority, { anew: false, timeout })
      if ((yield* connections) !== before) continue
      // Connections that led to this robot still do; those of another one are made anew before they are used.
      const others = unchanged?.serialNumber === serialNumber ? unchanged.authorities : []
      known = {
        serialNumber,
        connections: before,
        authorities: new Set([...others, authority, idAuthority])
      }
      return known
    }
    return yield* because(new Closed({ message: "connections to the robot come and go; try again" }))
  })

  const forget = (authority: string) => Effect.sync(() => void known?.authorities.delete(authority))

  /** The known robot, if the connection for that authority still leads to it. Costs next to nothing when it does. */
  const still = (authority: string, timeout: Duration.Duration): Effect.Effect<Known | undefined, E> =>
    Effect.flatMap(connections, (count) =>
      known?.connections === count && known.authorities.has(authority)
        ? connect(authority, { anew: false, timeout }).pipe(
            Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : forget(authority))),
            Effect.andThen(connections),
            Effect.flatMap((after) =>
              after === count && known?.connections === count
                ? Effect.succeed(known)
                : Effect.as(forget(authority), undefined)
            )
          )
        : Effect.succeed(undefined)
    )

  /** Asks or waits until `end`, in milliseconds. Whoever joins another's question does not share its lack of time. */
  const learn = Effect.fnUntraced(function* (
    authority: string,
    timeout: Duration.Duration,
    end: number
  ): Effect.fn.Return<Answerer, E | TransportError> {
    while (true) {
      const { about, exit, joined } = yield* underWay(authority, question(authority, timeout))
      const isMine = !joined || (about === authority && !isTimedOut(exit))
      if (Exit.isFailure(exit) && (isMine || Exit.hasInterrupts(exit))) return yield* exit
      const robot = yield* still(authority, timeout)
      if (robot !== undefined) return robot
      if ((yield* Clock.currentTimeMillis) >= end) return yield* tooLate
    }
  })

  return {
    behind: (authority, timeout) =>
      Effect.flatMap(still(authority, timeout), (robot) =>
        robot === undefined
          ? Effect.flatMap(Clock.currentTimeMillis, (now) =>
              Effect.timeoutOrElse(learn(authority, timeout, now + Duration.toMillis(timeout)), {
                duration: timeout,
                orElse: () => tooLate
              })
            )
          : Effect.succeed(robot)
      )
  }
})

const isTimedOut = <E>(exit: Exit.Exit<unknown, E>): boolean =>
  Option.exists(
    Exit.findErrorOption(exit),
    (error) => error instanceof TransportError && error.reason._tag === "TimedOut"
  )
