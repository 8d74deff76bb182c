/** Which arguments about roles cannot work, before anything is sent. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Permission } from "../Role.ts"
import * as Arguments from "./arguments.ts"
import * as RoleWire from "./roleWire.ts"

/** One object for each permission, as they travel. */
export const permissions = (
  where: Where,
  given: unknown
): Effect.Effect<ReadonlyArray<Permission>, InvalidRequest> =>
  Option.match(RoleWire.permission(given), {
    onNone: () => Arguments.invalid(where, "permissions", "permissions must be texts by key"),
    onSome: (all) => Effect.succeed(RoleWire.listed(all))
  })

export const maxAge = (
  where: Where,
  given: Duration.Input
): Effect.Effect<Duration.Duration, InvalidRequest> =>
  Option.match(
    Option.filter(Duration.fromInput(given), (it) => !Duration.isNegative(it)),
    {
      onNone: () =>
        Arguments.invalid(where, "maxAge", 'maxAge must be a duration of 0 or more, such as "5 minutes"'),
      onSome: (it) => Effect.succeed(it)
    }
  )
