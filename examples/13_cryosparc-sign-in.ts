import { SessionRef } from "@latchkey/core"
import { CryoSparc } from "@latchkey/cryosparc"
import { Effect, Layer, type Redacted } from "effect"
import { FetchHttpClient, HttpClientResponse } from "effect/http"

export const program = (password: Redacted.Redacted<string>) =>
  Effect.gen(function* () {
    const cryosparc = yield* CryoSparc
    const session = yield* cryosparc.login({ email: "ada@example.com", password, expiresIn: "7 days" })
    const live = yield* SessionRef.make(cryosparc, session)
    const api = cryosparc.client(live) // its token on every request, and only to this instance
    const response = yield* HttpClientResponse.filterStatusOk(yield* api.get("/users/me"))
    return yield* response.json
  }).pipe(
    Effect.tapErrorTag("InvalidLogin", () => Effect.logWarning("wrong e-mail or password")),
    Effect.scoped
  )

/** Such as `https://cryosparc.example.com`, or `localhost:39000` on the same machine. */
export const instance = (url: string) => CryoSparc.layer({ url }).pipe(Layer.provide(FetchHttpClient.layer))
