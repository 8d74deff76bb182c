/** How a session's token gets on a request: last of all, and only to its own instance. */
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
    reason: new InvalidUrlError({ request, description: "not of this instance: no token goes there" })
  })

const unusable = (request: Request, description: string) =>
  new HttpClientError({ reason: new EncodeError({ request, description }) })

/** Any other text is a path of the API, whatever it looks like. */
const isAbsolute = (url: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(url)

const located = (api: string, url: string): string =>
  isAbsolute(url) ? url : `${api}${url === "" || url.startsWith("/") ? "" : "/"}${url}`

export const make = (client: HttpClient.HttpClient, { api, origin }: Address.Address) => {
  const isOurs = (key: SessionKey): boolean =>
    key.provider === "cryosparc" && Address.parse(key.instance)?.api === api

  const attach = Effect.fnUntraced(function* <E>(source: TokenSource<E>, request: Request) {
    const url = located(api, request.url)
    if (!URL.canParse(url) || new URL(url).origin !== origin) return yield* notOurs(request)
    if (source.key !== undefined && !isOurs(source.key)) {
      return yield* unusable(request, "the session is not of this instance: its token was not sent")
    }
    const token = Redacted.value(yield* source.token)
    if (!isSendable(token)) return yield* unusable(request, "the session has no token that could be sent")
    return HttpClientRequest.bearerToken(
      HttpClientRequest.updateUrl(request, () => url),
      token
    )
  })

  /** Whatever is put around it changes the request before the token is on it. */
  return <E>(source: TokenSource<E>): HttpClient.HttpClient.With<HttpClientError | E> =>
    HttpClient.makeWith<never, never, HttpClientError | E, never>(
      Effect.flatMap((request) => Effect.flatMap(attach(source, request), client.execute)),
      Effect.succeed
    )
}
