/** How a session's token gets on a request: last of all, and only to the API of its own instance. */
import type { SessionKey } from "@latchkey/core/SessionKey"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { EncodeError, HttpClientError, InvalidUrlError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import type { TokenSource } from "../CryoSparc.ts"
import * as Address from "./address.ts"
import { isSendable } from "./sendable.ts"

type Request = HttpClientRequest.HttpClientRequest

const notOurs = (request: Request) =>
  new HttpClientError({
    reason: new InvalidUrlError({ request, description: "not the API of the session: no token goes there" })
  })

const unusable = (request: Request) =>
  new HttpClientError({
    reason: new EncodeError({ request, description: "the session has no token that could be sent" })
  })

/** Any other text is a path of the API, whatever it looks like. */
const isAbsolute = (url: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(url)

const located = (api: string, url: string): string =>
  isAbsolute(url) ? url : `${api}${url === "" || url.startsWith("/") ? "" : "/"}${url}`

/** The API or below it, as the URL goes out: what leads upwards has done so, or might at a proxy that reads it otherwise. */
const isBelow = (api: string, url: string): boolean => {
  if (!URL.canParse(url)) return false
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}/`.startsWith(`${api}/`) && !pathname.includes("/..")
}

/** In a span whose end holds nothing: the client's own would hold the request, and the token, whenever a status is bad. */
const traced = (client: HttpClient.HttpClient) => (request: Request) =>
  Effect.useSpan(
    "CryoSparc.client",
    { kind: "client", attributes: { "http.request.method": request.method } },
    (span) =>
      client.execute(request).pipe(
        Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
        Effect.tap(({ status }) => Effect.sync(() => span.attribute("http.response.status_code", status))),
        Effect.tapError(({ reason }) => Effect.sync(() => span.attribute("error.type", reason._tag))),
        Effect.exit,
        Effect.map((exit) => () => exit)
      )
  ).pipe(Effect.flatMap((outcome) => outcome()))

export const make = (client: HttpClient.HttpClient, api: string) => {
  const isOurs = ({ instance, provider }: SessionKey): boolean =>
    provider === "cryosparc" && Address.parse(instance)?.api === api

  const attach = Effect.fnUntraced(function* <E>(source: TokenSource<E>, request: Request) {
    const url = located(api, request.url)
    if (!isBelow(api, url) || (source.key && !isOurs(source.key))) return yield* notOurs(request)
    const token = Redacted.value(yield* source.token)
    if (!isSendable(token)) return yield* unusable(request)
    return HttpClientRequest.bearerToken(
      HttpClientRequest.updateUrl(request, () => url),
      token
    )
  })

  /** Whatever is put around it changes the request before the token is on it. */
  return <E>(source: TokenSource<E>): HttpClient.HttpClient.With<HttpClientError | E> =>
    HttpClient.makeWith<never, never, HttpClientError | E, never>(
      Effect.flatMap((request) => Effect.flatMap(attach(source, request), traced(client))),
      Effect.succeed
    )
}
