/** Which keys an answer holds, and what it means when it holds none. */
import { InvalidResponse, ServerError, TransportError } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import type { HttpAnswer } from "@latchkey/core/HttpExchange"
import * as Reason from "@latchkey/core/TransportError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { JwksError } from "../JwksCache.ts"
import type { AsymmetricAlgorithm, JwtKey } from "../JwtKey.ts"
import * as ImportKey from "./importKey.ts"
import * as ReadText from "./readText.ts"

/** Issuers have a handful. */
const MOST_KEYS = 100

/** The public part only: whatever else is there does not get any further. */
const Jwk = Schema.Struct({
  kty: Schema.Literals(["RSA", "EC", "OKP"]),
  kid: Schema.optionalKey(Schema.String),
  alg: Schema.optionalKey(Schema.String),
  use: Schema.optionalKey(Schema.String),
  key_ops: Schema.optionalKey(Schema.mutable(Schema.Array(Schema.String))),
  crv: Schema.optionalKey(Schema.String),
  x: Schema.optionalKey(Schema.String),
  y: Schema.optionalKey(Schema.String),
  n: Schema.optionalKey(Schema.String),
  e: Schema.optionalKey(Schema.String)
})

const keyOf = Schema.decodeUnknownOption(Jwk)

const keysOf = Schema.decodeUnknownOption(
  Schema.Struct({ keys: Schema.Array(Schema.Unknown).check(Schema.isMaxLength(MOST_KEYS)) })
)

/** Under what it was made of, so that the next set may find it again. */
export type Keys = ReadonlyMap<string, JwtKey>

const notUnderstood = (where: Where, code?: number): InvalidResponse =>
  new InvalidResponse({
    ...where,
    message: "this is no JSON Web Key Set; is the address right?",
    ...(code !== undefined && { code })
  })

const because = (where: Where, reason: Reason.TransportErrorReason): TransportError =>
  TransportError.because(where, reason)

/** The failure that a status stands for; none for 200. */
export const refusal = (where: Where, { retryAfter, status }: HttpAnswer): JwksError | undefined => {
  switch (status) {
    case 200:
      return undefined
    case 404:
    case 405:
    case 410:
    case 501:
      return because(where, new Reason.NotImplemented({ message: "there is no key set at this address" }))
    case 429: {
      const after = Option.isSome(retryAfter) ? { retryAfter: retryAfter.value } : {}
      return because(where, new Reason.RateLimited({ message: "too many requests for the keys", ...after }))
    }
    case 502:
    case 503:
    case 504:
      return because(where, new Reason.ServiceUnavailable({ message: "the issuer is away; try again" }))
  }
  return status >= 500
    ? new ServerError({ ...where, message: "the issuer failed to show its keys", status })
    : notUnderstood(where, status)
}

/** Those that can be used; one that was there before stays the same. */
export const read = Effect.fnUntraced(function* (
  where: Where,
  text: string,
  rsaAlgorithm: AsymmetricAlgorithm,
  before: Keys
): Effect.fn.Return<Keys, InvalidResponse> {
  const set = keysOf(ReadText.objectOf(text))
  if (Option.isNone(set)) return yield* notUnderstood(where)
  const keys = new Map<string, JwtKey>()
  for (const given of set.value.keys) {
    const jwk = Option.getOrUndefined(keyOf(given))
    if (jwk === undefined) continue
    const name = JSON.stringify(jwk)
    const known = before.get(name)
    const expected = jwk.kty === "RSA" && jwk.alg === undefined ? rsaAlgorithm : undefined
    const key =
      known ?? Result.getOrUndefined(yield* Effect.result(ImportKey.ofJwk(where, jwk, expected, undefined)))
    if (key !== undefined) keys.set(name, key)
  }
  return keys
})
