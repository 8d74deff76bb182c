/** Which route a request takes. */
import type { HttpRequest, HttpResponse } from "@latchkey/testing/HttpHandler"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as GraphQL from "./graphql.ts"
import * as Links from "./linkRoutes.ts"
import { register } from "./registerRoute.ts"
import * as Replies from "./replies.ts"
import type { Call, Route, Server } from "./server.ts"
import * as SignIns from "./signInRoutes.ts"
import * as Tokens from "./tokenRoutes.ts"
import { isMembers } from "./validation.ts"

const MAX_BODY = 100 * 1024

/** Another content type is read as an empty body. */
const bodyOf = ({ body, headers }: HttpRequest): Call["body"] => {
  if (!/^application\/json\s*(?:;|$)/i.test(headers.get("content-type") ?? "") || body.length === 0) return {}
  if (body.length > MAX_BODY) return undefined
  const parsed: unknown = Option.getOrUndefined(
    Option.liftThrowable(JSON.parse)(Buffer.from(body).toString("utf8"))
  )
  return isMembers(parsed) ? parsed : undefined
}

export const make = (
  server: Server,
  limited: (now: number) => HttpResponse | undefined,
  resolver: () => GraphQL.Resolver
): ((request: HttpRequest, now: number) => Effect.Effect<HttpResponse>) => {
  const routes: Readonly<Record<string, Route>> = {
    "POST /auth/login": SignIns.login,
    "POST /auth/register": register,
    "POST /auth/mfa/totp": SignIns.totp,
    "POST /auth/logout": Tokens.logout,
    "GET /auth/token/refresh": Tokens.refresh,
    "POST /auth/token/revoke": Tokens.revoke,
    "POST /auth/change-password": Tokens.changePassword,
    "GET /auth/jwks": Tokens.jwks,
    "GET /auth/magic-link": Links.magicLink,
    "GET /auth/activate": Links.activate,
    "POST /v1/graphql": GraphQL.route(resolver)
  }

  const answer: Route = (call) => {
    const { method, path } = call.request
    // Without regard to case, and to one slash at the end.
    const name = path.toLowerCase().replace(/(?<=.)\/$/, "")
    const isAuth = /^\/\/?auth(?:\/|$)/.test(name)
    if (!isAuth && name !== "/v1/graphql") return Effect.succeed(Replies.page(method))
    const over = isAuth ? limited(call.now) : undefined
    if (over !== undefined) return Effect.succeed(over)
    return routes[`${method} ${name}`]?.(call) ?? Effect.succeed(Replies.error(404, "Not Found"))
  }

  return (request, now) =>
    Effect.map(
      answer({ server, request, now, query: new URLSearchParams(request.query), body: bodyOf(request) }),
      (response) => ({
        ...response,
        headers: { date: DateTime.toDateUtc(DateTime.makeUnsafe(now)).toUTCString(), ...response.headers }
      })
    )
}
