/**
 * A service that the peers renew at, in their own words: each refresh token is good once, and one that comes back after it was
 * spent ends the whole family. (The services themselves are kinder: Supabase lets a spent token pass for ten seconds.)
 */
import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"

/** Long enough that processes which start together meet. */
const RENEWAL_MILLIS = 100

export interface Authority {
  readonly url: string
  readonly seen: { calls: number; reuses: number }
  /** Whether a token, of either kind, is the last one of a family that has not ended. */
  readonly accepts: (token: string) => boolean
  readonly close: () => Promise<void>
}

const USER = {
  id: "00000000-0000-4000-8000-000000000001",
  aud: "authenticated",
  email: "ada@example.com",
  app_metadata: {},
  user_metadata: {},
  created_at: "2020-01-01T00:00:00Z"
}

/** What a peer holds at first: a session that has just ended, and the first refresh token. */
export const expired = () => ({
  access_token: "access-1",
  refresh_token: "refresh-1",
  token_type: "bearer",
  user: USER
})

export const startAuthority = async (): Promise<Authority> => {
  const seen = { calls: 0, reuses: 0 }
  let generation = 1
  let isRevoked = false
  const accepts = (token: string) =>
    !isRevoked && [`access-${generation}`, `refresh-${generation}`].includes(token)

  const server = createServer(async (request, response) => {
    seen.calls++
    const token = await refreshTokenIn(request)
    const isGood = accepts(token)
    if (isGood) generation++
    else {
      seen.reuses++
      isRevoked = true
    }
    const won = {
      access_token: `access-${generation}`,
      refresh_token: `refresh-${generation}`,
      token_type: "bearer",
      expires_in: 3600,
      user: USER
    }
    setTimeout(() => {
      response.writeHead(isGood ? 200 : 400, { "content-type": "application/json" })
      response.end(
        JSON.stringify(isGood ? won : { error: "invalid_grant", error_code: "refresh_token_already_used" })
      )
    }, RENEWAL_MILLIS)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the authority has no port")
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    accepts,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    }
  }
}

/** Supabase sends JSON, Google a form. */
const refreshTokenIn = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request.setEncoding("utf8")) body += chunk
  if (request.headers["content-type"]?.includes("json") !== true)
    return new URLSearchParams(body).get("refresh_token") ?? ""
  const { refresh_token }: { readonly refresh_token: string } = JSON.parse(body)
  return refresh_token
}
