/** What each operation of the service does, over any HTTP client. */
import { type InvalidRequest, SessionExpired } from "@latchkey/core/AuthError"
import * as Deadline from "@latchkey/core/Deadline"
import * as HttpExchange from "@latchkey/core/HttpExchange"
import { Session } from "@latchkey/core/Session"
import { SessionKey } from "@latchkey/core/SessionKey"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Credentials, CryoSparc, LoginError, Options } from "../CryoSparc.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import * as Bearer from "./bearer.ts"
import { passwordHash } from "./passwordHash.ts"

/** That of cryosparc-tools. */
const DEFAULT_LIFE = Duration.days(14)

const provider = "cryosparc"

/** The description of a large API is megabytes long. */
const MAX_BYTES: Readonly<Record<Answer.Step, number>> = {
  description: 16 * HttpExchange.MAX_BYTES,
  login: HttpExchange.MAX_BYTES
}

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<CryoSparc["Service"], InvalidRequest, HttpClient.HttpClient> {
  const { api, instance } = yield* Arguments.address(options)
  const where = { provider, instance } as const
  const timeout = yield* Deadline.make(where, options.timeout)
  const exchange = yield* HttpExchange.make(where)
  const withToken = Bearer.make(
    yield* Effect.flatMap(HttpClient.HttpClient, HttpExchange.withoutRedirects),
    api
  )

  const ask = (step: Answer.Step, request: HttpClientRequest.HttpClientRequest) =>
    exchange(request, (answer) => Answer.body(where, step, answer), { maxBytes: MAX_BYTES[step] })

  /** Two requests, and whatever comes of them. */
  const signIn = Effect.fnUntraced(function* (
    { email, password }: Credentials,
    life: Duration.Duration
  ): Effect.fn.Return<Redacted.Redacted<string>, LoginError> {
    const description = HttpClientRequest.get(`${api}/openapi.json`).pipe(HttpClientRequest.acceptJson)
    const path = yield* Effect.fromResult(Answer.loginPath(where, yield* ask("description", description)))
    const login = HttpClientRequest.post(`${api}${path}`).pipe(
      HttpClientRequest.acceptJson,
      HttpClientRequest.bodyUrlParams([
        ["grant_type", "password"],
        ["username", email],
        ["password", Redacted.value(passwordHash(password))],
        ["expires_in", seconds(life)]
      ])
    )
    return yield* Effect.fromResult(Answer.token(where, yield* ask("login", login)))
  })

  return {
    name: provider,
    instance,
    rotates: false,
    renewAfter: () => Option.none(),
    login: Effect.fnUntraced(function* (credentials, call) {
      yield* Arguments.credentials(where, credentials)
      const life = yield* Arguments.life(where, credentials.expiresIn ?? DEFAULT_LIFE)
      const duration = yield* Deadline.make(where, call?.timeout, timeout)
      const asked = yield* DateTime.now
      const accessToken = yield* Effect.timeoutOrElse(signIn(credentials, life), {
        duration,
        orElse: () => HttpExchange.timedOut(where)
      })
      return new Session({
        key: new SessionKey({ provider, instance, account: credentials.email }),
        accessToken,
        issuedAt: yield* DateTime.now,
        expiresAt: DateTime.startOf(DateTime.addDuration(asked, life), "second")
      })
    }, traced("CryoSparc.login")),
    refresh: () =>
      Effect.fail(
        new SessionExpired({ ...where, message: "a CryoSPARC session cannot be renewed: sign in again" })
      ),
    logout: () => Effect.succeed("NotRevocable"),
    client: (credential) =>
      withToken(
        "token" in credential
          ? credential
          : { key: credential.key, token: Effect.succeed(credential.accessToken ?? Redacted.make("")) }
      )
  }
})

/** In decimals, down to the microsecond: no exponent, no needless zero. */
const seconds = (life: Duration.Duration): string =>
  Duration.toSeconds(life)
    .toFixed(6)
    .replace(/\.?0+$/, "")

/** A span without a stack: the failures have their own. */
const traced =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withSpan(effect, name, { captureStackTrace: false })
