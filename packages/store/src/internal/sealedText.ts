/**
 * What a sealed text is made of, in the clear and not; `docs/security.md` has it as a table.
 *
 * Both ends are marked: a text that is damaged or cut short at one of them still shows that it was sealed, and is not taken
 * for a token in the clear.
 */
import * as Result from "effect/Result"
import { createHash } from "node:crypto"

/** What Argon2id is run with. `memory` in KiB. */
export interface Cost {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/** How a key came about: given as it is, or made from a passphrase. */
export type Origin =
  | { readonly _tag: "Given" }
  | { readonly _tag: "Passphrase"; readonly cost: Cost; readonly salt: Uint8Array<ArrayBuffer> }

/** Says in the clear which key opens a text. */
export interface Head {
  /** 16 hex digits; tells nothing else about the key. */
  readonly id: string
  readonly origin: Origin
}

export interface SealedText {
  readonly head: Head
  readonly nonce: Uint8Array<ArrayBuffer>
  /** With its tag of 16 bytes at the end. */
  readonly ciphertext: Uint8Array<ArrayBuffer>
}

export const SALT_BYTES = 16
export const NONCE_BYTES = 24

const VERSION = 1
const START = "latchkey."
const END = ".sealed"
const CHECK_BYTES = 8
const ID_BYTES = 8
const TAG_BYTES = 16
const GIVEN = 0
const PASSPHRASE = 1

/** Whoever can write to a store could ask for years of work: 256 MiB and 16 passes are some seconds. */
export const isBearable = ({ memory, parallelism, passes }: Cost): boolean =>
  isIn(passes, 1, 16) && isIn(parallelism, 1, 16) && isIn(memory, 8 * parallelism, 256 * 1024)

const isIn = (n: number, least: number, most: number) => Number.isInteger(n) && n >= least && n <= most

/** Of no use to whoever looks for the key: it is 32 bytes at random, or as costly to try as the passphrase. */
export const idOf = (key: Uint8Array): string =>
  createHash("sha256")
    .update("latchkey sealing key")
    .update(key)
    .digest("hex")
    .slice(0, 2 * ID_BYTES)

/** What of the head is authenticated beside the session. */
export const headOf = ({ id, origin }: Head): Uint8Array => {
  const own = Buffer.from([VERSION, ...Buffer.from(id, "hex")])
  if (origin._tag === "Given") return Buffer.concat([own, Buffer.from([GIVEN])])
  const { memory, parallelism, passes } = origin.cost
  const costs = Buffer.alloc(12)
  costs.writeUInt32BE(memory, 0)
  costs.writeUInt32BE(passes, 4)
  costs.writeUInt32BE(parallelism, 8)
  return Buffer.concat([own, Buffer.from([PASSPHRASE]), costs, origin.salt])
}

export const write = ({ ciphertext, head, nonce }: SealedText): string => {
  const [version, rest] = split(headOf(head), 1)
  const body = Buffer.concat([rest, nonce, ciphertext])
  return START + Buffer.concat([version, checkOf(version, body), body]).toString("base64url") + END
}

export const isSealed = (text: string): boolean => text.startsWith(START) || text.endsWith(END)

/** `Newer`: whole, and of a format that is not known here. */
export const read = (text: string): Result.Result<SealedText, "Damaged" | "Newer"> => {
  const damaged = Result.fail("Damaged" as const)
  const inner = text.slice(START.length, -END.length)
  const bytes = Buffer.from(inner, "base64url")
  // Of the last letter some bits mean nothing, and what is no letter is passed over.
  if (START + bytes.toString("base64url") + END !== text) return damaged
  const [version, unchecked] = split(bytes, 1)
  const [check, body] = split(unchecked, CHECK_BYTES)
  if (!checkOf(version, body).equals(check)) return damaged
  if (version[0] !== VERSION) return Result.fail("Newer")

  const [id, afterId] = split(body, ID_BYTES)
  const [tag, afterTag] = split(afterId, 1)
  const [costs, afterCosts] = split(afterTag, tag[0] === PASSPHRASE ? 12 : 0)
  const [salt, afterSalt] = split(afterCosts, tag[0] === PASSPHRASE ? SALT_BYTES : 0)
  const [nonce, ciphertext] = split(afterSalt, NONCE_BYTES)
  if (ciphertext.length < TAG_BYTES) return damaged
  const sealed = (origin: Origin) =>
    Result.succeed({
      head: { id: id.toString("hex"), origin },
      nonce: new Uint8Array(nonce),
      ciphertext: new Uint8Array(ciphertext)
    })
  if (tag[0] === GIVEN) return sealed({ _tag: "Given" })
  if (tag[0] !== PASSPHRASE) return damaged
  const cost = {
    memory: costs.readUInt32BE(0),
    passes: costs.readUInt32BE(4),
    parallelism: costs.readUInt32BE(8)
  }
  return isBearable(cost) ? sealed({ _tag: "Passphrase", cost, salt: new Uint8Array(salt) }) : damaged
}

const split = (bytes: Uint8Array, at: number): readonly [Buffer, Buffer] => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return [buffer.subarray(0, at), buffer.subarray(at)]
}

/** Tells damage from another key, and from a newer format. It keeps nobody from changing a text: the tag does. */
const checkOf = (version: Uint8Array, body: Uint8Array): Buffer =>
  createHash("sha256").update(version).update(body).digest().subarray(0, CHECK_BYTES)
