/** Which arguments cannot work, before anything is sent. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { RobotId } from "../RobotId.ts"
import type { Credentials } from "../SignIn.ts"
import * as Address from "./address.ts"
import * as ClientName from "./clientName.ts"
import { isSendable, MAX_LENGTH } from "./sendable.ts"

interface Where {
  readonly provider: string
  readonly instance: string
}

const invalid = (where: Where, field: string, advice: string): InvalidRequest =>
  new InvalidRequest({ ...where, message: advice, field })

const require = (
  where: Where,
  field: string,
  holds: boolean,
  advice: string
): Effect.Effect<void, InvalidRequest> => (holds ? Effect.void : Effect.fail(invalid(where, field, advice)))

const isSerialNumber = Schema.is(RobotId.fields.serialNumber)

/** Half a surrogate pair would go out as another character. */
const isText = (text: string): boolean => text !== "" && text.isWellFormed()

export const username = (where: Where, name: string): Effect.Effect<void, InvalidRequest> =>
  require(where, "username", isText(name), "username must be a non-empty text")

export const credentials = (where: Where, given: Credentials): Effect.Effect<void, InvalidRequest> =>
  Effect.andThen(
    username(where, given.username),
    require(where, "password", isText(Redacted.value(given.password)), "password must be a non-empty text")
  )

export const token = (
  where: Where,
  given: Redacted.Redacted<string> | undefined
): Effect.Effect<Redacted.Redacted<string>, InvalidRequest> =>
  given !== undefined && isSendable(Redacted.value(given))
    ? Effect.succeed(given)
    : Effect.fail(
        invalid(
          where,
          "token",
          `the token must be 1 to ${MAX_LENGTH} visible ASCII characters; sign in with a password instead`
        )
      )

export const client = (
  where: Where,
  name: string,
  serialNumber: string | undefined
): Effect.Effect<void, InvalidRequest> =>
  Effect.andThen(
    require(where, "clientName", ClientName.isAcceptable(
      name
    ), `clientName must be 1 to ${ClientName.MAX_LENGTH} characters of ASCII`),
    require(where, "serialNumber", serialNumber === undefined ||
      isSerialNumber(
        serialNumber
      ), "serialNumber cannot be one; leave it out to take whichever robot is there")
  )

const duration = (
  where: Where,
  field: string,
  given: Duration.Input,
  isAcceptable: (duration: Duration.Duration) => boolean
): Effect.Effect<Duration.Duration, InvalidRequest> => {
  const duration = Option.filter(Duration.fromInput(given), isAcceptable)
  return Option.isSome(duration)
    ? Effect.succeed(duration.value)
    : Effect.fail(invalid(where, field, `${field} must be a duration of more than 0, such as "30 seconds"`))
}

/** More than nothing; `Infinity` for never. */
export const renewAfter = (
  where: Where,
  given: Duration.Input
): Effect.Effect<Duration.Duration, InvalidRequest> =>
  duration(where, "renewAfter", given, Duration.isPositive)

export const target = (where: Where, url: string): Effect.Effect<Address.Address, InvalidRequest> => {
  const address = Address.parse(url)
  if (address !== undefined) return Effect.succeed(address)
  const advice =
    Address.parse(`https://${url}`) === undefined
      ? "url must be https://host or https://host:port, and nothing after it"
      : `url must begin with its scheme; write https://${url}`
  return Effect.fail(invalid(where, "url", advice))
}
