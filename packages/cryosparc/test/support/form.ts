import type { HttpRequest } from "@latchkey/testing/HttpHandler"

/** The fields of a form, in their order. */
export const form = (request: HttpRequest | undefined): ReadonlyArray<readonly [string, string]> => [
  ...new URLSearchParams(Buffer.from(request?.body ?? []).toString("utf8"))
]
