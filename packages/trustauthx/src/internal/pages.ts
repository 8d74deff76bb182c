/** The addresses that a browser is sent to. No request is made for them. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as BaseUrl from "@latchkey/core/BaseUrl"
import * as Effect from "effect/Effect"
import * as UrlParams from "effect/http/UrlParams"
import type * as Redacted from "effect/Redacted"
import type { EditPage, LoginPage, Options } from "../TrustAuthX.ts"
import * as Arguments from "./arguments.ts"
import type { Ask } from "./ask.ts"

const DEFAULT_URL = "https://app.trustauthx.com"

/** One label of a host name, or several. */
const isSubDomain = (text: string): boolean =>
  /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text)

export interface Pages {
  readonly login: (page?: LoginPage) => Effect.Effect<string, InvalidRequest>
  readonly edit: (page: EditPage) => Effect.Effect<Redacted.Redacted<string>, InvalidRequest>
}

export const make = Effect.fnUntraced(function* (
  { address, orgId, where }: Ask,
  { hostedUrl = DEFAULT_URL, plainHttp }: Options
): Effect.fn.Return<Pages, InvalidRequest> {
  const base = yield* BaseUrl.make("trustauthx", {
    url: hostedUrl,
    ...(plainHttp !== undefined && { plainHttp })
  }).pipe(Effect.catchTag("InvalidRequest", ({ message }) => Arguments.invalid(where, "hostedUrl", message)))

  return {
    login: Effect.fnUntraced(function* (page = {}) {
      const org = yield* Arguments.organization(where, page.orgId ?? orgId)
      const { subDomain } = page
      if (subDomain !== undefined && !isSubDomain(subDomain)) {
        return yield* Arguments.invalid(
          where,
          "subDomain",
          "subDomain must be part of a host name, such as shop"
        )
      }
      const href = subDomain === undefined ? base.href : base.href.replace("//", `//${subDomain}.`)
      return `${href}/widget/login/?${UrlParams.toString([["org_id", org]])}`
    }),
    edit: Effect.fnUntraced(function* ({ accessToken, url }) {
      const token = yield* Arguments.secret(where, "accessToken", accessToken)
      if (!URL.canParse(url) || !url.isWellFormed()) {
        return yield* Arguments.invalid(where, "url", "url must be the address to come back to")
      }
      return address("/api/user/me/settings/", { first: [["AccessToken", token]], last: [["url", url]] })
    })
  }
})
