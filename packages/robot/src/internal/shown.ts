/** Which part of a robot's text may be shown: its beginning, or nothing where it repeats a secret. */
import { GrpcStatus } from "@latchkey/grpc"
import { spellings } from "./spellings.ts"

/** Longer texts are cut here, in code points. */
export const MAX_SHOWN = 200

/** In the place of a text that repeats a secret, or might. */
export const WITHHELD = "(the robot's text is withheld: it repeats a secret)"

/** More is not looked at, and not shown either. */
const LOOKED_AT = 1000

/** Whatever a text says, it may hold so short a secret; and no time is spent on one so long. */
const SHORTEST_SECRET = 4
const LONGEST_SECRET = 16 * 1024

/** So much of a secret in one piece is too much: half of it, but not less than four characters and not more than eight. */
const tooMuch = (length: number): number => Math.min(8, Math.max(4, Math.ceil(length / 2)))

const exact = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{C}\p{Zl}\p{Zp}\\]/gu, "")

/** Quotes, blanks and signs are what encoders change. */
const lettersAndDigits = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "")

/** What is left when the rest of a text was mangled. */
const asciiOnly = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, "")

/** Whether `text` and `secret` have a piece of the secret in common that is too large. */
const shares = (text: string, secret: string): boolean => {
  if (secret.length < SHORTEST_SECRET) return false
  const size = tooMuch(secret.length)
  const pieces = new Set<string>()
  for (let start = 0; start + size <= secret.length; start++) pieces.add(secret.slice(start, start + size))
  for (let start = 0; start + size <= text.length; start++) {
    if (pieces.has(text.slice(start, start + size))) return true
  }
  return false
}

const repeats = (text: string, secret: string): boolean => {
  if (secret.length > LONGEST_SECRET || lettersAndDigits(secret).length < SHORTEST_SECRET) return true
  const { encoded, written } = spellings(text)
  const inAny = (texts: ReadonlySet<string>, fold: (text: string) => string): boolean => {
    // One after another, so that no piece is found across two of them.
    const all = Array.from(new Set(Array.from(texts, fold))).join("\n")
    return shares(all, fold(secret)) || shares(all, fold(Array.from(secret).toReversed().join("")))
  }
  return (
    inAny(written, exact) ||
    inAny(written, lettersAndDigits) ||
    inAny(written, asciiOnly) ||
    inAny(encoded, exact)
  )
}

/**
 * The beginning of the text, without control, formatting and line-breaking characters; `WITHHELD` where it holds one of
 * the secrets or a large part of one, as it is or in any of the ways in which programs write texts and bytes.
 */
export const shown = (text: string, secrets: ReadonlyArray<string>): string => {
  const beginning = text.slice(0, LOOKED_AT)
  if (beginning === "") return ""
  return secrets.some((secret) => repeats(beginning, secret))
    ? WITHHELD
    : GrpcStatus.cleaned(beginning, MAX_SHOWN)
}
