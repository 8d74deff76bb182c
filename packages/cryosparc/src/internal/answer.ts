/**
 * What an answer of an instance means: the one place that knows its numbers (contract, section 7). Of what a server
 * wrote about a failure nothing is read, because it may repeat what was sent.
 */
import * as AuthError from "@latchkey/core/AuthError"
import type { HttpAnswer, Where } from "@latchkey/core/HttpExchange"
import * as TransportError from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { LoginError } from "../CryoSparc.ts"
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

/** The error that a status stands for; none for 200, whose body has the word. */
export const refusal = (
  where: Where,
  step: Step,
  { retryAfter, status }: HttpAnswer
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
      const message = "too many requests; wait before trying again"
      return because(
        new TransportError.RateLimited({
          message,
          ...(Option.isSome(retryAfter) && { retryAfter: retryAfter.value })
        })
      )
    }
    case 502:
    case 503:
    case 504:
      return because(
        new TransportError.ServiceUnavailable({ message: "the instance is away; try again later" })
      )
  }
  return status >= 500
    ? new AuthError.ServerError({ ...where, message: "the instance failed; try again", status })
    : notUnderstood(where, `status ${status} means nothing here`, status)
}

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

/** The text of an answer that was good. */
export const body = (where: Where, step: Step, answer: HttpAnswer): Effect.Effect<string, LoginError> => {
  const refused = refusal(where, step, answer)
  if (refused !== undefined) return Effect.fail(refused)
  return answer.isJson ? answer.text : Effect.fail(notUnderstood(where, "the answer is not JSON"))
}
