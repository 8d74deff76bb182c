/** The moments of a renewal, as its store and its provider see them. */
import type { AuthError, Provider, SessionStore } from "@latchkey/core"
import { Effect, Option } from "effect"

/** In their order. `request sent` is for the service to tell. */
export const moments = ["has the lease", "has marked", "request sent", "answer arrived", "saved"] as const

export type Moment = (typeof moments)[number]

/** Right after it: before whoever has asked the store or the service hears of it. */
type Announce = (moment: Moment) => Effect.Effect<void>

export const watchedStore = (
  store: SessionStore["Service"],
  announce: Announce
): SessionStore["Service"] => ({
  ...store,
  put: (session, options) =>
    Effect.tap(store.put(session, options), () =>
      options?.fence === undefined ? Effect.void : announce("saved")
    ),
  lease: (key, ttl) =>
    Effect.tap(
      Effect.map(
        store.lease(key, ttl),
        Option.map((lease) => ({
          ...lease,
          mark: (mark: Option.Option<string>) =>
            Effect.andThen(lease.mark(mark), Option.isSome(mark) ? announce("has marked") : Effect.void)
        }))
      ),
      (lease) => (Option.isSome(lease) ? announce("has the lease") : Effect.void)
    )
})

export const watchedProvider = <E extends AuthError, LogoutError extends AuthError>(
  provider: Provider<E, LogoutError>,
  announce: Announce
): Provider<E, LogoutError> => ({
  ...provider,
  refresh: (session) => Effect.tap(provider.refresh(session), () => announce("answer arrived"))
})
