/** Which options of a key set can work. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as BaseUrl from "@latchkey/core/BaseUrl"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Options } from "../JwksCache.ts"
import { invalid } from "./refusal.ts"

export interface Settings {
  readonly url: URL
  readonly where: Where
  readonly maxAge: number
  readonly cooldown: number
  readonly grace: number
  readonly timeout: number
  readonly maxBytes: number
}

const DEFAULTS = {
  maxAge: Duration.minutes(10),
  cooldown: Duration.seconds(30),
  grace: Duration.hours(1),
  timeout: Duration.seconds(30)
}

const MAX_BYTES = 256 * 1024

/** A query is allowed: some issuers tell their key sets apart by it. */
const parse = (text: string): URL | undefined => {
  const url = URL.parse(text)
  if (url === null || url.hash !== "") return undefined
  const base = BaseUrl.parse(url.origin)
  // A `blob:` has the origin of another address, and credentials are no part of an origin.
  return base === undefined || base.isExposed || !url.href.startsWith(`${base.origin}/`) ? undefined : url
}

export const make = (options: Options): Result.Result<Settings, InvalidRequest> => {
  const url = parse(options.url)
  const nowhere = options.where ?? { provider: "jwt", instance: "jwt" }
  if (url === undefined) {
    const message = "url must be an https address, or http on this machine, without credentials or fragment"
    return Result.fail(invalid(nowhere, "url", message))
  }
  const where = options.where ?? { provider: "jwt", instance: `${url.origin}${url.pathname}` }
  const { maxBytes = MAX_BYTES } = options
  if (!Number.isSafeInteger(maxBytes) || maxBytes <= 0) {
    return Result.fail(invalid(where, "maxBytes", "maxBytes must be a whole number of bytes"))
  }
  const millis = (field: keyof typeof DEFAULTS, least: number): Result.Result<number, InvalidRequest> =>
    Option.match(
      Option.filter(
        Option.map(Duration.fromInput(options[field] ?? DEFAULTS[field]), Duration.toMillis),
        (it) => Number.isFinite(it) && it >= least
      ),
      {
        onNone: () => Result.fail(invalid(where, field, `${field} must be a duration, such as "10 minutes"`)),
        onSome: Result.succeed
      }
    )
  return Result.all({
    url: Result.succeed(url),
    where: Result.succeed(where),
    maxAge: millis("maxAge", 1),
    cooldown: millis("cooldown", 1),
    grace: millis("grace", 0),
    timeout: millis("timeout", 1),
    maxBytes: Result.succeed(maxBytes)
  })
}
