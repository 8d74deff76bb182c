/** One verification, from the text to the claims. */
import type { InvalidToken } from "@latchkey/core/AuthError"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Verified } from "../Jwt.ts"
import * as Judge from "./judge.ts"
import type { Policy } from "./policy.ts"
import * as ReadToken from "./readToken.ts"
import { refused } from "./refusal.ts"
import * as WhoSigned from "./whoSigned.ts"

export interface Outcome {
  readonly token: Verified
  /** Of the keys that it was verified with. */
  readonly version: number
}

export const run = <E>(
  policy: Policy<E>,
  token: Redacted.Redacted<string>
): Effect.Effect<Outcome, InvalidToken | E> =>
  Effect.suspend((): Effect.Effect<Outcome, InvalidToken | E> => {
    const { where } = policy
    const read = ReadToken.read(token, policy.maxBytes)
    if (typeof read === "string") return Effect.fail(refused(where, read))
    const objection = Judge.header(policy, read.header)
    if (objection !== undefined) return Effect.fail(refused(where, objection))
    return Effect.flatMap(policy.keys.keysFor(read.header), ({ keys, version }) =>
      Effect.flatMap(WhoSigned.check(where, read, keys), () =>
        Effect.clockWith((clock) => judged(policy, read, version, clock))
      )
    )
  })

const judged = (
  policy: Policy<unknown>,
  { header, payload }: ReadToken.Read,
  version: number,
  clock: Clock.Clock
): Effect.Effect<Outcome, InvalidToken> => {
  const claims = ReadToken.claims(payload)
  if (typeof claims === "string") return Effect.fail(refused(policy.where, claims))
  const objection = Judge.claims(policy, claims, clock.currentTimeMillisUnsafe())
  return objection === undefined
    ? Effect.succeed({ token: { verified: true, header, claims }, version })
    : Effect.fail(objection)
}
