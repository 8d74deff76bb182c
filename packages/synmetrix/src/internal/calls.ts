/** How the server is asked: what every request has in common, whatever it is for. */
import type { InvalidRequest, InvalidResponse, TransportError } from "@latchkey/core/AuthError"
import * as Deadline from "@latchkey/core/Deadline"
import * as BaseUrl from "@latchkey/core/BaseUrl"
import * as HttpExchange from "@latchkey/core/HttpExchange"
import type { Session } from "@latchkey/core/Session"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { CallError } from "../SignIn.ts"
import type { CallOptions, Options } from "../Synmetrix.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import * as Granted from "./granted.ts"
import type { Operation, Verdicts } from "./said.ts"

const provider = "synmetrix"

type Request = HttpClientRequest.HttpClientRequest

/** A good answer, and the session in it for whom expects one there. */
export interface Answered {
  readonly body: Readonly<Record<string, unknown>>
  readonly session: Effect.Effect<Session, InvalidResponse>
}

export interface Asked extends Pick<Granted.Asked, "email" | "renewed"> {
  /** Whether the refresh token travels in a cookie. Default: false. */
  readonly cookie?: boolean
}

export interface Calls {
  readonly where: Arguments.Where
  readonly get: (path: string) => Request
  /** `json`, where there is a body. */
  readonly post: (path: string, json: string) => Request
  readonly ask: <Op extends Operation>(
    operation: Op,
    request: Request,
    asked?: Asked
  ) => Effect.Effect<Answered, Verdicts[Op] | CallError>
  /** For what is answered by silence. */
  readonly tell: <Op extends Operation>(
    operation: Op,
    request: Request,
    asked?: Pick<Asked, "cookie">
  ) => Effect.Effect<void, Verdicts[Op] | CallError>
  /** A whole operation: in its span, within its time. */
  readonly within: <A, E>(
    name: string,
    call: CallOptions | undefined,
    effect: Effect.Effect<A, E>
  ) => Effect.Effect<A, E | TransportError | InvalidRequest>
}

/** The token is masked wherever the request is shown. */
export const withToken = (request: Request, token: Redacted.Redacted<string>): Request =>
  HttpClientRequest.setUrlParam(request, "refresh_token", token)

export const make = Effect.fnUntraced(function* (
  options: Pick<Options, "url" | "plainHttp" | "timeout" | "claimsNamespace">
): Effect.fn.Return<Calls, InvalidRequest, HttpClient.HttpClient> {
  const { href: instance } = yield* BaseUrl.make(provider, options)
  const where: Arguments.Where = { provider, instance }
  const timeout = yield* Deadline.make(where, options.timeout)
  const exchange = yield* HttpExchange.make(where)

  /** In a browser no cookie goes along, or is kept, unless it is asked for. */
  const send = <A, E>(
    request: Request,
    cookie: boolean,
    judge: (answer: HttpExchange.HttpAnswer) => Effect.Effect<A, E>
  ) =>
    Effect.flatMap(Effect.serviceOption(FetchHttpClient.RequestInit), (given) =>
      Effect.provideService(exchange(request, judge), FetchHttpClient.RequestInit, {
        ...Option.getOrUndefined(given),
        cache: "no-store",
        credentials: cookie ? "include" : "omit",
        referrerPolicy: "no-referrer"
      })
    )

  return {
    where,
    get: (path) => HttpClientRequest.acceptJson(HttpClientRequest.get(`${instance}/auth/${path}`)),
    post: (path, json) =>
      HttpClientRequest.post(`${instance}/auth/${path}`).pipe(
        HttpClientRequest.acceptJson,
        HttpClientRequest.bodyText(json, "application/json")
      ),
    ask: (operation, request, { cookie = false, ...asked } = {}) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) =>
        send(request, cookie, (answer) =>
          Effect.map(Answer.body(where, operation, answer), (body) => ({
            body,
            session: Granted.session(where, body, {
              ...asked,
              at,
              date: answer.headers["date"],
              isTold: !cookie,
              namespace: options.claimsNamespace
            })
          }))
        )
      ),
    tell: (operation, request, { cookie = false } = {}) =>
      send(request, cookie, (answer) => Answer.done(where, operation, answer)),
    within: (name, call, effect) => {
      const limited = Effect.flatMap(Deadline.make(where, call?.timeout, timeout), (duration) =>
        Effect.timeoutOrElse(effect, { duration, orElse: () => HttpExchange.timedOut(where) })
      )
      // Without a stack: the failures have their own.
      return Effect.withSpan(limited, name, { captureStackTrace: false })
    }
  }
})
