/** What each operation of the service does, over any HTTP client. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type { Options, Synmetrix } from "../Synmetrix.ts"
import * as AccessTokens from "./accessTokens.ts"
import * as Calls from "./calls.ts"
import * as HeldSessions from "./heldSessions.ts"
import * as MagicLinks from "./magicLinks.ts"
import * as SignIns from "./signIns.ts"

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Synmetrix["Service"], InvalidRequest, HttpClient.HttpClient> {
  const calls = yield* Calls.make(options)
  const { cookie = false, logoutAll = true } = options
  return {
    name: calls.where.provider,
    instance: calls.where.instance,
    rotates: true,
    ...SignIns.make(calls, cookie),
    ...MagicLinks.make(calls),
    ...HeldSessions.make(calls, cookie, logoutAll),
    ...AccessTokens.make(calls.where, options.claimsNamespace)
  }
})
