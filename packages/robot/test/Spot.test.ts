import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { GetAuthTokenRequest, GetAuthTokenResponse } from "../src/gen/bosdyn/api/auth.ts"
import * as Spot from "../src/testing/Spot.ts"
import { echo, echoing } from "./support/echo.ts"
import { AUTH } from "./support/sent.ts"

describe("a simulated robot", () => {
  it.effect("opens a further service for exactly `Bearer` and a token of its own", () =>
    Effect.gen(function* () {
      const { path } = echo.method
      const { handlers } = yield* Spot.make({ services: { [echo.authority]: { [path]: echoing } } })
      const ask = (
        to: { readonly path: string; readonly authority: string },
        message: Uint8Array,
        authorization?: string
      ) =>
        handlers[to.path]?.({
          ...to,
          message,
          metadata: new Map(authorization === undefined ? [] : [["authorization", authorization]]),
          timeout: Option.none(),
          serverName: Option.none()
        }) ?? Effect.die("no handler")
      const login = GetAuthTokenRequest.encode({
        header: undefined,
        username: "user",
        password: "correct-horse",
        token: ""
      }).finish()
      const answer = yield* ask({ path: AUTH, authority: "auth.spot.robot" }, login)
      const { token } = GetAuthTokenResponse.decode(answer)
      const service = { path, authority: echo.authority }
      yield* ask(service, login, `Bearer ${token}`)
      for (const authorization of [
        undefined,
        "",
        token,
        `bearer ${token}`,
        `Bearer  ${token}`,
        `Bearer ${token} `,
        ` Bearer ${token}`,
        `Bearer ${token}x`
      ]) {
        const exit = yield* Effect.exit(ask(service, login, authorization))
        assert.isTrue(Exit.isFailure(exit), authorization)
      }
    })
  )
})
