import type { HttpRequest } from "@latchkey/testing/HttpHandler"

/** The body of a request, which must be JSON. */
export const bodyOf = (request: HttpRequest | undefined): unknown =>
  JSON.parse(Buffer.from(request?.body ?? []).toString("utf8"))

export const queryOf = (request: HttpRequest | undefined): ReadonlyArray<readonly [string, string]> => [
  ...new URLSearchParams(request?.query ?? "")
]
