/**
 * What an answer of the service means: the one place that knows its numbers (contract, sections 3.1 and 6). Of what it wrote
 * about a failure only the names of its own parameters are read: the rest may repeat what was sent.
 */
import * as AuthError from "@latchkey/core/AuthError"
import type { HttpAnswer, Where } from "@latchkey/core/HttpExchange"
import * as TransportError from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { json, notUnderstood, parsed } from "./whatWasRead.ts"
import { whichField } from "./whichField.ts"

export { notUnderstood, understood } from "./whatWasRead.ts"

/** What a refusal is about: a code, a refresh token, another token, or the application alone, which sent nothing else. */
interface Refusals {
  readonly code: AuthError.InvalidToken
  readonly refresh: AuthError.SessionExpired
  readonly token: AuthError.InvalidToken
  readonly application: AuthError.PermissionDenied
}

export type Sent = keyof Refusals

export type Refusal<S extends Sent> = Refusals[S] | AuthError.ProviderError

export interface Question<S extends Sent> {
  readonly sent: S
  /** The argument that names what may not be there. */
  readonly named?: string
}

const unauthorized: { readonly [S in Sent]: (where: Where) => Refusals[S] } = {
  code: (where) =>
    new AuthError.InvalidToken({
      ...where,
      message:
        "the code was refused, or the keys of the application were; a code is good once, and not for long: sign in again"
    }),
  refresh: (where) =>
    new AuthError.SessionExpired({ ...where, message: "the session cannot be renewed: sign in again" }),
  token: (where) =>
    new AuthError.InvalidToken({
      ...where,
      message: "the token was refused, or the keys of the application were"
    }),
  application: (where) =>
    new AuthError.PermissionDenied({
      ...where,
      message: "the application was refused; are apiKey, secretKey and orgId those of one application?"
    })
}

const isHtml = ({ headers }: HttpAnswer): boolean => /^text\/html\b/i.test(headers["content-type"] ?? "")

const missing = (where: Where, field: string): AuthError.InvalidRequest =>
  new AuthError.InvalidRequest({
    ...where,
    message: `the service knows nothing of that ${field}, or url is wrong`,
    field
  })

const refusedArguments = (where: Where, field: string | undefined): AuthError.InvalidRequest =>
  new AuthError.InvalidRequest({
    ...where,
    message: `the service refused ${field ?? "the request"}`,
    ...(field !== undefined && { field })
  })

/** Fails with what is nobody's verdict: neither on a token nor on an argument. */
const outage = (where: Where, answer: HttpAnswer): Effect.Effect<void, AuthError.ProviderError> => {
  const { retryAfter, status } = answer
  const because = (reason: TransportError.TransportErrorReason) =>
    Effect.fail(AuthError.TransportError.because(where, reason))
  if (status === 408) return because(new TransportError.TimedOut({ message: "the service gave up waiting" }))
  if (status === 429) {
    const message = "too many requests; wait before trying again"
    const wait = Option.isSome(retryAfter) && { retryAfter: retryAfter.value }
    return because(new TransportError.RateLimited({ message, ...wait }))
  }
  return status >= 500 || (status >= 400 && isHtml(answer))
    ? Effect.fail(new AuthError.ServerError({ ...where, message: "the service failed; try again", status }))
    : Effect.void
}

const notImplemented = (where: Where): AuthError.TransportError =>
  AuthError.TransportError.because(
    where,
    new TransportError.NotImplemented({ message: "there is no such operation; is url right?" })
  )

const refusal = <S extends Sent>(
  where: Where,
  { named, sent }: Question<S>,
  { status, text }: HttpAnswer
): Effect.Effect<never, Refusal<S>> => {
  switch (status) {
    case 400:
      return Effect.fail(
        sent === "code" || sent === "refresh" ? unauthorized[sent](where) : refusedArguments(where, undefined)
      )
    case 401:
    case 403:
      return Effect.fail(unauthorized[sent](where))
    case 404:
      return Effect.fail(named === undefined ? notImplemented(where) : missing(where, named))
    case 405:
      return Effect.fail(notImplemented(where))
    case 422:
      return Effect.flatMap(text, (body) =>
        Effect.fail(refusedArguments(where, whichField(Option.getOrUndefined(json(body)))))
      )
  }
  return Effect.fail(notUnderstood(where, `status ${status} means nothing here`, status))
}

/** The JSON of an answer that was good. */
export const value =
  <S extends Sent>(where: Where, question: Question<S>) =>
  (answer: HttpAnswer): Effect.Effect<unknown, Refusal<S>> =>
    answer.status === 200
      ? parsed(where, answer)
      : Effect.andThen(outage(where, answer), refusal(where, question, answer))

/** Whether a token is good: only a verdict says no. */
export const verdict =
  (where: Where) =>
  (answer: HttpAnswer): Effect.Effect<boolean, AuthError.ProviderError> =>
    answer.status === 200
      ? Effect.map(parsed(where, answer), (given) => given !== false)
      : Effect.as(outage(where, answer), false)

/** Fails where the keys of the application are refused: any other verdict is about something else. */
export const keys =
  (where: Where) =>
  (answer: HttpAnswer): Effect.Effect<void, Refusal<"application">> =>
    Effect.andThen(
      outage(where, answer),
      answer.status === 401 || answer.status === 403
        ? Effect.fail(unauthorized.application(where))
        : Effect.void
    )
