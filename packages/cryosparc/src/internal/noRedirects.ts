/** Whose redirects are followed: nobody's. They would carry the credential along. */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"

/**
 * The client in the context, which must not follow by itself: `fetch` does unless told, Node's own clients do not. What
 * else was said to `fetch` stays as it was, where it can be seen.
 */
export const make = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const given = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
  return HttpClient.transformResponse(client, (response) =>
    Effect.flatMap(Effect.serviceOption(FetchHttpClient.RequestInit), (current) =>
      Effect.provideService(response, FetchHttpClient.RequestInit, {
        ...Option.getOrUndefined(given),
        ...Option.getOrUndefined(current),
        redirect: "manual"
      })
    )
  )
})
