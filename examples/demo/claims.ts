/** A step of the demo says what it does; where that turns out not to be so, the demo fails. */
import { Effect, Schema } from "effect"

export class ClaimFailed extends Schema.TaggedError<ClaimFailed>()("ClaimFailed", {
  message: Schema.String
}) {}

export const claim = (holds: boolean, message: string): Effect.Effect<void, ClaimFailed> =>
  holds ? Effect.void : Effect.fail(new ClaimFailed({ message: `it is not so that ${message}` }))

/** The failure that a step is about. Anything else, success included, fails the demo. */
export const failsWith = <const Tag extends E["_tag"], A, E extends { readonly _tag: string }, R>(
  effect: Effect.Effect<A, E, R>,
  tag: Tag
): Effect.Effect<Extract<E, { readonly _tag: Tag }>, ClaimFailed, R> => {
  const isIt = (error: E): error is Extract<E, { readonly _tag: Tag }> => error._tag === tag
  return Effect.matchEffect(effect, {
    onSuccess: () => Effect.fail(new ClaimFailed({ message: `it succeeded where ${tag} was due` })),
    onFailure: (error) =>
      isIt(error)
        ? Effect.succeed(error)
        : Effect.fail(new ClaimFailed({ message: `${error._tag} came where ${tag} was due` }))
  })
}
