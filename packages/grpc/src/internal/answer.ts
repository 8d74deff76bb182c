/** What the outcome of a call means (robot contract, sections 2.6 and 4.15). */
import { type InvalidResponse, TransportError } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import type { GrpcMethod } from "../GrpcMethod.ts"
import { GrpcStatus } from "../GrpcStatus.ts"
import { codeOfHttp, httpFailure } from "./httpAnswer.ts"
import { afterSending, beforeSending, lost, noSocket, notUnderstood, tooLarge } from "./madeUp.ts"
import { notAnAnswer } from "./notAnAnswer.ts"
import type { Failure, Outcome, Where } from "./outcome.ts"

const HTTP_STATUS = /^Received HTTP status code (\d{3})$/

/** The HTTP status that an outcome stands for. */
const httpStatusOf = ({ code, details, isTheirs }: Outcome): number | undefined => {
  const found = HTTP_STATUS.exec(details)
  if (found === null) return undefined
  const status = Number(found[1])
  // A server that says so itself is believed, except where grpc-js says it of a gRPC answer without a status.
  return codeOfHttp(status) === code && (!isTheirs || status === 200) ? status : undefined
}

/** What grpc-js made up, or what is no gRPC at all; none for the server's own words. */
const onTheWay = (where: Where, outcome: Outcome, socket: string | undefined): Failure | undefined => {
  const { code, details } = outcome
  const isRow = ([known, text]: readonly [number, RegExp, ...ReadonlyArray<unknown>]) =>
    known === code && text.test(details)
  const before = outcome.answered
    ? undefined
    : ((socket === undefined ? undefined : noSocket(code, details, socket)) ?? beforeSending.find(isRow)?.[2])
  if (before !== undefined) return TransportError.because(where, before)
  const row = outcome.isTheirs || code === 0 ? undefined : afterSending.find(isRow)
  const foreign = outcome.contentType !== undefined && !outcome.contentType.startsWith("application/grpc")
  // A web page read as a frame has a nonsense length, so that grpc-js calls it too large.
  if (foreign && (row === undefined || row[2] === tooLarge)) {
    return notAnAnswer(where, "a web page or the like, not the answer of a gRPC server")
  }
  if (row !== undefined) return TransportError.because(where, row[2])
  return !outcome.isTheirs && notUnderstood.some(isRow)
    ? notAnAnswer(where, "the answer broke off or was not gRPC", code)
    : undefined
}

/** The failure that an outcome means; none for exactly one message with status 0. `socket`: the path that was dialled. */
export const failureOf = (where: Where, outcome: Outcome, socket?: string): Failure | undefined => {
  const { code, details } = outcome
  const http = httpStatusOf(outcome)
  if (http !== undefined) return httpFailure(where, http, outcome.retryAfter)
  const failure = onTheWay(where, outcome, socket)
  if (failure !== undefined) return failure
  if (!Number.isInteger(code) || code < 0)
    return notAnAnswer(where, "the status of the answer is not a number")
  if (code !== 0) return new GrpcStatus({ code, details })
  if (outcome.messages === 1) return undefined
  return notAnAnswer(where, outcome.messages === 0 ? "success without a message" : "more than one message")
}

/** Whether there is a connection, or the failure that the outcome of an attempt to get one means. */
export const connected = (
  where: Where,
  outcome: Outcome,
  socket?: string
): Effect.Effect<void, TransportError | InvalidResponse> => {
  if (outcome.code === 0) return Effect.void
  const failure = onTheWay(where, outcome, socket)
  return Effect.fail(
    failure?._tag === "TransportError" || failure?._tag === "InvalidResponse"
      ? failure
      : TransportError.because(where, lost)
  )
}

/** The response, or the failure that the outcome means. */
export const result = <I, O>(
  where: Where,
  method: GrpcMethod<I, O>,
  outcome: Outcome,
  socket?: string
): Effect.Effect<O, Failure> => {
  const failure = failureOf(where, outcome, socket)
  if (failure !== undefined) return Effect.fail(failure)
  const decoded = method.decode(outcome.message ?? new Uint8Array())
  return decoded._tag === "Some"
    ? Effect.succeed(decoded.value)
    : Effect.fail(notAnAnswer(where, "the bytes of the answer are not the message"))
}
