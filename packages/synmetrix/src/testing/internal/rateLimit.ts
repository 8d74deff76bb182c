/** How many requests an address may make in a quarter of an hour. */
import type { HttpResponse } from "@latchkey/testing/HttpHandler"
import * as Replies from "./replies.ts"

const WINDOW = 15 * 60 * 1000

/** Says no to what is too much, in milliseconds of the server's clock. */
export const make = (limit: number) => {
  let since = -Infinity
  let count = 0
  return (now: number): HttpResponse | undefined => {
    if (now >= since + WINDOW) {
      since = now
      count = 0
    }
    if (++count <= limit) return undefined
    const reset = Math.ceil((since + WINDOW) / 1000)
    return Replies.error(429, "You are being rate limited.", {
      "retry-after": `${Math.ceil((since + WINDOW - now) / 1000)}`,
      "x-ratelimit-limit": `${limit}`,
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": `${reset}`
    })
  }
}
