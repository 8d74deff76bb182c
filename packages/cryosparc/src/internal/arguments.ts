/** Which arguments cannot work, before anything is sent. */
import { InvalidRequest } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Credentials, Options } from "../CryoSparc.ts"
import * as Address from "./address.ts"

/** Expiries are cut to whole seconds, and servers refuse more than a year (contract, section 7). */
const LIFE = { minimum: Duration.seconds(1), maximum: Duration.days(365) }

const invalid = (where: Where, field: string, advice: string) =>
  Effect.fail(new InvalidRequest({ ...where, message: advice, field }))

/** Half a surrogate pair would go out as another character. */
const isText = (text: string): boolean => text !== "" && text.isWellFormed()

/** What is no address may hold a secret that does not belong there, so no error shows it. */
export const address = ({
  plainHttp = "loopback",
  url
}: Options): Effect.Effect<Address.Address, InvalidRequest> => {
  const where = { provider: "cryosparc", instance: "cryosparc" }
  const parsed = Address.parse(url)
  if (parsed === undefined) {
    return invalid(
      where,
      "url",
      "url must be a host and a port, such as https://cryosparc.example.com or localhost:39000, without credentials, query or fragment"
    )
  }
  return parsed.isExposed && plainHttp !== "anywhere"
    ? invalid(
        { ...where, instance: parsed.instance },
        "url",
        'plain http shows the sign-in and its token to the whole network; use https://, or say plainHttp: "anywhere" where the network is trusted'
      )
    : Effect.succeed(parsed)
}

export const credentials = (where: Where, given: Credentials): Effect.Effect<void, InvalidRequest> => {
  if (!isText(given.email)) return invalid(where, "email", "email must be a non-empty text")
  return isText(Redacted.value(given.password))
    ? Effect.void
    : invalid(where, "password", "password must be a non-empty text")
}

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

export const life = (where: Where, given: Duration.Input): Effect.Effect<Duration.Duration, InvalidRequest> =>
  duration(
    where,
    "expiresIn",
    given,
    Duration.between(LIFE),
    "expiresIn must be a duration of at least 1 second and at most 365 days"
  )
