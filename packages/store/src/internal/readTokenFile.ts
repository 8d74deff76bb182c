/** What is in a small file right now, and which write it stems from. */
import { createHash } from "node:crypto"
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { MAX_TOKEN_BYTES } from "./whichTokenFile.ts"
import { isCode } from "./writePrivateFile.ts"

export interface Found {
  /** Empty for what is not a regular file or is too large to be a token. */
  readonly bytes: Uint8Array
  readonly state: BigIntStats
  readonly version: string
}

/** None where there is no file; links are followed. Other failures are thrown. */
export const readTokenFile = (path: string): Found | undefined => {
  let file: number
  try {
    // A pipe in the place of a file would otherwise be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return undefined
    throw cause
  }
  try {
    const state = fstatSync(file, { bigint: true })
    const isToken = state.isFile() && state.size <= MAX_TOKEN_BYTES
    const bytes = isToken ? readFileSync(file) : new Uint8Array()
    return { bytes, state, version: versionOf(bytes, state) }
  } finally {
    closeSync(file)
  }
}

/**
 * Differs after every write, ours or another tool's: a hash of the content and of what the file system knows of it. A
 * change of the mode alone changes it too.
 */
export const versionOf = (bytes: Uint8Array, { ctimeNs, ino, mtimeNs }: BigIntStats): string =>
  createHash("sha256").update(`${ino} ${mtimeNs} ${ctimeNs} `).update(bytes).digest("base64url")
