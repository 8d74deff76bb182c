import { CryoSparc } from "@latchkey/cryosparc"
import { CryoSparcTest, Instance } from "@latchkey/cryosparc/testing"
import { Effect, Redacted } from "effect"

export const aChangedPassword = Effect.gen(function* () {
  const cryosparc = yield* CryoSparc
  const instance = yield* Instance
  yield* instance.addUser("ops@example.com", Redacted.make("correct-horse"))
  const old = { email: "ops@example.com", password: Redacted.make("correct-horse") }
  const session = yield* cryosparc.login(old)
  yield* instance.changePassword("ops@example.com", Redacted.make("battery-staple"))
  const { status } = yield* cryosparc.client(session).get("/users/me")
  const error = yield* Effect.flip(cryosparc.login(old))
  return [status, error._tag] // 401, "InvalidLogin"
}).pipe(Effect.provide(CryoSparcTest.layer()))
