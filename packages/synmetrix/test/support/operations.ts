import type { AuthError } from "@latchkey/core"
import { type Effect, Redacted } from "effect"
import type { Synmetrix } from "../../src/index.ts"
import { session, UUID } from "./tokens.ts"

export const credentials = { email: "ada@example.com", password: Redacted.make("correct-horse") }

/** Every operation that sends something, with arguments that are good, and the path that it asks first. */
export const operations: Readonly<
  Record<
    string,
    {
      readonly path: string
      readonly run: (synmetrix: Synmetrix["Service"]) => Effect.Effect<unknown, AuthError>
    }
  >
> = {
  login: { path: "/auth/login", run: (it) => it.login(credentials) },
  register: { path: "/auth/register", run: (it) => it.register(credentials) },
  submitTotp: {
    path: "/auth/mfa/totp",
    run: (it) => it.submitTotp({ ticket: Redacted.make(UUID), code: Redacted.make("123456") })
  },
  requestMagicLink: { path: "/auth/login", run: (it) => it.requestMagicLink(credentials.email) },
  sendMagicLink: { path: "/auth/register", run: (it) => it.sendMagicLink("new@example.com") },
  completeMagicLink: {
    path: "/auth/token/refresh",
    run: (it) => it.completeMagicLink(Redacted.make(`https://h/callback?refresh_token=${UUID}`))
  },
  refresh: { path: "/auth/token/refresh", run: (it) => it.refresh(held(it)) },
  refreshToken: { path: "/auth/token/refresh", run: (it) => it.refreshToken(held(it)) },
  logout: { path: "/auth/logout", run: (it) => it.logout(held(it)) },
  revoke: { path: "/auth/logout", run: (it) => it.revoke(held(it)) },
  changePassword: {
    path: "/auth/change-password",
    run: (it) =>
      it.changePassword(held(it), {
        oldPassword: credentials.password,
        newPassword: Redacted.make("battery-staple")
      })
  }
}

const held = ({ instance }: Synmetrix["Service"]) => session({}, instance)
