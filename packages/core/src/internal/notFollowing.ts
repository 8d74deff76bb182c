/** How `fetch` is told not to follow redirects: it does unless told, and Node's own clients do not. */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Option from "effect/Option"

/** What else is said to `fetch`, where the request is made, stays; `given` counts where it says nothing. */
export const notFollowing = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  given: RequestInit = {}
): Effect.Effect<A, E, Exclude<R, FetchHttpClient.RequestInit>> =>
  Effect.flatMap(Effect.serviceOption(FetchHttpClient.RequestInit), (current) =>
    Effect.provideService(effect, FetchHttpClient.RequestInit, {
      ...given,
      ...Option.getOrUndefined(current),
      redirect: "manual"
    })
  )
