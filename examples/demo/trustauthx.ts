/** A TrustAuthX on loopback: a code for a session, and a role for a permission. */
import { TrustAuthX, TrustAuthXRoles } from "@latchkey/trustauthx"
import { Authority, TrustAuthXEmulator } from "@latchkey/trustauthx/testing"
import { Effect } from "effect"
import { claim, failsWith } from "./claims.ts"
import { line, passed, title } from "./print.ts"

const story = Effect.gen(function* () {
  const authority = yield* Authority
  const roles = yield* TrustAuthXRoles
  const trustauthx = yield* TrustAuthX

  yield* title("A TrustAuthX, on loopback")
  yield* line("signs in at", yield* trustauthx.generateUrl())
  // In a browser this is the form on that page; `npm test` walks through it.
  const code = yield* authority.signIn("uid_ann")
  const user = yield* trustauthx.getUser(code)
  yield* line("signed in", `${user.name} (${user.uid})`, "green")
  const error = yield* failsWith(trustauthx.getUser(code), "InvalidToken")
  yield* line(error._tag, error.message, "yellow")

  const { rolId } = yield* roles.addRole({ name: "reader", permissions: { reports: "read" } })
  const { role = [] } = yield* trustauthx.attachRole({ uid: user.uid, rolIds: rolId })
  yield* claim(role.includes(rolId), "the user has the role")
  yield* claim(yield* roles.validate(rolId, "reports", "read"), "the role may read")
  yield* claim(!(yield* roles.validate(rolId, "reports", "write")), "and nothing else")
  yield* passed("roles checked without a request")

  const { access, state } = yield* Effect.andThen(
    authority.elapse("2 hours"),
    trustauthx.validateTokenSet(user)
  )
  yield* claim(
    !state && (yield* trustauthx.validateAccessToken(access)),
    "the token was replaced by a good one"
  )
  yield* passed("a token that had ended was replaced by a good one")
})

export const trustauthx = story.pipe(Effect.provide(TrustAuthXEmulator.layer()), Effect.scoped)
