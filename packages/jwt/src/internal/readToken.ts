/** What a token says, before anybody knows whether it is true. */
import * as Redacted from "effect/Redacted"
import type { Claims, Header } from "../Jwt.ts"
import { frozen } from "./frozen.ts"
import * as ReadText from "./readText.ts"
import type { Check } from "./refusal.ts"

export const MAX_BYTES = 16 * 1024

export interface Read {
  readonly text: string
  readonly header: Header
  /** Not yet JSON: nothing in it is looked at before the signature has been. */
  readonly payload: Uint8Array
}

const isText = (value: unknown): boolean => value === undefined || typeof value === "string"

const isTime = (value: unknown): boolean => value === undefined || Number.isFinite(value)

const isAudience = (value: unknown): boolean =>
  isText(value) || (Array.isArray(value) && value.every((one) => typeof one === "string"))

const isHeader = (value: Readonly<Record<string, unknown>>): value is Header =>
  typeof value["alg"] === "string" && isText(value["typ"]) && isText(value["kid"])

const isClaims = (value: Readonly<Record<string, unknown>>): value is Claims =>
  isText(value["iss"]) &&
  isText(value["sub"]) &&
  isText(value["jti"]) &&
  isAudience(value["aud"]) &&
  isTime(value["exp"]) &&
  isTime(value["nbf"]) &&
  isTime(value["iat"])

/** The header that was read last: an issuer writes the same one again and again. */
let latest: { readonly encoded: string; readonly header: Header } | undefined

const headerOf = (encoded: string): Header | undefined => {
  if (latest?.encoded === encoded) return latest.header
  const bytes = ReadText.bytes(encoded)
  const header = bytes === undefined ? undefined : ReadText.object(bytes)
  if (header === undefined || !isHeader(header)) return undefined
  latest = { encoded, header: frozen(header) }
  return latest.header
}

export const read = (token: Redacted.Redacted<string>, maxBytes: number): Read | Check => {
  const text = Redacted.value(token)
  // Said so that what is no number allows nothing.
  if (!(text.length <= maxBytes)) return "TooLarge"
  const first = text.indexOf(".")
  const second = text.indexOf(".", first + 1)
  if (first < 0 || second < 0) return "Malformed"
  const payload = ReadText.bytes(text.slice(first + 1, second))
  // A third dot is not of the alphabet.
  if (payload === undefined || ReadText.bytes(text.slice(second + 1)) === undefined) return "Malformed"
  const header = headerOf(text.slice(0, first))
  return header === undefined ? "Malformed" : { text, header, payload }
}

export const claims = (payload: Uint8Array): Claims | Check => {
  const object = ReadText.object(payload)
  if (object === undefined) return "Malformed"
  return isClaims(object) ? object : "Claims"
}
