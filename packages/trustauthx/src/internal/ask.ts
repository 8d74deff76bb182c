/** One request to the service, as every operation makes it: the keys of the application, the deadline, the count of roles. */
import type * as AuthError from "@latchkey/core/AuthError"
import * as Deadline from "@latchkey/core/Deadline"
import * as BaseUrl from "@latchkey/core/BaseUrl"
import type { HttpAnswer, Where } from "@latchkey/core/HttpExchange"
import * as HttpExchange from "@latchkey/core/HttpExchange"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as UrlParams from "effect/http/UrlParams"
import type * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Options } from "../TrustAuthX.ts"
import type { RoleError } from "../TrustAuthXRoles.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import * as SignedKey from "./signedKey.ts"

const DEFAULT_URL = "https://api.trustauthx.com"

/** A hundred thousand roles, and more. */
const MAX_BYTES_OF_ROLES = 64 * HttpExchange.MAX_BYTES

/** Only what is not secret is given as it is. */
export type Parameter = readonly [name: string, value: string | Redacted.Redacted<string>]

export interface Request {
  readonly method: "GET" | "POST" | "DELETE"
  /** As it is: some end with a slash, and a redirect would carry the secrets. */
  readonly path: string
  /** Before the keys of the application, and after them. */
  readonly query: { readonly first: ReadonlyArray<Parameter>; readonly last?: ReadonlyArray<Parameter> }
  readonly body?: object
}

/** What each request about roles would miss where the service says 404. */
const named = {
  getAllRoles: "orgId",
  addRole: "orgId",
  deleteRole: "rolId",
  addPermission: "rolId",
  deletePermission: "rolId"
} as const

export interface RoleRequest {
  readonly operation: keyof typeof named
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: "/rbac/role" | "/rbac/permission"
  readonly orgId: string
  readonly body?: object
}

export interface Ask {
  readonly where: Where
  /** Of the options. */
  readonly orgId: string | undefined
  /** An address with the keys of the application in it, for a browser. */
  readonly address: (path: string, query: Request["query"]) => Redacted.Redacted<string>
  readonly verify: SignedKey.SignedKey["verify"]
  readonly send: <A, E>(
    request: Request,
    judge: (answer: HttpAnswer) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | AuthError.TransportError | AuthError.InvalidResponse>
  /** `read` gives none for what is not of the documented shape. */
  readonly roles: <A>(
    request: RoleRequest,
    read: (value: unknown) => Option.Option<A>
  ) => Effect.Effect<A, RoleError>
}

/** Every answer's `x-edge` is noticed, except that of the list of roles: a load never triggers a load. */
export const make = Effect.fnUntraced(function* (
  options: Options,
  { noticed }: { readonly noticed: (header: string | undefined) => Effect.Effect<void> }
): Effect.fn.Return<Ask, AuthError.InvalidRequest, HttpClient.HttpClient> {
  const { plainHttp, url = DEFAULT_URL } = options
  const base = yield* BaseUrl.make("trustauthx", { url, ...(plainHttp !== undefined && { plainHttp }) })
  const nameless = { provider: "trustauthx", instance: base.href }
  const apiKey = yield* Arguments.text(nameless, "apiKey", options.apiKey)
  const where: Where = { provider: "trustauthx", instance: `${base.href}#${apiKey}` }
  const secretKey = yield* Arguments.secret(where, "secretKey", options.secretKey)
  const timeout = yield* Deadline.make(where, options.timeout)
  const leeway = yield* Arguments.leeway(where, options.leeway ?? Duration.zero)
  const orgId = options.orgId === undefined ? undefined : yield* Arguments.text(where, "orgId", options.orgId)
  const signedKey = yield* SignedKey.make(where, { apiKey, secretKey, leeway })
  const exchange = yield* HttpExchange.make(where)

  const keys: ReadonlyArray<Parameter> = [
    ["api_key", Redacted.make(apiKey)],
    ["signed_key", signedKey.token]
  ]

  const complete = ({ first, last = [] }: Request["query"]) => [...first, ...keys, ...last]

  const built = ({ body, method, path, query }: Request) =>
    HttpClientRequest.make(method)(`${base.href}${path}`).pipe(
      HttpClientRequest.acceptJson,
      (request) =>
        complete(query).reduce(
          (it, [name, value]) => HttpClientRequest.appendUrlParam(it, name, value),
          request
        ),
      (request) => (body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body))
    )

  const send = <A, E>(
    request: Request,
    judge: (answer: HttpAnswer) => Effect.Effect<A, E>,
    maxBytes: number = HttpExchange.MAX_BYTES
  ) =>
    Effect.suspend(() => {
      let edge: string | undefined
      const told = Effect.suspend(() => noticed(edge))
      const reading = (answer: HttpAnswer) => {
        edge = answer.headers["x-edge"]
        return judge(answer)
      }
      const isListOfRoles = request.method === "GET" && request.path === "/rbac/role"
      const asked = Effect.timeoutOrElse(
        exchange(built(request), isListOfRoles ? judge : reading, { maxBytes }),
        { duration: timeout, orElse: () => HttpExchange.timedOut(where) }
      )
      return Effect.tapError(Effect.tap(asked, told), () => told)
    })

  return {
    where,
    orgId,
    verify: signedKey.verify,
    send,
    address: (path, query) =>
      Redacted.make(`${base.href}${path}?${UrlParams.toString(UrlParams.make(complete(query)))}`, {
        label: "url"
      }),
    roles: ({ body, method, operation, orgId, path }, read) =>
      Effect.flatMap(
        send(
          { method, path, query: { first: [["org_id", orgId]] }, ...(body !== undefined && { body }) },
          Answer.value(where, { sent: "application", named: named[operation] }),
          operation === "getAllRoles" ? MAX_BYTES_OF_ROLES : HttpExchange.MAX_BYTES
        ),
        (value) => Answer.understood(where, read(value))
      )
  }
})
