/**
 * Whether bytes are a protobuf message at all, as strictly as other implementations of the format take it: lengths
 * stay inside what contains them, no field has the number 0, groups nest, varints end within ten bytes.
 *
 * Generated readers neither check that a sub-message ends where it says, nor merge one that comes in pieces: they keep
 * the last piece. So both are done here, for the fields that a shape names.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire"
import type { MergeShape } from "../GrpcMethod.ts"
import { Cursor, LENGTH_DELIMITED, Malformed } from "./cursor.ts"

/** Whether something must be merged. Throws `Malformed`. */
const inPieces = (bytes: Uint8Array, start: number, end: number, shape: MergeShape): boolean => {
  const cursor = new Cursor(bytes, start, end)
  let found = false
  let seen: Array<number> | undefined
  while (cursor.pos < end) {
    const tag = cursor.tag()
    const field = Math.floor(tag / 8)
    const inner = tag % 8 === LENGTH_DELIMITED ? shape[field] : undefined
    if (inner === undefined) {
      cursor.skipField(tag)
      continue
    }
    const length = cursor.varint()
    const from = cursor.pos
    cursor.skip(length)
    if (inPieces(bytes, from, cursor.pos, inner)) found = true
    if (inner.repeated === true) continue
    if (seen === undefined) seen = [field]
    else if (seen.includes(field)) found = true
    else seen.push(field)
  }
  return found
}

/** The pieces of a sub-message, one after the other, are the sub-message: that is how the format defines merging. */
const merged = (bytes: Uint8Array, shape: MergeShape): Uint8Array => {
  const cursor = new Cursor(bytes, 0, bytes.length)
  const writer = new BinaryWriter()
  const pieces = new Map<number, Array<Uint8Array>>()
  while (cursor.pos < bytes.length) {
    const start = cursor.pos
    const tag = cursor.tag()
    const field = Math.floor(tag / 8)
    const inner = tag % 8 === LENGTH_DELIMITED ? shape[field] : undefined
    if (inner === undefined) {
      cursor.skipField(tag)
      writer.raw(bytes.subarray(start, cursor.pos))
      continue
    }
    const length = cursor.varint()
    const piece = bytes.subarray(cursor.pos, cursor.pos + length)
    cursor.skip(length)
    const before = inner.repeated === true ? undefined : pieces.get(field)
    if (inner.repeated === true) writer.uint32(field * 8 + LENGTH_DELIMITED).bytes(merged(piece, inner))
    else if (before === undefined) pieces.set(field, [piece])
    else before.push(piece)
  }
  for (const [field, parts] of pieces) {
    const inner = shape[field]
    const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    if (inner !== undefined) writer.uint32(field * 8 + LENGTH_DELIMITED).bytes(merged(whole, inner))
  }
  return writer.finish()
}

/** Undefined for what is not a message; the very same bytes when nothing had to be merged. */
export const wellFormed = (bytes: Uint8Array, shape: MergeShape): Uint8Array | undefined => {
  try {
    return inPieces(bytes, 0, bytes.length, shape) ? merged(bytes, shape) : bytes
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}
