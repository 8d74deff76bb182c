import { BinaryReader } from "@bufbuild/protobuf/wire"

/** The field numbers of a message, in the order in which they came. */
export const fieldNumbers = (message: Uint8Array | undefined): ReadonlyArray<number> => {
  const reader = new BinaryReader(message ?? new Uint8Array())
  const numbers: Array<number> = []
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    numbers.push(field)
    reader.skip(type)
  }
  return numbers
}
