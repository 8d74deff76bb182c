import { type Credentials, Resonite } from "@latchkey/resonite"
import { Effect, type Redacted } from "effect"

/** Asks for a code only if the account has a second factor, and repeats the login once. */
export const signIn = <E, R>(
  credentials: Credentials,
  askForCode: Effect.Effect<Redacted.Redacted<string>, E, R>
) =>
  Effect.gen(function* () {
    const resonite = yield* Resonite
    return yield* resonite
      .login(credentials)
      .pipe(
        Effect.catchTag("FailedPrecondition", (error) =>
          error.precondition === "TotpRequired"
            ? Effect.flatMap(askForCode, (totp) => resonite.login({ ...credentials, totp }))
            : Effect.fail(error)
        )
      )
  })
