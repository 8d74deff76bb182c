/** What every route of a simulated server has at hand. */
import type { HttpRequest, HttpResponse } from "@latchkey/testing/HttpHandler"
import * as Jwt from "@latchkey/jwt/Jwt"
import type { JwtKey } from "@latchkey/jwt/JwtKey"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type { Account, Accounts } from "./accounts.ts"
import * as Cookies from "./cookies.ts"
import * as Replies from "./replies.ts"

export type Payload = { readonly [claim: string]: Schema.Json }

export interface Mail {
  readonly to: string
  /** A magic link signs in or finishes a registration; `activate` belongs to an account with a password. */
  readonly kind: "magic-link" | "activate"
  readonly link: string
}

export interface Server {
  readonly accounts: Accounts
  readonly outbox: Array<Mail>
  readonly settings: {
    readonly claimsNamespace: string
    readonly jwtMillis: number
    readonly refreshMillis: number
    readonly minPasswordLength: number
    readonly activeAtOnce: boolean
    readonly verifyEmails: boolean
    readonly customFields: ReadonlyArray<string>
    readonly weakPasswords: ReadonlyArray<string>
    readonly roles: ReadonlyArray<string>
    readonly defaultRole: string
    readonly redirect: string
  }
  key: JwtKey
  isDatabaseAway: boolean
  isMailAway: boolean
  change: (payload: Payload) => Payload
}

/** One request, at a time by the server's clock. */
export interface Call {
  readonly server: Server
  readonly request: HttpRequest
  readonly query: URLSearchParams
  /** None where it could not be read. */
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly now: number
}

export type Route = (call: Call) => Effect.Effect<HttpResponse>

const mint = ({ change, key, settings }: Server, account: Account, now: number): Effect.Effect<string> => {
  const iat = Math.floor(now / 1000)
  const fields = Object.entries(account.fields).map(
    ([name, value]) => [`x-hasura-${name.replaceAll("_", "-")}`, value] as const
  )
  const payload = change({
    [settings.claimsNamespace]: {
      ...Object.fromEntries(fields),
      "x-hasura-user-id": account.id,
      "x-hasura-allowed-roles": account.roles,
      "x-hasura-default-role": account.defaultRole
    },
    sub: account.id,
    iss: "nhost",
    iat,
    exp: iat + Math.floor(settings.jwtMillis / 1000)
  })
  return Effect.orDie(Effect.map(Jwt.sign(payload, key, { header: {} }), Redacted.value))
}

/** Where a session is to be left: in cookies unless the body says `false`, which as a word is true. */
export const wantsCookie = (body: Readonly<Record<string, unknown>>): boolean => body["cookie"] !== false

export const cookies = ({ now, server }: Call, account: Account, token: string) =>
  Cookies.set(
    token,
    { "user-id": account.id, "allowed-roles": account.roles, "default-role": account.defaultRole },
    Math.floor(server.settings.refreshMillis / 1000),
    DateTime.toDateUtc(DateTime.makeUnsafe(now + server.settings.refreshMillis)).toUTCString()
  )

export const issueRefreshToken = ({ now, server }: Call, account: Account): string =>
  server.accounts.refreshTokens.issue(account.id, now + server.settings.refreshMillis)

export const userOf = (account: Account) => ({
  id: account.id,
  display_name: account.displayName,
  email: account.email
})

/** A new session of an account. `clears`: cookies that are not asked for are taken away. */
export const session = (
  call: Call,
  account: Account,
  options: { readonly cookie: boolean; readonly clears: boolean }
): Effect.Effect<HttpResponse> =>
  Effect.map(mint(call.server, account, call.now), (jwt_token) => {
    const token = issueRefreshToken(call, account)
    const body = { jwt_token, jwt_expires_in: call.server.settings.jwtMillis, user: userOf(account) }
    if (options.cookie) return Replies.json(200, body, cookies(call, account, token))
    return Replies.json(200, { ...body, refresh_token: token }, options.clears ? Cookies.cleared : {})
  })

/** No `leeway` is that long: the times are looked at by the server's own clock. */
const ANY_TIME = "1000000 days"

/** `expired` apart from `wrong`: Hasura tells them apart. */
export const bearer = Effect.fnUntraced(function* ({ now, request, server }: Call) {
  const header = request.headers.get("authorization") ?? ""
  const token = header.replace(/^Bearer /, "")
  if (token === "") return { _tag: "None" } as const
  const verified = yield* Effect.option(
    Jwt.verify(Redacted.make(token), {
      keys: [server.key],
      algorithms: ["HS256"],
      issuer: Jwt.anyIssuer,
      audience: Jwt.anyAudience,
      leeway: ANY_TIME,
      withoutExpiry: "allowed"
    })
  )
  if (verified._tag === "None") return { _tag: "Wrong" } as const
  const { claims } = verified.value
  if (claims.exp !== undefined && now >= claims.exp * 1000) return { _tag: "Expired" } as const
  const hasura = claims[server.settings.claimsNamespace]
  return hasura === undefined ? ({ _tag: "Wrong" } as const) : ({ _tag: "Good", claims, hasura } as const)
})
