/** What the tests of signing in work with: failures to meet, and `Sessions` on a store of their own. */
import { InvalidLogin, ServerError, Sessions, SessionStore, TemporarilyLockedOut } from "@latchkey/core"
import { Duration, Effect, Layer } from "effect"

export const where = { provider: "test", instance: "memory" }

export const refusal = new InvalidLogin({ ...where, message: "refused: ask again", factor: "password" })

export const lockOut = new TemporarilyLockedOut({
  ...where,
  message: "locked out",
  retryAfter: Duration.minutes(1)
})

export const away = new ServerError({ ...where, message: "the service is away", status: 500 })

export const layer = Sessions.layer.pipe(Layer.provideMerge(SessionStore.layerMemory))

export const provided = <A, E>(effect: Effect.Effect<A, E, Sessions | SessionStore>) =>
  Effect.provide(effect, Layer.fresh(layer))
