/** Where sessions come from: credentials, a registration, a second factor. */
import { FailedPrecondition } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { type ActivationPending, type RegisterError, SignIn, type SignedIn } from "../SignIn.ts"
import type { Synmetrix } from "../Synmetrix.ts"
import * as Arguments from "./arguments.ts"
import type { Calls } from "./calls.ts"
import * as Wire from "./wire.ts"

/** One registration, as it is on the wire. */
export const register = Effect.fnUntraced(function* (
  { ask, post }: Calls,
  json: string,
  asked: { readonly email: string; readonly cookie: boolean }
): Effect.fn.Return<SignedIn | ActivationPending, RegisterError> {
  const { body, session } = yield* ask("register", post("register", json), asked)
  const pending = Wire.pending(body)
  return Option.isSome(pending)
    ? SignIn.ActivationPending({ user: pending.value })
    : SignIn.SignedIn({ session: yield* session })
})

export const make = (
  calls: Calls,
  cookie: boolean
): Pick<Synmetrix["Service"], "login" | "register" | "submitTotp" | "sessionOf"> => {
  const { ask, post, where, within } = calls
  const missing = (precondition: FailedPrecondition["precondition"], message: string) =>
    Effect.fail(new FailedPrecondition({ ...where, precondition, message }))
  return {
    login: ({ email, password }, call) =>
      within(
        "Synmetrix.login",
        call,
        Effect.gen(function* () {
          yield* Arguments.text(where, "email", email)
          yield* Arguments.text(where, "password", password)
          const json = JSON.stringify({ email, password: Redacted.value(password), cookie })
          const { body, session } = yield* ask("login", post("login", json), { email, cookie })
          const ticket = Wire.ticket(body)
          return Option.isSome(ticket)
            ? SignIn.SecondFactorRequired({ ticket: ticket.value })
            : SignIn.SignedIn({ session: yield* session })
        })
      ),
    register: ({ allowedRoles, defaultRole, email, password, userData }, call) =>
      within(
        "Synmetrix.register",
        call,
        Effect.gen(function* () {
          yield* Arguments.text(where, "email", email)
          if (password !== undefined) yield* Arguments.text(where, "password", password)
          const json = yield* Arguments.json(where, "userData", {
            email,
            ...(password !== undefined && { password: Redacted.value(password) }),
            cookie,
            ...(userData !== undefined && { user_data: userData }),
            ...((allowedRoles !== undefined || defaultRole !== undefined) && {
              register_options: {
                ...(allowedRoles !== undefined && { allowed_roles: allowedRoles }),
                ...(defaultRole !== undefined && { default_role: defaultRole })
              }
            })
          })
          return yield* register(calls, json, { email, cookie })
        })
      ),
    submitTotp: ({ code, ticket }, call) =>
      within(
        "Synmetrix.submitTotp",
        call,
        Effect.gen(function* () {
          yield* Arguments.text(where, "ticket", ticket)
          yield* Arguments.text(where, "code", code)
          const json = JSON.stringify({ ticket: Redacted.value(ticket), code: Redacted.value(code), cookie })
          const { session } = yield* ask("totp", post("mfa/totp", json), { cookie })
          return yield* session
        })
      ),
    sessionOf: (result) => {
      switch (result._tag) {
        case "SignedIn":
          return Effect.succeed(result.session)
        case "SecondFactorRequired":
          return missing("TotpRequired", "the password is right, and a code is needed: go on with submitTotp")
        case "ActivationPending":
          return missing("AccountNotActivated", "the account waits for the link in its mail")
      }
    }
  }
}
