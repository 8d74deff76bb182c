/** What is done with a session that is held. */
import type { Session } from "@latchkey/core/Session"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { CallOptions, Synmetrix } from "../Synmetrix.ts"
import * as Arguments from "./arguments.ts"
import { type Calls, withToken } from "./calls.ts"
import { isUuid } from "./isUuid.ts"

export const make = (
  { ask, get, post, tell, where, within }: Calls,
  cookie: boolean,
  logoutAll: boolean
): Pick<Synmetrix["Service"], "refresh" | "refreshToken" | "logout" | "revoke" | "changePassword"> => {
  /** By the token that is held; by a cookie where none is, and cookies are on. */
  const byCookie = ({ refreshToken }: Session): boolean => cookie && refreshToken === undefined

  const refresh = (session: Session, call?: CallOptions) =>
    within(
      "Synmetrix.refresh",
      call,
      Effect.gen(function* () {
        yield* Arguments.session(where, session)
        const request = get("token/refresh")
        const asked = { renewed: session, cookie: byCookie(session) }
        if (asked.cookie) return yield* (yield* ask("refresh", request, asked)).session
        const token = yield* Arguments.refreshToken(where, session)
        const answer = yield* ask(isUuid(token) ? "refresh" : "refreshOdd", withToken(request, token), asked)
        return yield* answer.session
      })
    )

  const end = Effect.fnUntraced(function* (session: Session, all: boolean) {
    yield* Arguments.session(where, session)
    const request = post("logout", JSON.stringify({ all }))
    // The server does without, and so does a session that has none.
    const bearer = yield* Effect.option(Arguments.accessToken(where, session))
    const named = Option.isNone(bearer) ? request : HttpClientRequest.bearerToken(request, bearer.value)
    const asked = { cookie: byCookie(session) }
    if (asked.cookie) {
      yield* tell("logout", named, asked)
    } else {
      const token = yield* Arguments.refreshToken(where, session)
      yield* tell("logout", withToken(named, token), asked)
    }
    return "Revoked" as const
  })

  return {
    refresh,
    refreshToken: refresh,
    logout: (session, call) => within("Synmetrix.logout", call, end(session, call?.all ?? logoutAll)),
    revoke: (session, call) => within("Synmetrix.revoke", call, end(session, false)),
    changePassword: (session, { newPassword, oldPassword }, call) =>
      within(
        "Synmetrix.changePassword",
        call,
        Effect.gen(function* () {
          yield* Arguments.session(where, session)
          yield* Arguments.text(where, "oldPassword", oldPassword)
          yield* Arguments.text(where, "newPassword", newPassword)
          const token = yield* Arguments.accessToken(where, session)
          const json = JSON.stringify({
            old_password: Redacted.value(oldPassword),
            new_password: Redacted.value(newPassword)
          })
          yield* tell("changePassword", HttpClientRequest.bearerToken(post("change-password", json), token))
        })
      )
  }
}
