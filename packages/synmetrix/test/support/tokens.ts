import { Session, SessionKey } from "@latchkey/core"
import { DateTime, Redacted } from "effect"
import { ORIGIN } from "./over.ts"

export const USER = "5e9b2c9e-7a38-4a51-9a4f-0f8d4a7b1c11"

export const UUID = "0b8bd2b8-8a0f-4e13-b6a2-3a2d9f9f0a77"

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

/** A JWT that nobody has signed. */
export const jwt = (claims: unknown): string => `${part({ alg: "HS256" })}.${part(claims)}.c2lnbmVk`

export const hasura = {
  "x-hasura-user-id": USER,
  "x-hasura-allowed-roles": ["user"],
  "x-hasura-default-role": "user"
}

/** As the server makes it, issued at the beginning of time. */
export const claims = { hasura, sub: USER, iss: "nhost", iat: 0, exp: 648_000 }

export const good = {
  jwt_token: jwt(claims),
  jwt_expires_in: 648_000_000,
  user: { id: USER, display_name: "Ada", email: "Ada@Example.com" },
  refresh_token: UUID
}

/** One that was won earlier. */
export const session = (fields: Partial<Session> = {}, instance: string = ORIGIN): Session =>
  new Session({
    key: new SessionKey({ provider: "synmetrix", instance, account: "ada@example.com" }),
    accessToken: Redacted.make(jwt(claims)),
    refreshToken: Redacted.make(UUID),
    issuedAt: DateTime.makeUnsafe(0),
    account: { id: USER, roles: ["user"] },
    ...fields
  })

export const value = (token: Redacted.Redacted<string> | undefined): string =>
  token === undefined ? "none" : Redacted.value(token)
