/** The forms of the server's answers. */
import { empty, type HttpResponse, text } from "@latchkey/testing/HttpHandler"

const NOT_TO_BE_STORED = {
  "cache-control": "no-store, no-cache, must-revalidate, proxy-revalidate",
  pragma: "no-cache",
  expires: "0"
}

type Headers = Readonly<Record<string, string>>

export const json = (status: number, body: unknown, headers: Headers = {}): HttpResponse => {
  const { body: bytes, headers: type } = text(status, "application/json; charset=utf-8", JSON.stringify(body))
  return { status, body: bytes, headers: { ...type, ...NOT_TO_BE_STORED, ...headers } }
}

export const noContent = (headers: Headers = {}): HttpResponse =>
  empty(204, { ...NOT_TO_BE_STORED, ...headers })

export const redirect = (location: string, headers: Headers = {}): HttpResponse =>
  empty(302, { ...NOT_TO_BE_STORED, ...headers, location })

const NAMES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented"
}

/** Without a message: an exception that nobody foresaw. */
export const error = (statusCode: number, message?: string, headers: Headers = {}): HttpResponse =>
  json(statusCode, { statusCode, error: NAMES[statusCode] ?? "Error", ...(message && { message }) }, headers)

export const unforeseen: HttpResponse = error(400)

export const broken: HttpResponse = error(500, "An internal server error occurred")

export const notLoggedIn: HttpResponse = error(401, "Not logged in")

export const deadToken: HttpResponse = error(401, "Invalid or expired refresh token.")

/** What the proxy answers outside of the auth server. */
export const page = (method: string): HttpResponse =>
  method === "GET"
    ? text(200, "text/html", '<!doctype html><title>Synmetrix</title><div id="root"></div>')
    : text(405, "text/html", "<html><head><title>405 Not Allowed</title></head></html>")
