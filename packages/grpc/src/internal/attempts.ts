/** One attempt: where it goes, on which line, and what came of it. */
import { TransportError } from "@latchkey/core/AuthError"
import { Closed, TimedOut } from "@latchkey/core/TransportError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { CallError, ConnectError } from "../GrpcChannel.ts"
import type { GrpcMethod } from "../GrpcMethod.ts"
import { connected, result } from "./answer.ts"
import { exchange, probe } from "./exchange.ts"
import type { Line } from "./line.ts"
import { type Lines, machine } from "./lines.ts"
import { lost } from "./madeUp.ts"
import type { Outcome, Where } from "./outcome.ts"
import type { Dialling, Outgoing } from "./outgoing.ts"
import { outside } from "./sockets.ts"

export interface Attempts {
  readonly call: <I, O>(method: GrpcMethod<I, O>, request: Outgoing) => Effect.Effect<O, CallError>
  /** To be run at once: what is there is looked at before. */
  readonly connect: (to: Dialling, anew: boolean) => Effect.Effect<void, ConnectError>
}

const on = <A, E>(
  line: Line,
  start: (onDone: (outcome: Outcome) => void) => () => void,
  verdict: (outcome: Outcome) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.callback((resume) => {
    let isOver = false
    line.callStarted()
    const cancel = start((outcome) => {
      if (isOver) return
      isOver = true
      line.callEnded(outcome.code === 4 && !outcome.answered ? "Deadline" : "No")
      outside(() => resume(Effect.suspend(() => verdict(outcome))))
    })
    return Effect.sync(() => {
      if (isOver) return
      isOver = true
      cancel()
      line.callEnded("Interruption")
    })
  })

const deadlineOf = (to: Dialling) => machine.currentTimeMillisUnsafe() + to.timeout

export const make = (
  where: Where,
  address: Effect.Effect<string, TransportError>,
  lines: Lines
): Attempts => {
  /** Finds out where to connect, within the time that there is. */
  const open = Effect.fnUntraced(function* (authority: string, deadline: number) {
    const clock = yield* Clock.Clock
    const found = yield* address.pipe(
      Effect.provideService(Clock.Clock, clock),
      Effect.timeoutOrElse({
        duration: Duration.millis(Math.max(0, deadline - machine.currentTimeMillisUnsafe())),
        orElse: () =>
          Effect.fail(
            TransportError.because(where, new TimedOut({ message: "the socket was not found in time" }))
          )
      }),
      Effect.provideService(Clock.Clock, machine)
    )
    return (
      lines.open(authority, found) ??
      (yield* TransportError.because(where, new Closed({ message: "the scope of the channel has ended" })))
    )
  })

  const lineOf = <A, E>(
    authority: string,
    deadline: number,
    use: (line: Line) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | TransportError> => {
    const line = lines.get(authority)
    return line === undefined ? Effect.flatMap(open(authority, deadline), use) : use(line)
  }

  const standing = (authority: string, deadline: number): Effect.Effect<void, ConnectError> =>
    lineOf(authority, deadline, (line) =>
      Effect.flatMap(
        on(
          line,
          (onDone) => probe(line.channel, deadline, onDone),
          (outcome) => connected(where, outcome, line.socket)
        ),
        () => {
          if (lines.get(authority)?.stands === true) return Effect.void
          // Somebody else wanted another one in the meantime.
          return line.isLost
            ? Effect.fail(TransportError.because(where, lost))
            : standing(authority, deadline)
        }
      )
    )

  return {
    call: (method, request) => {
      const deadline = deadlineOf(request)
      return lineOf(request.authority, deadline, (line) =>
        on(
          line,
          (onDone) => exchange(line, { ...request, deadline }, onDone),
          (outcome) => result(where, method, outcome, line.socket)
        )
      )
    },
    connect: (to, anew) => {
      const present = lines.get(to.authority)
      if (anew) present?.retire()
      else if (present?.stands === true) return Effect.void
      return Effect.suspend(() => standing(to.authority, deadlineOf(to)))
    }
  }
}
