/** Which arguments cannot work, before anything is sent. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import { SessionKey } from "@latchkey/core/SessionKey"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { Tokens } from "../Tokens.ts"

export const invalid = (where: Where, field: string, message: string): Effect.Effect<never, InvalidRequest> =>
  Effect.fail(new InvalidRequest({ ...where, message, field }))

/** Half a surrogate pair would go out as another character. */
const isText = (given: unknown): given is string =>
  typeof given === "string" && given !== "" && given.isWellFormed()

export const text = (where: Where, field: string, given: unknown): Effect.Effect<string, InvalidRequest> =>
  isText(given) ? Effect.succeed(given) : invalid(where, field, `${field} must be a non-empty text`)

export const secret = (
  where: Where,
  field: string,
  given: Redacted.Redacted<string> | undefined
): Effect.Effect<Redacted.Redacted<string>, InvalidRequest> =>
  given !== undefined && isText(Redacted.value(given))
    ? Effect.succeed(given)
    : invalid(where, field, `${field} must be a non-empty text, redacted`)

export const session = (where: Where, key: SessionKey): Effect.Effect<void, InvalidRequest> =>
  key.provider === where.provider && key.instance === where.instance
    ? Effect.void
    : invalid(where, "session", "the session is of another application: no token of it is sent")

/** A session and a user tell whose they are, and so does what was spread out of one; bare tokens do not. */
const keyOf = (given: unknown): SessionKey | undefined => {
  if (Predicate.hasProperty(given, "session")) return keyOf(given.session)
  return Predicate.hasProperty(given, "key") && given.key instanceof SessionKey ? given.key : undefined
}

export const tokens = (where: Where, given: Tokens): Effect.Effect<void, InvalidRequest> => {
  const key = keyOf(given)
  return key === undefined ? Effect.void : session(where, key)
}

/** One id or several; none only where that says something. */
export const ids = (
  where: Where,
  field: string,
  given: unknown
): Effect.Effect<ReadonlyArray<string>, InvalidRequest> => {
  const several: ReadonlyArray<unknown> = Array.isArray(given) ? given : [given]
  return several.every(isText)
    ? Effect.succeed(several)
    : invalid(where, field, `${field} must be an id, or a list of ids`)
}

export const organization = (
  where: Where,
  given: string | undefined
): Effect.Effect<string, InvalidRequest> =>
  isText(given)
    ? Effect.succeed(given)
    : invalid(where, "orgId", "orgId must be told, here or in the options of the layer")

const duration = (
  where: Where,
  field: string,
  given: Duration.Input,
  fits: (it: Duration.Duration) => boolean,
  advice: string
): Effect.Effect<Duration.Duration, InvalidRequest> =>
  Option.match(Option.filter(Duration.fromInput(given), fits), {
    onNone: () => invalid(where, field, advice),
    onSome: (it) => Effect.succeed(it)
  })

export const leeway = (
  where: Where,
  given: Duration.Input
): Effect.Effect<Duration.Duration, InvalidRequest> =>
  duration(
    where,
    "leeway",
    given,
    (it) => !Duration.isNegative(it) && Duration.isFinite(it),
    'leeway must be a duration, such as "30 seconds"'
  )
