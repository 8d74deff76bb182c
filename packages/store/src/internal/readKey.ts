/** Which bytes a key is, where it is one. */
import { KEY_BYTES } from "./sealingKey.ts"

/** Always bytes of their own, to be wiped by whoever asked. */
export const readKey = (key: string | Uint8Array): Uint8Array | undefined => {
  const bytes = typeof key === "string" ? bytesOf(key.trim()) : Uint8Array.from(key)
  return bytes?.length === KEY_BYTES ? bytes : undefined
}

const bytesOf = (text: string): Uint8Array | undefined => {
  if (/^[0-9a-f]{64}$/i.test(text)) return own(text, "hex")
  return /^[\w+/-]{43}=?$/.test(text) ? own(text, "base64") : undefined
}

/** A Buffer may lie in memory that others share. */
const own = (text: string, encoding: "hex" | "base64") => {
  const shared = Buffer.from(text, encoding)
  const bytes = Uint8Array.from(shared)
  shared.fill(0)
  return bytes
}
