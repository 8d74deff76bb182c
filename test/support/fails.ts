import { assert } from "@effect/vitest"
import { TransportError, type TransportErrorReason } from "@latchkey/core/TransportError"
import { Effect } from "effect"

interface Tagged {
  readonly _tag: string
}

/** The failure of an effect, which must be of that tag. */
export const fails = <A, E extends Tagged, R, Tag extends E["_tag"]>(
  tag: Tag,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Extract<E, { readonly _tag: Tag }>, A, R> => {
  const isWanted = (error: E): error is Extract<E, { readonly _tag: Tag }> => error._tag === tag
  return Effect.map(Effect.flip(effect), (error) =>
    isWanted(error) ? error : assert.fail(`${error._tag} instead of ${tag}: ${JSON.stringify(error)}`)
  )
}

/** The failure of an effect, which must be a `TransportError` for that reason. */
export const failsBecause = <A, E, R>(
  tag: TransportErrorReason["_tag"],
  effect: Effect.Effect<A, E, R>
): Effect.Effect<TransportError, A, R> =>
  Effect.map(Effect.flip(effect), (error) =>
    error instanceof TransportError && error.reason._tag === tag
      ? error
      : assert.fail(`not ${tag}: ${JSON.stringify(error)}`)
  )
