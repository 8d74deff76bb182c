/** Which instance is meant, and where its API is (contract, sections 5 and 6). */

export interface Address {
  /** What sessions are kept under: as the `login` of cryosparc-tools writes it, a slash at the end included. */
  readonly instance: string
  /** Without a slash at the end. */
  readonly api: string
  /** Nothing hides what is sent there. */
  readonly isExposed: boolean
}

/** What no name server is asked about, unlike `x.localhost`. */
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/

/** Only in lower case, as upstream. */
const named = (url: string): string => (/^https?:\/\//.test(url) ? url : `http://${url}`)

/**
 * A host, perhaps a port, perhaps a path, with or without `http://` or `https://` in front; undefined for any other text,
 * such as one with credentials, a query or another scheme.
 */
export const parse = (url: string): Address | undefined => {
  const instance = named(url)
  if (!/^https?:\/\/[^\s\p{C}/\\@?#]+(?:\/(?!\/)[^\s\p{C}/\\?#]+)*\/*$/u.test(instance)) return undefined
  if (!URL.canParse(instance)) return undefined
  const { hostname, origin, pathname, port, protocol } = new URL(instance)
  if (port === "0") return undefined
  return {
    instance,
    api: `${origin}${pathname.replace(/\/+$/, "")}/api/cmd`,
    isExposed: protocol === "http:" && !LOOPBACK.test(hostname)
  }
}
