/**
 * What an answer of the service means: the one place that knows its numbers (contract, sections 3.1 and 6). Of what it wrote
 * about a failure only the names of its own parameters are read: the rest may repeat what was sent.
 */
import * as AuthError from "@latchkey/core/AuthError"
import type { HttpAnswer, Where } from "@latchkey/core/HttpExchange"
import * as TransportError from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { whichField } from "./whichField.ts"

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
      message: "the code was refused; it is good once, and not for long: sign in again"
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

export const notUnderstood = (where: Where, what: string, code?: number): AuthError.InvalidResponse =>
  new AuthError.InvalidResponse({
    ...where,
    message: `${what}; is this the address of TrustAuthX?`,
    ...(code !== undefined && { code })
  })

/** What was read of an answer; none is one of another shape than is documented. */
export const understood = <A>(
  where: Where,
  read: Option.Option<A>,
  what = "the answer is not of the documented shape"
): Effect.Effect<A, AuthError.InvalidResponse> =>
  Option.match(read, { onNone: () => Effect.fail(notUnderstood(where, what)), onSome: Effect.succeed })

const isHtml = ({ headers }: HttpAnswer): boolean => /^text\/html\b/i.test(headers["content-type"] ?? "")

const json = (text: string): Option.Option<unknown> => Option.liftThrowable(JSON.parse)(text)

const missing = (where: Where, field: string): AuthError.InvalidRequest =>
  new AuthError.InvalidRequest({ ...where, message: `there is no such ${field}`, field })

const refusedArguments = (where: Where, field: string | undefined): AuthError.InvalidRequest =>
  new AuthError.InvalidRequest({
    ...where,
    message: `the service refused ${field ?? "the request"}`,
    ...(field !== undefined && { field })
  })

/** What is nobody's verdict: neither on a token nor on an argument. */
const outage = (where: Where, answer: HttpAnswer): AuthError.ProviderError | undefined => {
  const { retryAfter, status } = answer
  const because = (reason: TransportError.TransportErrorReason) =>
    AuthError.TransportError.because(where, reason)
  if (status === 408) return because(new TransportError.TimedOut({ message: "the service gave up waiting" }))
  if (status === 429) {
    const message = "too many requests; wait before trying again"
    const wait = Option.isSome(retryAfter) && { retryAfter: retryAfter.value }
    return because(new TransportError.RateLimited({ message, ...wait }))
  }
  return status >= 500 || (status >= 400 && isHtml(answer))
    ? new AuthError.ServerError({ ...where, message: "the service failed; try again", status })
    : undefined
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

const NOT_JSON = "the answer is not JSON"

const parsed = (where: Where, answer: HttpAnswer) =>
  answer.isJson
    ? Effect.flatMap(answer.text, (text) => understood(where, json(text), NOT_JSON))
    : Effect.fail(notUnderstood(where, NOT_JSON))

/** The JSON of an answer that was good. */
export const value =
  <S extends Sent>(where: Where, question: Question<S>) =>
  (answer: HttpAnswer): Effect.Effect<unknown, Refusal<S>> => {
    if (answer.status === 200) return parsed(where, answer)
    const failure = outage(where, answer)
    return failure === undefined ? refusal(where, question, answer) : Effect.fail(failure)
  }

/** Whether a token is good: only a verdict says no. */
export const verdict =
  (where: Where) =>
  (answer: HttpAnswer): Effect.Effect<boolean, AuthError.ProviderError> => {
    if (answer.status === 200) return Effect.map(parsed(where, answer), (given) => given !== false)
    const failure = outage(where, answer)
    return failure === undefined ? Effect.succeed(false) : Effect.fail(failure)
  }
