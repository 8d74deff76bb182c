/**
 * Where a service over HTTP is: what its paths are put behind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidRequest } from "./AuthError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface BaseUrl {
  /** In its normal form, without a slash at the end. */
  readonly href: string
  /** Scheme, host and port: where a credential may go. */
  readonly origin: string
  /** Plain http, and not to this machine: whoever is on the way can read what is sent there. */
  readonly isExposed: boolean
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly url: string
  /** Where plain http may lead. Default: `loopback`. */
  readonly plainHttp?: "loopback" | "anywhere"
}

/** What no name server is asked about, unlike `x.localhost`. */
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/

/**
 * `http://` or `https://`, a host, perhaps a port, perhaps a path; undefined for any other text, such as one with credentials or a
 * query.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): BaseUrl | undefined => {
  if (!/^https?:\/\/[^\s\p{C}/\\@?#]+(?:\/(?!\/)[^\s\p{C}/\\?#]+)*\/*$/u.test(text)) return undefined
  const url = URL.parse(text)
  if (url === null || url.port === "0") return undefined
  const { hostname, origin, pathname, protocol } = url
  return {
    href: `${origin}${pathname.replace(/\/+$/, "")}`,
    origin,
    isExposed: protocol === "http:" && !LOOPBACK.test(hostname)
  }
}

/**
 * Fails with `InvalidRequest` of `url` for what is no address, which no failure shows because it may hold a secret, and for plain
 * http that leads out of this machine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (provider: string, options: Options): Effect.Effect<BaseUrl, InvalidRequest> => {
  const parsed = parse(options.url)
  if (parsed === undefined) {
    return invalid(
      provider,
      provider,
      "an address is like https://service.example.com: with its scheme, in lower case, and without credentials, query, fragment or blanks"
    )
  }
  return parsed.isExposed && options.plainHttp !== "anywhere"
    ? invalid(
        provider,
        parsed.href,
        'plain http shows what is sent to the whole network; use https://, or say plainHttp: "anywhere" where the network is trusted'
      )
    : Effect.succeed(parsed)
}

const invalid = (provider: string, instance: string, message: string) =>
  Effect.fail(new InvalidRequest({ provider, instance, message, field: "url" }))
