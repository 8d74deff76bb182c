/** Tokens that nobody should write, with a signature that is right all the same. */
import { Redacted } from "effect"
import { createHmac } from "node:crypto"
import { text } from "./keys.ts"

export const encode = (plain: string | Uint8Array): string => Buffer.from(plain).toString("base64url")

export const hmac = (input: string, key: string | Uint8Array = text): string =>
  createHmac("sha256", key).update(input).digest("base64url")

export const HS256 = '{"alg":"HS256","typ":"JWT"}'

/** Of two segments as they are. */
export const signed = (header: string, payload: string, key?: string | Uint8Array): string =>
  `${header}.${payload}.${hmac(`${header}.${payload}`, key)}`

export const forge = (header: string, payload: string | Uint8Array): Redacted.Redacted<string> =>
  Redacted.make(signed(encode(header), encode(payload)))

export const forged = (claims: unknown, header: string = HS256): Redacted.Redacted<string> =>
  forge(header, JSON.stringify(claims))
