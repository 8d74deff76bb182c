/** The `Provider` of one account at the token service, and its sessions. */
import type { AuthError, Provider, ProviderError } from "@latchkey/core"
import { InvalidResponse, InvalidToken, ServerError, Session, SessionKey } from "@latchkey/core"
import * as HttpExchange from "@latchkey/core/HttpExchange"
import { DateTime, Duration, Effect, Redacted, Schema } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import type { Grant } from "./TokenLedger.ts"

/** How the sessions of a store look. */
export interface Shape {
  readonly provider: string
  /** Else the access token is what a renewal is made with. */
  readonly refreshToken: boolean
}

/** Where a session stands: `ended`, so that there is no token to fall back on, or `due` and good for another four minutes. */
export type Age = "ended" | "due" | "new"

const LIFE = Duration.hours(1)

const ages: Readonly<Record<Age, Duration.Duration>> = {
  new: Duration.zero,
  due: Duration.subtract(LIFE, Duration.minutes(4)),
  ended: Duration.hours(2)
}

export const keyOf = ({ provider }: Shape, account: string): SessionKey =>
  new SessionKey({ provider, instance: "https://authority.example.com", account })

export const sessionOf = Effect.fnUntraced(function* (shape: Shape, account: string, grant: Grant, age: Age) {
  const issuedAt = DateTime.subtractDuration(yield* DateTime.now, ages[age])
  return new Session({
    key: keyOf(shape, account),
    accessToken: Redacted.make(grant.accessToken),
    ...(shape.refreshToken && { refreshToken: Redacted.make(grant.refreshToken) }),
    issuedAt,
    expiresAt: DateTime.addDuration(issuedAt, LIFE)
  })
})

const GrantFromJson = Schema.fromJsonString(
  Schema.Struct({ label: Schema.String, accessToken: Schema.String, refreshToken: Schema.String })
)

export interface Options extends Shape {
  readonly url: string
  readonly account: string
  readonly rotates: boolean
  /** In milliseconds. */
  readonly timeout: number
}

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Provider<ProviderError, AuthError>, never, HttpClient.HttpClient> {
  const { account, provider, rotates, timeout, url } = options
  const where = { provider, instance: url }
  const exchange = yield* HttpExchange.make(where)

  const send = <A, E>(
    operation: string,
    { accessToken, refreshToken }: Session,
    judge: (answer: HttpExchange.HttpAnswer) => Effect.Effect<A, E>
  ) => {
    const token = refreshToken ?? accessToken
    const request = HttpClientRequest.post(`${url}/${account}/${operation}`).pipe(
      HttpClientRequest.bodyText(token === undefined ? "" : Redacted.value(token))
    )
    return Effect.timeoutOrElse(exchange(request, judge), {
      duration: Duration.millis(timeout),
      orElse: () => Effect.fail(HttpExchange.timedOut(where))
    })
  }

  const failed = (status: number) =>
    new ServerError({ ...where, status, message: "the service has failed: try again" })

  const refresh = Effect.fnUntraced(function* ({ status, text }: HttpExchange.HttpAnswer) {
    if (status === 401) {
      return yield* new InvalidToken({ ...where, message: "the token is not good: sign in again" })
    }
    if (status !== 200) return yield* failed(status)
    const grant = yield* Schema.decodeEffect(GrantFromJson)(yield* text).pipe(
      Effect.mapError(() => new InvalidResponse({ ...where, message: "the answer is no grant" }))
    )
    return yield* sessionOf(options, account, grant, "new")
  })

  return {
    name: provider,
    instance: url,
    rotates,
    refresh: (session) => send("token", session, refresh),
    logout: (session) =>
      send("revoke", session, ({ status }) =>
        status === 204 ? Effect.succeed("Revoked" as const) : Effect.fail(failed(status))
      )
  }
})
