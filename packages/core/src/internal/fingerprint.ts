/**
 * Recognises a secret without keeping it: 64 bits under two seeds that are drawn anew in every process. Not a
 * cryptographic hash: it never leaves the memory, and tells nothing without the seeds beside it.
 */
import * as Redacted from "effect/Redacted"

const seeds = globalThis.crypto.getRandomValues(new Int32Array(2))

const mixed = (text: string, seed: number): number => {
  let hash = seed ^ text.length
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x85ebca6b)
    hash ^= hash >>> 13
    hash = Math.imul(hash, 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return hash >>> 0
}

export const fingerprint = (secret: Redacted.Redacted<string>): string => {
  const text = Redacted.value(secret)
  return Array.from(seeds, (seed) => mixed(text, seed).toString(36)).join(".")
}
