/**
 * What an answer means: the one place that knows its numbers (contract, 5.4); `said.ts` is the part of the table that knows
 * sentences. Of what a server wrote nothing is repeated, because it may hold what was sent.
 */
import * as AuthError from "@latchkey/core/AuthError"
import type { HttpAnswer } from "@latchkey/core/HttpExchange"
import * as TransportError from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CallError } from "../SignIn.ts"
import type { Where } from "./arguments.ts"
import * as Said from "./said.ts"
import { whichField } from "./whichField.ts"

const ErrorBody = Schema.Struct({
  statusCode: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.Unknown),
  message: Schema.optionalKey(Schema.Unknown)
})

type Body = Readonly<Record<string, unknown>>

const asBody = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))

const asErrorBody = Schema.decodeUnknownOption(ErrorBody)

export const notUnderstood = (where: Where, what: string, code?: number): AuthError.InvalidResponse =>
  new AuthError.InvalidResponse({ ...where, message: what, ...(code !== undefined && { code }) })

const elsewhere = "is this the address of a Synmetrix application, without a path?"

/** The object in an answer, where it holds one. */
const object = (answer: HttpAnswer): Effect.Effect<Option.Option<Body>, TransportError.TransportError> =>
  answer.isJson
    ? Effect.map(
        Effect.catchTag(Effect.asSome(answer.text), "InvalidResponse", () => Effect.succeedNone),
        (text) => Option.flatMap(Option.flatMap(text, Option.liftThrowable(JSON.parse)), asBody)
      )
    : Effect.succeedNone

/** What a status means, and the object that came with it, if any. None for a good one. */
const refusal = <Op extends Said.Operation>(
  where: Where,
  operation: Op,
  { retryAfter, status }: Pick<HttpAnswer, "retryAfter" | "status">,
  body: Option.Option<Body>
): Said.Verdicts[Op] | CallError => {
  const told = Option.getOrUndefined(Option.flatMap(body, asErrorBody))
  const message = typeof told?.message === "string" ? told.message : undefined
  // Without its form it is not the auth server that speaks, and its silence means nothing.
  const isOurs =
    told?.statusCode === status &&
    typeof told.error === "string" &&
    (message !== undefined || told.message === undefined)
  const verdict = isOurs ? Said.verdict(where, operation, status, message) : undefined
  if (verdict !== undefined) return verdict
  const because = (reason: TransportError.TransportErrorReason) =>
    TransportError.TransportError.because(where, reason)
  switch (status) {
    case 400: {
      if (!isOurs)
        return notUnderstood(where, `the request was refused by something else; ${elsewhere}`, status)
      const field = whichField(message)
      return new AuthError.InvalidRequest({
        ...where,
        message: `the server refused ${field ?? "the request"}`,
        ...(field !== undefined && { field })
      })
    }
    case 401:
    case 403:
      return new AuthError.PermissionDenied({
        ...where,
        message: "the server, or something in front of it, does not let this client in; ask whoever runs it"
      })
    case 404:
    case 405:
      return because(
        new TransportError.NotImplemented({ message: `nothing of that kind is there; ${elsewhere}` })
      )
    case 413:
      return new AuthError.InvalidRequest({ ...where, message: "the request is too large for the server" })
    case 429:
      return because(
        new TransportError.RateLimited({
          message: "too many requests; wait before trying again",
          ...(Option.isSome(retryAfter) && { retryAfter: retryAfter.value })
        })
      )
  }
  return status >= 500
    ? new AuthError.ServerError({ ...where, message: "the server failed; try again", status })
    : notUnderstood(where, `status ${status} means nothing here; ${elsewhere}`, status)
}

/** Any status but 200, or an error that comes as a good answer: then its own status counts. */
const failure = <Op extends Said.Operation>(
  where: Where,
  operation: Op,
  answer: HttpAnswer,
  body: Option.Option<Body>
): Effect.Effect<void, Said.Verdicts[Op] | CallError> => {
  if (answer.status !== 200) return Effect.fail(refusal(where, operation, answer, body))
  if (Option.isNone(body) || !Object.hasOwn(body.value, "error")) return Effect.void
  const { statusCode } = body.value
  return Effect.fail(
    typeof statusCode === "number" && statusCode >= 400 && statusCode <= 599
      ? refusal(where, operation, { ...answer, status: statusCode }, body)
      : notUnderstood(where, "the answer is an error in disguise", 200)
  )
}

/** The object of an answer that was good. */
export const body = Effect.fnUntraced(function* <Op extends Said.Operation>(
  where: Where,
  operation: Op,
  answer: HttpAnswer
): Effect.fn.Return<Body, Said.Verdicts[Op] | CallError> {
  if (answer.status === 204) return yield* notUnderstood(where, "the answer is empty", 204)
  const found = yield* object(answer)
  yield* failure(where, operation, answer, found)
  return Option.isSome(found)
    ? found.value
    : yield* notUnderstood(where, `the answer is no JSON object; ${elsewhere}`, 200)
})

/** For what is answered by 204, which has no body. */
export const done = Effect.fnUntraced(function* <Op extends Said.Operation>(
  where: Where,
  operation: Op,
  answer: HttpAnswer
): Effect.fn.Return<void, Said.Verdicts[Op] | CallError> {
  if (answer.status === 204) return
  yield* failure(where, operation, answer, yield* object(answer))
  return yield* notUnderstood(where, `the answer was to be empty; ${elsewhere}`, 200)
})
