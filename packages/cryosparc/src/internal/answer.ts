/**
 * What an answer of an instance means: the one place that knows its numbers (contract, section 7). Of what a server
 * wrote about a failure nothing is read, because it may repeat what was sent.
 */
import * as AuthError from "@latchkey/core/AuthError"
import * as TransportError from "@latchkey/core/TransportError"
import * as Duration from "effect/Duration"
import * as Headers from "effect/http/Headers"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { LoginError } from "../CryoSparc.ts"
import type { Where } from "./arguments.ts"
import * as LoginPath from "./loginPath.ts"
import { Sendable } from "./sendable.ts"

/** Which of the two requests it answers: that for the description, which holds no secret, or the sign-in itself. */
export type Step = "description" | "login"

type InvalidAnswer = AuthError.InvalidResponse | AuthError.TransportError

const notUnderstood = (where: Where, what: string, code?: number): AuthError.InvalidResponse =>
  new AuthError.InvalidResponse({
    ...where,
    message: `${what}; is this the address of a CryoSPARC instance?`,
    ...(code !== undefined && { code })
  })

const notImplemented = (where: Where): AuthError.TransportError =>
  AuthError.TransportError.because(
    where,
    new TransportError.NotImplemented({
      message:
        "nothing to sign in with was found there; it takes CryoSPARC 5, and the address of its web server"
    })
  )

const retryAfter = (headers: Headers.Headers, now: number): Duration.Duration | undefined =>
  Option.fromNullishOr(headers["retry-after"]).pipe(
    Option.flatMap((text) => Result.getSuccess(Headers.parseRetryAfter(text))),
    Option.map((parsed) => Headers.retryAfterDelay(parsed, now)),
    Option.filter((delay) => Number.isSafeInteger(Duration.toMillis(delay))),
    Option.getOrUndefined
  )

/** The error that a status stands for; none for 200, whose body has the word. */
export const refusal = (
  where: Where,
  step: Step,
  status: number,
  headers: Headers.Headers,
  now: number
): LoginError | undefined => {
  const because = (reason: TransportError.TransportErrorReason) =>
    AuthError.TransportError.because(where, reason)
  switch (status) {
    case 200:
      return undefined
    case 400:
    case 422:
      return step === "login"
        ? new AuthError.InvalidRequest({
            ...where,
            message: "the instance refused the form of the request; does it want another life of the session?"
          })
        : notUnderstood(where, "a plain request was refused", status)
    case 401:
      return step === "login"
        ? new AuthError.InvalidLogin({
            ...where,
            factor: "password",
            message: "unknown e-mail or wrong password; ask again, and never repeat it by yourself"
          })
        : new AuthError.PermissionDenied({
            ...where,
            message: "something in front of the instance wants credentials of its own; ask whoever runs it"
          })
    case 403:
      return new AuthError.PermissionDenied({
        ...where,
        message: "the instance, or something in front of it, does not allow this; ask whoever runs it"
      })
    case 404:
    case 405:
    case 501:
      return notImplemented(where)
    case 429: {
      const delay = retryAfter(headers, now)
      const message = "too many requests; wait before trying again"
      return because(new TransportError.RateLimited({ message, ...(delay && { retryAfter: delay }) }))
    }
    case 502:
    case 503:
    case 504:
      return because(
        new TransportError.ServiceUnavailable({ message: "the instance is away; try again later" })
      )
  }
  if (status >= 300 && status < 400) return redirected(where)
  return status >= 500
    ? new AuthError.ServerError({ ...where, message: "the instance failed; try again", status })
    : notUnderstood(where, `status ${status} means nothing here`, status)
}

export const redirected = (where: Where): AuthError.TransportError =>
  AuthError.TransportError.because(
    where,
    new TransportError.UnexpectedRedirect({
      message:
        "the instance sends requests elsewhere, where no password goes; use the address that it leads to"
    })
  )

export const isJson = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType.trim())

const parsed = (body: string): Option.Option<unknown> => Option.liftThrowable(JSON.parse)(body)

const Login = Schema.Struct({ access_token: Sendable, token_type: Schema.Literal("bearer") })

const decodeLogin = Schema.decodeUnknownOption(Login)

/** The token in the body of a sign-in. */
export const token = (
  where: Where,
  body: string
): Result.Result<Redacted.Redacted<string>, AuthError.InvalidResponse> =>
  Option.match(Option.flatMap(parsed(body), decodeLogin), {
    onNone: () => Result.fail(notUnderstood(where, "the answer holds no token that could be used")),
    onSome: ({ access_token }) => Result.succeed(Redacted.make(access_token))
  })

/** The path to sign in under, in the body of the description. */
export const loginPath = (where: Where, body: string): Result.Result<string, InvalidAnswer> => {
  const found = LoginPath.find(Option.getOrUndefined(parsed(body)))
  switch (found._tag) {
    case "Found":
      return Result.succeed(found.path)
    case "Missing":
      return Result.fail(notImplemented(where))
    case "Unsound":
      return Result.fail(notUnderstood(where, "the description of the API cannot be relied on"))
  }
}

/** For an answer that is no text of JSON. */
export const unreadable = (where: Where): AuthError.InvalidResponse =>
  notUnderstood(where, "the answer is not JSON")
