/** Whether one of these keys signed a token. */
import type { InvalidToken } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as Effect from "effect/Effect"
import { JWSSignatureVerificationFailed } from "jose/errors"
import { compactVerify } from "jose/jws/compact/verify"
import type { Header } from "../Jwt.ts"
import type { JwtKey } from "../JwtKey.ts"
import { Key } from "./key.ts"
import type { Read } from "./readToken.ts"
import { refused } from "./refusal.ts"

/** By the name in the header where there is one, else those that have none. */
export const candidates = (header: Header, keys: ReadonlyArray<JwtKey>): ReadonlyArray<JwtKey> => {
  const { alg, kid } = header
  const fitting = keys.filter((key) => key.canVerify && key.algorithm === alg)
  if (kid === undefined) return fitting
  const named = fitting.filter((key) => key.id === kid)
  return named.length > 0 ? named : fitting.filter((key) => key.id === undefined)
}

const attempt = (where: Where, { text }: Read, key: JwtKey): Effect.Effect<unknown, InvalidToken> =>
  Effect.tryPromise({
    try: () => compactVerify(text, Key.material(key)),
    // Whatever else there is to object to has been found before; what is left lies with the key.
    catch: (error) => refused(where, error instanceof JWSSignatureVerificationFailed ? "Signature" : "Key")
  })

export const check = (
  where: Where,
  read: Read,
  keys: ReadonlyArray<JwtKey>
): Effect.Effect<unknown, InvalidToken> => {
  const [first, ...others] = candidates(read.header, keys)
  if (first === undefined) return Effect.fail(refused(where, "Key"))
  let tried = attempt(where, read, first)
  for (const key of others) {
    tried = Effect.catchTag(tried, "InvalidToken", () => attempt(where, read, key))
  }
  return tried
}
