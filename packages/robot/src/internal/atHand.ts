/** What is at hand to sign in with, and in which order it is tried (contract, sections 2.7 and 5.48). */
import { InvalidRequest, type InvalidToken, NotAuthenticated } from "@latchkey/core/AuthError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

export interface Login {
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

export const USERNAME = "BOSDYN_CLIENT_USERNAME"

export const PASSWORD = "BOSDYN_CLIENT_PASSWORD"

const environment = Config.all({
  username: Config.option(Config.String(USERNAME)),
  password: Config.option(Config.Redacted(PASSWORD))
})

interface Where {
  readonly provider: string
  readonly instance: string
}

/** Both or neither: a user name alone is as good as none. */
const fromEnvironment = (where: Where): Effect.Effect<Option.Option<Login>, InvalidRequest> =>
  environment.pipe(
    Effect.map(({ username, password }) =>
      Option.all({
        username: Option.filter(username, (name) => name !== ""),
        password: Option.filter(password, (secret) => Redacted.value(secret) !== "")
      })
    ),
    Effect.mapError(
      () =>
        new InvalidRequest({
          ...where,
          message: `${USERNAME} and ${PASSWORD} cannot be read from the configuration`,
          field: USERNAME
        })
    )
  )

/**
 * A held token first, from which only the robot's verdict on it leads on; then the environment, whose refusal is
 * final; then whoever can be asked.
 */
export const signIn = Effect.fnUntraced(function* <A, E, F, P, R>(options: {
  readonly where: Where
  readonly held: Option.Option<Effect.Effect<A, E | InvalidToken>>
  readonly prompt: Option.Option<Effect.Effect<Login, P, R>>
  readonly login: (login: Login) => Effect.Effect<A, F>
}): Effect.fn.Return<A, E | F | P | InvalidRequest | NotAuthenticated, R> {
  if (Option.isSome(options.held)) {
    const session = yield* options.held.value.pipe(
      Effect.asSome,
      Effect.catchTag("InvalidToken", () => Effect.succeedNone)
    )
    if (Option.isSome(session)) return session.value
  }
  const set = yield* fromEnvironment(options.where)
  if (Option.isSome(set)) return yield* options.login(set.value)
  if (Option.isSome(options.prompt)) return yield* Effect.flatMap(options.prompt.value, options.login)
  return yield* new NotAuthenticated({
    ...options.where,
    message: `nothing to sign in with; set ${USERNAME} and ${PASSWORD}, or give a prompt`
  })
})
