/** What a secret looks like after somebody encoded it, alone or in the middle of something longer. */

export interface Disguise {
  readonly form: string
  readonly isIn: (text: string) => boolean
}

export const disguises = (secret: string): ReadonlyArray<Disguise> => {
  const bytes = Buffer.from(secret)
  const reversed = [...secret].toReversed().join("")
  const hex = bytes.toString("hex")
  const base64 = aligned(bytes)
  const base64url = base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))
  return [
    { form: "plain", isIn: (text) => text.includes(secret) },
    { form: "reversed", isIn: (text) => text.includes(reversed) },
    // However much of it was encoded: URLs, forms and templates differ in that.
    { form: "percent", isIn: (text) => !text.includes(secret) && decoded(text).includes(secret) },
    { form: "hex", isIn: (text) => text.toLowerCase().includes(hex) },
    { form: "base64", isIn: (text) => base64.some((part) => text.includes(part)) },
    { form: "base64url", isIn: (text) => base64url.some((part) => text.includes(part)) }
  ]
}

const decoded = (text: string) =>
  text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))

/** Base64 depends on how many bytes stood before: three alignments, each without the characters it shares. */
const aligned = (bytes: Buffer): Array<string> =>
  [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64")
    return whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
