/** The two cookies in which the server leaves a session. */
import type { HttpRequest } from "@latchkey/testing/HttpHandler"

/** A record holds one value per name, and names are compared letter for letter only here. */
const both = (first: string, second: string) => ({ "set-cookie": first, "Set-Cookie": second })

export const set = (
  token: string,
  permissions: unknown,
  seconds: number,
  expires: string
): Readonly<Record<string, string>> => {
  const attributes = `Max-Age=${seconds}; Path=/; Expires=${expires}; HttpOnly; SameSite=Lax`
  return both(
    `refresh_token=${token}; ${attributes}`,
    `permission_variables=${encodeURIComponent(JSON.stringify(permissions))}; ${attributes}`
  )
}

const GONE = "=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"

export const cleared: Readonly<Record<string, string>> = both(
  `refresh_token${GONE}`,
  `permission_variables${GONE}`
)

/** The refresh token that came in a cookie. */
export const refreshToken = ({ headers }: HttpRequest): string | undefined =>
  /(?:^|;\s*)refresh_token=([^;]+)/.exec(headers.get("cookie") ?? "")?.[1]
