/** How a token is written. */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { CompactSign } from "jose/jws/compact/sign"
import type { SignOptions } from "../Jwt.ts"
import type { JwtKey } from "../JwtKey.ts"
import { Key } from "./key.ts"
import { isTooDeep } from "./readText.ts"
import { invalid } from "./refusal.ts"

/** `alg` is the key's; the others tell where to find a key, or change how the token is read. */
const NOT_TO_BE_SAID = new Set([
  "alg",
  "crit",
  "b64",
  "zip",
  "enc",
  "jku",
  "jwk",
  "x5u",
  "x5c",
  "x5t",
  "x5t#S256"
])

const isObject = Schema.is(Schema.Record(Schema.String, Schema.Json))

/** What `Jwt.verify` would refuse is not written in the first place. */
const isJson = (value: unknown): boolean => isObject(value) && !isTooDeep(value)

const hasTexts = Schema.is(
  Schema.Struct({ kid: Schema.optionalKey(Schema.String), typ: Schema.optionalKey(Schema.String) })
)

export const sign = Effect.fnUntraced(function* (
  claims: { readonly [name: string]: unknown },
  key: JwtKey,
  { header = { typ: "JWT" }, where = { provider: "jwt", instance: "jwt" } }: SignOptions
): Effect.fn.Return<Redacted.Redacted<string>, InvalidRequest> {
  if (!key.canSign) return yield* invalid(where, "key", "a public key does not sign: give the private one")
  if (!isJson(header) || !hasTexts(header) || Object.keys(header).some((name) => NOT_TO_BE_SAID.has(name))) {
    return yield* invalid(
      where,
      "header",
      `a header is JSON, its typ and kid are texts, and none of ${[...NOT_TO_BE_SAID].join(", ")} is said in it`
    )
  }
  if (!isJson(claims)) return yield* invalid(where, "claims", "claims must be JSON of at most 32 levels")
  const payload = new TextEncoder().encode(JSON.stringify(claims))
  const kid = key.id === undefined ? undefined : { kid: key.id }
  return yield* Effect.tryPromise({
    try: () =>
      new CompactSign(payload)
        .setProtectedHeader({ alg: key.algorithm, ...header, ...(Object.hasOwn(header, "kid") ? {} : kid) })
        .sign(Key.material(key)),
    catch: () => invalid(where, "key", "the key cannot be used")
  }).pipe(Effect.map((token) => Redacted.make(token)))
})
