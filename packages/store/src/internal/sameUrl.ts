/** Whether two URLs of instances mean the same: whatever the case of scheme and host, the default port, a slash at the end. */
export const sameUrl = (a: string, b: string): boolean => {
  const normal = normalOf(a)
  return normal !== undefined && normal === normalOf(b)
}

const normalOf = (url: string): string | undefined => {
  const { host, pathname, protocol, search } = URL.parse(url) ?? {}
  return protocol && host && `${protocol}//${host}${pathname?.replace(/\/$/, "")}${search}`
}
