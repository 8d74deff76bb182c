/** What a token has to be, once it is clear that the caller asks for something that makes sense. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import type { Where } from "@latchkey/core/HttpExchange"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { VerifyOptions } from "../Jwt.ts"
import * as KeySource from "../KeySource.ts"
import { MAX_BYTES } from "./readToken.ts"
import { invalid } from "./refusal.ts"
import { isAlgorithm } from "./whichAlgorithm.ts"

/** What the clocks of two well-kept machines differ by, and then some. */
const LEEWAY = Duration.seconds(60)

export interface Policy<E> {
  readonly where: Where
  readonly keys: KeySource.KeySource<E>
  readonly algorithms: ReadonlyArray<string>
  /** `undefined`: any. */
  readonly issuers: ReadonlyArray<string> | undefined
  /** `undefined`: any; empty: the token has none. */
  readonly audiences: ReadonlyArray<string> | undefined
  readonly type: string | undefined
  readonly leeway: number
  readonly needsExpiry: boolean
  readonly maxBytes: number
}

const isNames = (given: unknown): given is ReadonlyArray<string> =>
  Array.isArray(given) && given.length > 0 && given.every((one) => typeof one === "string" && one !== "")

/** `undefined` where nobody is named: what that means has to be said by name, too. */
const named = (given: unknown): ReadonlyArray<string> | undefined => {
  const names = typeof given === "string" ? [given] : given
  return isNames(names) ? names : undefined
}

const whose = <E>({ issuer, keys, where }: VerifyOptions<E>): Where => {
  if (where !== undefined) return where
  const instance = "keysFor" in keys ? keys.instance : undefined
  return {
    provider: "jwt",
    instance: named(issuer)?.[0] ?? instance ?? "jwt"
  }
}

/** Media types are told without `application/`, in any case (RFC 7515, section 4.1.9). */
export const typeOf = (typ: string): string => typ.toLowerCase().replace(/^application\/(?=[^/]+$)/, "")

export const make = <E>(options: VerifyOptions<E>): Result.Result<Policy<E>, InvalidRequest> => {
  const where = whose(options)
  const fail = (field: string, message: string) => Result.fail(invalid(where, field, message))
  const { algorithms, audience, issuer, keys, maxBytes = MAX_BYTES, type } = options
  if (algorithms.length === 0 || !algorithms.every(isAlgorithm)) {
    return fail("algorithms", "say which algorithms are accepted; none is not one of them")
  }
  const issuers = named(issuer)
  if (issuers === undefined && !Predicate.isTagged(issuer, "AnyIssuer")) {
    return fail("issuer", "name an issuer, or say anyIssuer")
  }
  const audiences = named(audience) ?? (Predicate.isTagged(audience, "NoAudience") ? [] : undefined)
  if (audiences === undefined && !Predicate.isTagged(audience, "AnyAudience")) {
    return fail("audience", "name an audience, or say anyAudience or noAudience")
  }
  const leeway = Option.filter(
    Duration.fromInput(options.leeway ?? LEEWAY),
    (it) => Duration.isFinite(it) && !Duration.isNegative(it)
  )
  if (Option.isNone(leeway)) return fail("leeway", 'leeway must be a duration, such as "30 seconds"')
  if (!Number.isSafeInteger(maxBytes) || maxBytes <= 0) {
    return fail("maxBytes", "maxBytes must be a whole number of bytes")
  }
  if (!("keysFor" in keys) && keys.length === 0) return fail("keys", "give a key, or the source of keys")
  return Result.succeed({
    where,
    keys: "keysFor" in keys ? keys : KeySource.fromKeys(keys),
    algorithms,
    issuers,
    audiences,
    type: type === undefined ? undefined : typeOf(type),
    leeway: Duration.toMillis(leeway.value),
    needsExpiry: options.withoutExpiry !== "allowed",
    maxBytes
  })
}
