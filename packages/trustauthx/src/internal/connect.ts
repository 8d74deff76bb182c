/** Both services over one connection. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Scope from "effect/Scope"
import type { Options, TrustAuthX } from "../TrustAuthX.ts"
import type { TrustAuthXRoles } from "../TrustAuthXRoles.ts"
import * as Ask from "./ask.ts"
import * as Operations from "./operations.ts"
import * as Pages from "./pages.ts"
import * as Roles from "./roles.ts"

export interface Both {
  readonly users: TrustAuthX["Service"]
  readonly roles: TrustAuthXRoles["Service"]
}

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Both, InvalidRequest, HttpClient.HttpClient | Scope.Scope> {
  const { ask, roles } = yield* Roles.make(options.inMemory ?? true, (edge) => Ask.make(options, edge))
  const pages = yield* Pages.make(ask, options)
  return { users: Operations.make(ask, pages), roles }
})
