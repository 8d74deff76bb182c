/** Steps over the fields of a protobuf message, and throws `Malformed` at what cannot be one. */
const VARINT = 0
const FIXED64 = 1
export const LENGTH_DELIMITED = 2
const START_GROUP = 3
const END_GROUP = 4
const FIXED32 = 5

const MAX_FIELD = 2 ** 29 - 1

export class Malformed extends Error {}

/** A place in the bytes. `end` is never passed. */
export class Cursor {
  pos: number
  readonly bytes: Uint8Array
  readonly end: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.pos = start
    this.end = end
  }

  /** Beyond 2^53 the value is rounded; nothing that is used gets there. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.pos < this.end ? this.bytes[this.pos] : undefined
      if (byte === undefined) throw new Malformed()
      this.pos++
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (i === 9 && byte > 1) throw new Malformed()
        return value
      }
      scale *= 128
    }
    throw new Malformed()
  }

  skip(length: number): void {
    if (length > this.end - this.pos) throw new Malformed()
    this.pos += length
  }

  /** Field number times eight plus wire type. */
  tag(): number {
    const tag = this.varint()
    const field = Math.floor(tag / 8)
    if (field === 0 || field > MAX_FIELD) throw new Malformed()
    return tag
  }

  /** Leaves the cursor behind the field whose tag was read. */
  skipField(tag: number): void {
    const open: Array<number> = []
    let next = tag
    for (;;) {
      switch (next % 8) {
        case VARINT:
          this.varint()
          break
        case FIXED64:
          this.skip(8)
          break
        case LENGTH_DELIMITED:
          this.skip(this.varint())
          break
        case START_GROUP:
          open.push(Math.floor(next / 8))
          break
        case END_GROUP:
          if (open.pop() !== Math.floor(next / 8)) throw new Malformed()
          break
        case FIXED32:
          this.skip(4)
          break
        default:
          throw new Malformed()
      }
      if (open.length === 0) return
      next = this.tag()
    }
  }
}
