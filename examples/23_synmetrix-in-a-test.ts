import { Synmetrix } from "@latchkey/synmetrix"
import { AuthServer, SynmetrixTest } from "@latchkey/synmetrix/testing"
import { Effect, Redacted } from "effect"

export const aLinkByMail = Effect.gen(function* () {
  const synmetrix = yield* Synmetrix
  const server = yield* AuthServer
  const result = yield* synmetrix.sendMagicLink("ada@example.com")
  const [mail] = yield* server.outbox
  const token = new URL(mail?.link ?? "").searchParams.get("token")
  const callback = Redacted.make(`https://app.example.com/callback?refresh_token=${token}`)
  const session = yield* synmetrix.completeMagicLink(callback)
  const again = yield* Effect.flip(synmetrix.completeMagicLink(callback))
  return [result._tag, session.key.account, again._tag] // "LinkSent", "ada@example.com", "InvalidToken"
}).pipe(Effect.provide(SynmetrixTest.layer()))
