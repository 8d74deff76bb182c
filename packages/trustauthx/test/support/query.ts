import type { HttpRequest } from "@latchkey/testing/HttpHandler"

/** The parameters of a request, in their order. */
export const query = (request: HttpRequest | undefined): ReadonlyArray<readonly [string, string]> => [
  ...new URLSearchParams(request?.query)
]

/** What a request is, without the keys of the application. */
export const line = (request: HttpRequest | undefined): string =>
  `${request?.method} ${request?.path} ${query(request)
    .filter(([name]) => name !== "api_key" && name !== "signed_key")
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}`

export const body = (request: HttpRequest | undefined): unknown =>
  JSON.parse(Buffer.from(request?.body ?? []).toString("utf8"))
