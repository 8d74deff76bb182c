/** Which arguments cannot work, before anything is sent. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../SignIn.ts"
import type { Where } from "./where.ts"

const invalid = (where: Where, field: string, message: string): InvalidRequest =>
  new InvalidRequest({ ...where, message, field })

/** Half a surrogate pair would go out as another character. */
const isText = (text: string): boolean => text !== "" && text.isWellFormed()

export const credentials = (
  where: Where,
  { credential, password, totp }: Credentials
): Effect.Effect<void, InvalidRequest> => {
  if (!isText(credential))
    return Effect.fail(invalid(where, "credential", "credential must be a non-empty text"))
  if (!isText(Redacted.value(password)))
    return Effect.fail(invalid(where, "password", "password must be a non-empty text"))
  return totp === undefined || isText(Redacted.value(totp))
    ? Effect.void
    : Effect.fail(invalid(where, "totp", "totp must be a code; leave it out where there is none"))
}

/** More than nothing, and with an end. */
export const duration = (
  where: Where,
  field: string,
  given: Duration.Input
): Effect.Effect<Duration.Duration, InvalidRequest> =>
  Option.match(
    Option.filter(Duration.fromInput(given), (it) => Duration.isPositive(it) && Duration.isFinite(it)),
    {
      onSome: Effect.succeed,
      onNone: () =>
        Effect.fail(invalid(where, field, `${field} must be a duration of more than 0, such as "30 seconds"`))
    }
  )
