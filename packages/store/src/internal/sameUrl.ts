/** Whether two URLs of instances mean the same: whatever the case of scheme and host, the default port, a slash at the end. */
export const sameUrl = (a: string, b: string): boolean => {
  const normal = normalOf(a)
  return normal !== undefined && normal === normalOf(b)
}

/** None for what is no plain web address: `host:port` alone is read as a scheme, and would be like any other. */
const normalOf = (text: string): string | undefined => {
  const url = URL.parse(text)
  return url !== null &&
    /^https?:$/.test(url.protocol) &&
    [url.username, url.password, url.search, url.hash].every((part) => part === "")
    ? `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, "")}`
    : undefined
}
