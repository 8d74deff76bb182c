import { InvalidLogin, InvalidToken, type Provider, Session, SessionKey } from "@latchkey/core"
import { Context, DateTime, Effect, Layer, Redacted } from "effect"

const where = { provider: "turnstile", instance: "front door" }

/** A service with a code at the front door. Yours asks a server where this one compares. */
export class Turnstile extends Context.Service<
  Turnstile,
  Provider & {
    readonly enter: (name: string, code: Redacted.Redacted<string>) => Effect.Effect<Session, InvalidLogin>
  }
>()("example/Turnstile") {
  static readonly layer = Layer.sync(Turnstile, () => {
    const inside = new Map<string, string>()

    const admit = (account: string) =>
      Effect.map(DateTime.now, (issuedAt) => {
        const token = `${account}-${DateTime.toEpochMillis(issuedAt)}`
        inside.set(account, token)
        return new Session({
          key: new SessionKey({ ...where, account }),
          accessToken: Redacted.make(token),
          issuedAt,
          expiresAt: DateTime.add(issuedAt, { minutes: 10 })
        })
      })

    return Turnstile.of({
      name: where.provider,
      instance: where.instance,
      rotates: true,
      enter: (name, code) =>
        Redacted.value(code) === "1234"
          ? admit(name)
          : new InvalidLogin({ ...where, message: "wrong code: ask at the desk", factor: "password" }),
      refresh: ({ accessToken, key }) =>
        accessToken !== undefined && inside.get(key.account) === Redacted.value(accessToken)
          ? admit(key.account)
          : new InvalidToken({ ...where, message: "no longer inside: enter again" }),
      logout: ({ key }) =>
        Effect.sync(() => {
          inside.delete(key.account)
          return "Revoked"
        })
    })
  })
}
