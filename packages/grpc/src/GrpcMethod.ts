/**
 * One unary method: its path, how its request becomes bytes, and how bytes become its response.
 *
 * Generated readers are lenient. What comes from a network is checked first: bytes that are cut off, that do not nest,
 * or whose text is not UTF-8, are no message, and a sub-message that comes in pieces is put together (robot contract,
 * section 4, items 4 to 7).
 *
 * @since 0.1.0
 */
import { BinaryReader, type BinaryWriter } from "@bufbuild/protobuf/wire"
import * as Option from "effect/Option"
import { wellFormed } from "./internal/wellFormed.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface GrpcMethod<in I, out O> {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly encode: (input: I) => Uint8Array
  /** None for bytes that are not the message. Never throws. */
  readonly decode: (bytes: Uint8Array) => Option.Option<O>
}

/**
 * What ts-proto generates for a message, over `@bufbuild/protobuf/wire`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProtoCodec<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter
  decode(input: BinaryReader | Uint8Array, length?: number): T
}

/**
 * The sub-messages of a message, by field number, each with its own sub-messages. Name them all: the pieces of one are
 * merged, and only inside of those that are named is it checked that nothing reaches beyond the end. One that is
 * `repeated` in the definition says so, and is not merged.
 *
 * @category models
 * @since 0.1.0
 */
export interface MergeShape {
  readonly [field: number]: MergeShape
  readonly repeated?: boolean
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The sub-messages of the response. Default: none. */
  readonly merge?: MergeShape
}

// A leading U+FEFF is text in protobuf.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const readUtf8 = (bytes: Uint8Array): string => utf8.decode(bytes)

/**
 * Reads bytes strictly. None for what is not the message; never throws. Unknown fields are skipped, unknown enum
 * numbers are kept, the last of several scalars wins.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = <T>(
  codec: ProtoCodec<T>,
  bytes: Uint8Array,
  merge: MergeShape = {}
): Option.Option<T> => {
  const whole = wellFormed(bytes, merge)
  if (whole === undefined) return Option.none()
  try {
    return Option.some(codec.decode(new BinaryReader(whole, readUtf8)))
  } catch {
    return Option.none()
  }
}

/**
 * A method from generated codecs, with the response read strictly.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <I, O>(
  path: string,
  request: ProtoCodec<I>,
  response: ProtoCodec<O>,
  options?: Options
): GrpcMethod<I, O> => ({
  path,
  encode: (input) => request.encode(input).finish(),
  decode: (bytes) => decode(response, bytes, options?.merge)
})
