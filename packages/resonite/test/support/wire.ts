import { BinaryWriter } from "@bufbuild/protobuf/wire"

export const hex = (text: string): Uint8Array => Buffer.from(text, "hex")

/** Bytes of a message, field by field, in any order and however wrong. */
export const message = (...fields: ReadonlyArray<Uint8Array>): Uint8Array => Buffer.concat(fields)

export const int64 = (field: number, value: bigint): Uint8Array =>
  new BinaryWriter()
    .uint32((field << 3) >>> 0)
    .int64(value)
    .finish()

export const bytes = (field: number, value: Uint8Array | string): Uint8Array =>
  new BinaryWriter()
    .uint32(((field << 3) | 2) >>> 0)
    .bytes(Buffer.from(value))
    .finish()

/** A status of a game that is logged in. */
export const loggedIn = (expires: bigint): Uint8Array => message(int64(1, 1n), int64(4, expires))
