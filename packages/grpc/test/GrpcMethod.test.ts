/** Strict reading: robot contract, section 4, items 4 to 7; checklist items 20 and 21. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { wellFormed } from "../src/internal/wellFormed.ts"
import { bytes, type Header, type Login, login, Method, shape } from "./fixtures/login.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Note = Schema.Struct({ code: between(-(2 ** 31), 2 ** 31 - 1), text: Schema.String })

const Message = Schema.Struct({
  header: Schema.UndefinedOr(Note),
  status: between(-(2 ** 31), 2 ** 31 - 1),
  token: Schema.String,
  seconds: between(-(2 ** 53) + 1, 2 ** 53 - 1),
  notes: Schema.Array(Note).check(Schema.isMaxLength(3))
})

// A lone surrogate has no UTF-8.
const wellFormedText = <T extends { readonly text: string }>(note: T): T => ({
  ...note,
  text: note.text.toWellFormed()
})

const messageOf = (from: typeof Message.Type): Login => ({
  header: from.header === undefined ? undefined : wellFormedText(from.header),
  status: from.status,
  token: from.token.toWellFormed(),
  seconds: BigInt(from.seconds),
  notes: from.notes.map(wellFormedText)
})

/** A generator of small numbers from a list of drawn ones, so that a failure can be replayed. */
const dice = (drawn: ReadonlyArray<number>) => {
  let at = 0
  return (sides: number) => (drawn.length === 0 ? 0 : (drawn[at++ % drawn.length] ?? 0)) % sides
}

const varint = (value: bigint, padding: number): Array<number> => {
  const out: Array<number> = []
  let rest = BigInt.asUintN(64, value)
  do {
    out.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  } while (rest > 0n)
  for (let i = 0; i < padding && out.length < 10; i++) out.push(0x80)
  out[out.length - 1]! &= 0x7f
  return out
}

const field = (number: number, wire: number, value: ReadonlyArray<number>): ReadonlyArray<number> => [
  ...varint(BigInt(number * 8 + wire), 0),
  ...value
]

const delimited = (number: number, value: ReadonlyArray<number>, padding = 0): ReadonlyArray<number> =>
  field(number, 2, [...varint(BigInt(value.length), padding), ...value])

const text = (value: string): ReadonlyArray<number> => [...new TextEncoder().encode(value)]

const headerFields = (header: Header, padding: number) => [
  field(1, 0, varint(BigInt(header.code), padding)),
  delimited(2, text(header.text), Math.min(padding, 3))
]

const unknown = (roll: (sides: number) => number): ReadonlyArray<number> => {
  const number = [6, 15, 99, 536_870_911][roll(4)] ?? 6
  switch (roll(5)) {
    case 0:
      return field(number, 0, varint(BigInt(roll(1000)), roll(9)))
    case 1:
      return field(number, 1, [1, 2, 3, 4, 5, 6, 7, 8])
    case 2:
      return delimited(number, [0, 255, 8])
    case 3:
      return [...field(number, 3, field(7, 3, field(7, 4, []))), ...field(number, 4, [])]
    default:
      return field(number, 5, [1, 2, 3, 4])
  }
}

const numberOf = (part: ReadonlyArray<number>) => (part[0] ?? 0) >> 3
/** The same message, written as nobody writes it. */
const awkwardly = (message: Login, roll: (sides: number) => number): Uint8Array => {
  const parts: Array<ReadonlyArray<number>> = []
  const scalar = (number: number, value: bigint) => {
    if (roll(2) === 1) parts.push(field(number, 0, varint(BigInt(roll(1000)), roll(9))))
    parts.push(field(number, 0, varint(value, roll(9))))
  }
  if (message.header !== undefined) {
    const fields = headerFields(message.header, roll(9))
    const cut = roll(3)
    parts.push(delimited(1, fields.slice(0, cut).flat(), roll(4)))
    if (cut < 2) parts.push(delimited(1, fields.slice(cut).flat()))
    if (roll(2) === 1) parts.push(delimited(1, unknown(roll)))
  }
  scalar(2, BigInt(message.status))
  if (roll(2) === 1) parts.push(delimited(3, text("an earlier one")))
  parts.push(delimited(3, text(message.token)))
  scalar(4, message.seconds)
  for (const note of message.notes) parts.push(delimited(5, headerFields(note, roll(9)).flat()))
  // Moves fields past fields of other numbers; among those of one number the order counts.
  for (let i = 1; i < parts.length; i++) {
    const [left, right] = [parts[i - 1], parts[i]]
    if (roll(2) === 1 && left !== undefined && right !== undefined && numberOf(left) !== numberOf(right)) {
      parts[i - 1] = right
      parts[i] = left
    }
  }
  for (let i = roll(4); i > 0; i--) parts.splice(roll(parts.length + 1), 0, unknown(roll))
  return Uint8Array.from(parts.flat())
}

const drawn = Schema.Array(between(0, 1_000_000)).check(Schema.isMinLength(1), Schema.isMaxLength(40))

const decoded = (from: ReadonlyArray<number>) => Method.decode(Uint8Array.from(from))

const isRefused = (...from: ReadonlyArray<number>) => assert.isTrue(Option.isNone(decoded(from)))

describe("strict reading", () => {
  it.effect.prop("what was written is read", { message: Message }, ({ message }) =>
    Effect.sync(() => {
      const written = messageOf(message)
      assert.deepStrictEqual(Method.decode(bytes(written)), Option.some(written))
    })
  )

  it.effect.prop(
    "field order, padding, repeated scalars, split sub-messages and unknown fields change nothing",
    { message: Message, drawn },
    ({ drawn, message }) =>
      Effect.sync(() => {
        const written = messageOf(message)
        assert.deepStrictEqual(Method.decode(awkwardly(written, dice(drawn))), Option.some(written))
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect.prop(
    "a message cut anywhere is refused, or says what its whole fields say",
    { message: Message, drawn },
    ({ drawn, message }) =>
      Effect.sync(() => {
        const whole = awkwardly(messageOf(message), dice(drawn))
        const full = Option.getOrThrow(Method.decode(whole))
        for (let length = 0; length < whole.length; length++) {
          const cut = Method.decode(whole.subarray(0, length))
          if (Option.isNone(cut)) continue
          assert.include(["", "an earlier one", full.token], cut.value.token)
          assert.isAtMost(cut.value.notes.length, full.notes.length)
          for (const [index, note] of cut.value.notes.entries())
            assert.deepStrictEqual(note, full.notes[index])
        }
      })
  )

  it.effect.prop(
    "random bytes never throw",
    { noise: Schema.Uint8Array },
    ({ noise }) =>
      Effect.sync(() => {
        assert.oneOf(Method.decode(noise)._tag, ["None", "Some"])
      }),
    { arbitrary: { runs: 1000 } }
  )

  it("a header in two pieces keeps its code", () => {
    const answer = decoded([0x0a, 0x02, 0x08, 0x01, 0x0a, 0x03, 0x12, 0x01, 0x61])
    assert.deepStrictEqual(Option.getOrThrow(answer).header, { code: 1, text: "a" })
  })

  it("pieces inside of pieces are merged too", () => {
    const inner = (number: number) => delimited(1, delimited(2, field(number, 0, [1])))
    const whole = wellFormed(Uint8Array.from([...inner(3), ...inner(4)]), { 1: { 2: {} } })
    assert.deepStrictEqual(
      [...(whole ?? [])],
      [...delimited(1, delimited(2, [...field(3, 0, [1]), ...field(4, 0, [1])]))]
    )
  })

  it("bytes that need no merging are not copied", () => {
    const original = bytes(login({ header: { code: 1, text: "" }, token: "a" }))
    assert.strictEqual(wellFormed(original, shape), original)
  })

  it("a token cut short is refused", () => isRefused(0x1a, 0x05, 0x61, 0x62))

  it("text that is not UTF-8 is refused", () => {
    isRefused(0x1a, 0x02, 0xc3, 0x28)
    isRefused(0x1a, 0x03, 0xed, 0xa0, 0x80)
    isRefused(0x0a, 0x03, 0x12, 0x01, 0xff)
  })

  it("a leading byte-order mark is text", () => {
    const answer = decoded([0x1a, 0x04, 0xef, 0xbb, 0xbf, 0x61])
    assert.strictEqual(Option.getOrThrow(answer).token, "\ufeffa")
  })

  it("nothing inside of a sub-message reaches beyond its end", () => {
    // The header is 2 bytes long, its text claims 3.
    isRefused(0x0a, 0x02, 0x12, 0x03, 0x1a, 0x01, 0x61)
    // The same in a repeated one.
    isRefused(0x2a, 0x02, 0x12, 0x03, 0x1a, 0x01, 0x61)
    // A tag without its value.
    isRefused(0x0a, 0x01, 0x08, 0x10, 0x01)
  })

  it("field number 0, a stray end of group, unclosed and crossed groups, unknown wire types are refused", () => {
    isRefused(0x00)
    isRefused(0x00, 0x00, 0x1a, 0x01, 0x61)
    isRefused(0x1a, 0x01, 0x61, 0x0c)
    isRefused(0x33)
    isRefused(0x33, 0x3b, 0x34, 0x3c)
    isRefused(0x36, 0x00)
    isRefused(0x37, 0x00)
  })

  it("varints beyond ten bytes or 64 bits are refused", () => {
    isRefused(0x10, ...Array.from({ length: 10 }, () => 0x80), 0x00)
    isRefused(0x10, ...Array.from({ length: 9 }, () => 0xff), 0x02)
    isRefused(0x10, 0x80)
    isRefused(0x1a, ...Array.from({ length: 9 }, () => 0xff), 0x01)
  })

  it("an unknown enum number, negative ones included, is kept", () => {
    for (const status of [99, -1, -(2 ** 31)]) {
      assert.strictEqual(Option.getOrThrow(Method.decode(bytes(login({ status })))).status, status)
    }
  })

  it("the right field with the wrong wire type is an unknown field", () => {
    assert.strictEqual(Option.getOrThrow(decoded([0x12, 0x01, 0x01, 0x08, 0x05])).status, 0)
    assert.isUndefined(Option.getOrThrow(decoded([0x08, 0x05])).header)
  })

  it("no bytes at all are a message", () => {
    assert.deepStrictEqual(decoded([]), Option.some(login({})))
  })
})
