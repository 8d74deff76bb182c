import { BinaryWriter } from "@bufbuild/protobuf/wire"

/** Bytes of a message, field by field, in any order and however wrong. */
export const message = (...fields: ReadonlyArray<Uint8Array>): Uint8Array => Buffer.concat(fields)

export const varint = (field: number, value: number): Uint8Array =>
  new BinaryWriter()
    .uint32((field << 3) >>> 0)
    .int32(value)
    .finish()

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

/** A `ResponseHeader` whose `error` has that code. */
export const header = (code: number, text = ""): Uint8Array =>
  message(
    bytes(
      4,
      message(code === 0 ? Buffer.alloc(0) : varint(1, code), text === "" ? Buffer.alloc(0) : bytes(2, text))
    )
  )

export interface Answer {
  /** The code in the header; `empty` for a header without any field, left out for none. */
  readonly header?: number | "empty" | undefined
  readonly text?: string
  readonly status?: number
  readonly token?: string
}

/** A `GetAuthTokenResponse`. */
export const answer = (of: Answer): Uint8Array =>
  message(
    ...(of.header === undefined ? [] : [bytes(1, of.header === "empty" ? "" : header(of.header, of.text))]),
    ...(of.status === undefined || of.status === 0 ? [] : [varint(2, of.status)]),
    ...(of.token === undefined ? [] : [bytes(3, of.token)])
  )

export const hex = (text: string): Uint8Array => Buffer.from(text, "hex")

/** A `RobotIdResponse`, and nothing in it but who it is. */
export const identity = (serialNumber: string): Uint8Array =>
  message(bytes(1, header(1)), bytes(2, bytes(1, serialNumber)))
