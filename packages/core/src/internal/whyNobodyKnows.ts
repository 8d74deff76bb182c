/** What callers hear when a token may have been spent, and nobody has the answer. */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import { type AuthError, RefreshUncertain } from "../AuthError.ts"
import type { SessionKey } from "../SessionKey.ts"

/** `failure`: how the answer was lost, where that was here. A mistake in the provider is told as such. */
export const whyNobodyKnows = <E extends AuthError>(
  { account, instance, provider }: SessionKey,
  failure: Cause.Cause<E> | undefined
): Cause.Cause<E | RefreshUncertain> => {
  const error = failure && Option.getOrUndefined(Cause.findErrorOption(failure))
  if (failure !== undefined && Cause.hasDies(failure)) return failure
  const how = error === undefined ? "" : ` (${error._tag}: ${error.message})`
  const message = `a renewal for ${account} was sent and its answer lost${how}: its token may be spent; sign in again`
  return Cause.fail(new RefreshUncertain({ provider, instance, message }))
}
