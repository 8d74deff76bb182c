/** Which instance is meant, and where its API is (contract, sections 5 and 6). */
import * as BaseUrl from "@latchkey/core/BaseUrl"

export interface Address {
  /** What sessions are kept under: as the `login` of cryosparc-tools writes it, a slash at the end included. */
  readonly instance: string
  /** Without a slash at the end. */
  readonly api: string
  /** Nothing hides what is sent there. */
  readonly isExposed: boolean
}

/** Only in lower case, as upstream. */
const named = (url: string): string => (/^https?:\/\//.test(url) ? url : `http://${url}`)

/**
 * A host, perhaps a port, perhaps a path, with or without `http://` or `https://` in front; undefined for any other text,
 * such as one with credentials, a query or another scheme.
 */
export const parse = (url: string): Address | undefined => {
  const instance = named(url)
  const base = BaseUrl.parse(instance)
  return base && { instance, api: `${base.href}/api/cmd`, isExposed: base.isExposed }
}
