/** Links by mail: asked for, and gone on with. */
import { InvalidToken } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import { SignIn } from "../SignIn.ts"
import type { Synmetrix } from "../Synmetrix.ts"
import * as Answer from "./answer.ts"
import * as Arguments from "./arguments.ts"
import * as CallbackUrl from "./callbackUrl.ts"
import { type Calls, withToken } from "./calls.ts"
import { isUuid } from "./isUuid.ts"
import * as SignIns from "./signIns.ts"
import * as Wire from "./wire.ts"

/** In cookie mode as well: with a cookie, the server would hand out the session before anybody has opened the mail. */
const asked = (email: string): string => JSON.stringify({ email, cookie: false })

export const make = (
  calls: Calls
): Pick<Synmetrix["Service"], "requestMagicLink" | "sendMagicLink" | "completeMagicLink"> => {
  const { ask, get, post, where, within } = calls

  const mail = Effect.fnUntraced(function* (email: string) {
    const { body } = yield* ask("magicLink", post("login", asked(email)))
    return Wire.isLinkSent(body)
      ? SignIn.LinkSent()
      : yield* Answer.notUnderstood(where, "the server does not say that it has sent a link", 200)
  })

  return {
    requestMagicLink: (email, call) =>
      within(
        "Synmetrix.requestMagicLink",
        call,
        Effect.gen(function* () {
          yield* Arguments.text(where, "email", email)
          return yield* mail(email)
        })
      ),
    sendMagicLink: (email, call) =>
      within(
        "Synmetrix.sendMagicLink",
        call,
        Effect.gen(function* () {
          yield* Arguments.text(where, "email", email)
          const registered = SignIns.register(calls, asked(email), { email, cookie: false })
          return yield* Effect.catchIf(
            registered,
            (error) => error._tag === "AccountExists" && error.active,
            () => mail(email)
          )
        })
      ),
    completeMagicLink: (callback, call) =>
      within(
        "Synmetrix.completeMagicLink",
        call,
        Effect.gen(function* () {
          const read = CallbackUrl.read(callback)
          if (read._tag === "Unsound") {
            return yield* Arguments.invalid(
              where,
              "callback",
              "callback must be the URL that the link in the mail has led to, once it was opened"
            )
          }
          if (read._tag === "Failed") {
            return yield* new InvalidToken({
              ...where,
              message: "the link was wrong, used or too old: ask for a new one"
            })
          }
          const { token } = read
          // A cookie would be believed instead of the link.
          const { session } = yield* ask(
            isUuid(token) ? "link" : "linkOdd",
            withToken(get("token/refresh"), token)
          )
          return yield* session
        })
      )
  }
}
