/**
 * What else a text may say: the same with escapes read as C, protobuf, JSON, Python, URLs, mail or HTML mean them, and
 * with what may be hexadecimal, base64 or a list of bytes decoded. The work is bounded by the length of the text.
 */

type Reading = (text: string) => string

const hex = (digits: string): number => Number.parseInt(digits, 16)

const character = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : "")

const NUMBERS = String.raw`((?:u[0-9a-fA-F]{4}(?:\\+(?=u[0-9a-fA-F]{4}))?)+)|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{1,3})`

/** As the languages define it. */
const STRICT = new RegExp(String.raw`\\(?:${NUMBERS}|(\\)|[abefnrtv])`, "g")

/** By somebody who does not escape backslashes, or who did so more than once. */
const LOOSE = new RegExp(String.raw`\\+(?:${NUMBERS})`, "g")

const unescaped =
  (pattern: RegExp, byte: (value: number) => Buffer): Reading =>
  (text) => {
    const pieces: Array<Buffer> = []
    let end = 0
    for (const match of text.matchAll(pattern)) {
      const [whole, units, braces, long, x, octal, backslash] = match
      pieces.push(Buffer.from(text.slice(end, match.index)))
      if (x !== undefined || octal !== undefined) {
        pieces.push(byte(x === undefined ? Number.parseInt(octal ?? "", 8) & 255 : hex(x)))
      } else if (units !== undefined) {
        const codes = Array.from(units.matchAll(/u(....)/g), ([, digits]) => hex(digits ?? ""))
        pieces.push(Buffer.from(String.fromCharCode(...codes)))
      } else if (braces !== undefined || long !== undefined) {
        pieces.push(Buffer.from(character(hex(braces ?? long ?? ""))))
      } else if (backslash !== undefined) pieces.push(Buffer.from(backslash))
      end = match.index + whole.length
    }
    return Buffer.concat([...pieces, Buffer.from(text.slice(end))]).toString("utf8")
  }

const asByte = (value: number): Buffer => Buffer.from([value])

const asCharacter = (value: number): Buffer => Buffer.from(String.fromCharCode(value))

const pairs = (run: string): string => Buffer.from(run.replace(/[%=]/g, ""), "hex").toString("utf8")

const ENTITY = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(?:amp|lt|gt|quot|apos|nbsp));/gi

/**
 * One by one, because each spoils what another one would find. The same escape is a byte of UTF-8 to one language and a
 * character to another.
 */
const escapes: ReadonlyArray<Reading> = [
  unescaped(STRICT, asByte),
  unescaped(STRICT, asCharacter),
  unescaped(LOOSE, asByte),
  unescaped(LOOSE, asCharacter),
  (text) => text.replace(/(?:%[0-9a-fA-F]{2})+/g, pairs),
  (text) => text.replace(/(?:=[0-9a-fA-F]{2})+/g, pairs),
  (text) =>
    text.replace(ENTITY, (_, x?: string, decimal?: string) =>
      x !== undefined ? character(hex(x)) : decimal !== undefined ? character(Number(decimal)) : " "
    )
]

/** At each of the places where a group of digits can begin. Whatever is not meant becomes nonsense. */
const at = (starts: ReadonlyArray<number>, digits: string, encoding: "hex" | "base64"): string =>
  starts.map((start) => Buffer.from(digits.slice(start), encoding).toString("utf8")).join("\n")

const decodings: ReadonlyArray<Reading> = [
  (text) => at([0, 1], text.replace(/[0\\]x/gi, "").replace(/[^0-9a-fA-F]/g, ""), "hex"),
  (text) => at([0, 1, 2, 3], text.replace(/[^A-Za-z0-9+/_-]/g, ""), "base64"),
  (text) =>
    Array.from(text.matchAll(/\d{1,3}(?:[\s,]+\d{1,3}){3,}/g), ([run]) =>
      Buffer.from(run.split(/[\s,]+/).map(Number)).toString("utf8")
    ).join("\n")
]

const also = (texts: Iterable<string>, readings: ReadonlyArray<Reading>): ReadonlySet<string> =>
  new Set([...texts].flatMap((text) => [text, ...readings.map((read) => read(text))]))

export interface Spellings {
  /** The text, and with its escapes read, up to twice. */
  readonly written: ReadonlySet<string>
  /** What it may encode, among nonsense. */
  readonly encoded: ReadonlySet<string>
}

export const spellings = (text: string): Spellings => {
  const once = also([text], escapes)
  return {
    written: also(once, escapes),
    encoded: also(
      [...once].flatMap((one) => decodings.map((decode) => decode(one))),
      escapes
    )
  }
}
