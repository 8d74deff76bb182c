/** What could be read of an answer; nothing of it is told. */
import { InvalidResponse } from "@latchkey/core/AuthError"
import type { HttpAnswer, Where } from "@latchkey/core/HttpExchange"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export const notUnderstood = (where: Where, what: string, code?: number): InvalidResponse =>
  new InvalidResponse({
    ...where,
    message: `${what}; is this the address of TrustAuthX?`,
    ...(code !== undefined && { code })
  })

/** What was read of an answer; none is one of another shape than is documented. */
export const understood = <A>(
  where: Where,
  read: Option.Option<A>,
  what = "the answer is not of the documented shape"
): Effect.Effect<A, InvalidResponse> =>
  Option.match(read, { onNone: () => Effect.fail(notUnderstood(where, what)), onSome: Effect.succeed })

export const json = (text: string): Option.Option<unknown> => Option.liftThrowable(JSON.parse)(text)

const NOT_JSON = "the answer is not JSON"

export const parsed = (where: Where, answer: HttpAnswer) =>
  answer.isJson
    ? Effect.flatMap(answer.text, (text) => understood(where, json(text), NOT_JSON))
    : Effect.fail(notUnderstood(where, NOT_JSON))
