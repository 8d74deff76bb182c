/** `/v1/graphql` as Hasura answers: always 200, whatever went wrong (contract, section 4). */
import * as Effect from "effect/Effect"
import { json } from "@latchkey/testing/HttpHandler"
import { bearer, type Route } from "./server.ts"
import { isMembers } from "./validation.ts"

/** What a resolver is told. */
export interface Query {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly userId: string
  readonly role: string
}

export type Resolver = (query: Query) => unknown

const failed = (code: string, message: string) =>
  json(200, { errors: [{ extensions: { path: "$", code }, message }] })

const text = (value: unknown): string => (typeof value === "string" ? value : "")

export const route = (resolver: () => Resolver): Route =>
  Effect.fnUntraced(function* (call) {
    const token = yield* bearer(call)
    switch (token._tag) {
      case "None":
        return failed("access-denied", "x-hasura-admin-secret required, but not found")
      case "Wrong":
        return failed("invalid-jwt", "Could not verify JWT: JWSError JWSInvalidSignature")
      case "Expired":
        return failed("invalid-jwt", "Could not verify JWT: JWTExpired")
      case "Good": {
        const { body = {}, request } = call
        const hasura = isMembers(token.hasura) ? token.hasura : {}
        const role = request.headers.get("x-hasura-role") ?? text(hasura["x-hasura-default-role"])
        const roles = hasura["x-hasura-allowed-roles"]
        if (!Array.isArray(roles) || !roles.includes(role)) {
          return failed("access-denied", "Your requested role is not in allowed roles")
        }
        const { query, variables } = body
        const data = resolver()({
          query: text(query),
          variables: isMembers(variables) ? variables : {},
          userId: text(hasura["x-hasura-user-id"]),
          role
        })
        return json(200, { data })
      }
    }
  })
