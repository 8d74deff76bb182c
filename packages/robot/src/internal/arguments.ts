/** Which arguments cannot work, before anything is sent. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../SignIn.ts"
import * as Address from "./address.ts"
import * as ClientName from "./clientName.ts"
import * as RootCertificates from "./rootCertificates.ts"
import { isSendable } from "./sendable.ts"

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
          "the token must be one or more visible ASCII characters; sign in with a password instead"
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
    require(where, "serialNumber", serialNumber !==
      "", "serialNumber must not be empty; leave it out to have the robot asked")
  )

export const target = (
  where: Where,
  url: string,
  rootCertificates: string
): Effect.Effect<Address.Address, InvalidRequest> => {
  const address = Address.parse(url)
  if (address === undefined) {
    return Effect.fail(
      invalid(where, "url", "url must be https://host or https://host:port, and nothing after it")
    )
  }
  return Effect.as(
    require(where, "rootCertificates", RootCertificates.isPem(
      rootCertificates
    ), "rootCertificates must hold the root certificate of your robot in PEM form; Robot.rootCertificates reads it"),
    address
  )
}
