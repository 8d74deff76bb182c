/** Where the robot is to be dialled. */

export interface Address {
  readonly host: string
  readonly port: number
}

const HTTPS_PORT = 443

/** `https://host` or `https://host:port`, a slash at the end allowed, and nothing else; undefined for any other text. */
export const parse = (url: string): Address | undefined => {
  if (!/^https:\/\/[^\s/?#@\\]+\/?$/i.test(url) || !URL.canParse(url)) return undefined
  const { hostname, port } = new URL(url)
  if (hostname === "" || port === "0") return undefined
  // An IPv6 address is in brackets in a URL, and nowhere else.
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? HTTPS_PORT : Number(port) }
}

/** What errors call the robot before it has told its serial number. Never holds the user information of a bad URL. */
export const display = (url: string): string => (URL.canParse(url) ? `https://${new URL(url).host}` : "robot")
