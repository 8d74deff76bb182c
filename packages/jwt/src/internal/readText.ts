/** What text says, read so strictly that no two readers can differ about it. */

/** Deeper nesting is an attack on the reader. */
const DEEPEST = 32

/** Whether it would be refused for its depth if it were written as JSON. */
export const isTooDeep = (value: unknown, levels: number = DEEPEST): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1)))

const QUOTE = 34
const BACKSLASH = 92

/** `undefined` for padding, for what is not of the alphabet, and for bits that say nothing and are not 0. */
export const bytes = (text: string): Buffer | undefined => {
  const decoded = Buffer.from(text, "base64url")
  return decoded.toString("base64url") === text ? decoded : undefined
}

/** How many members are written, those with a name that was there before included; `undefined` where it is too deep. */
const membersWritten = (text: string): number | undefined => {
  let depth = 0
  let members = 0
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        for (index++; index < text.length && text.charCodeAt(index) !== QUOTE; index++) {
          if (text.charCodeAt(index) === BACKSLASH) index++
        }
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > DEEPEST) return undefined
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
        break
      case 0x3a: // :
        members++
    }
  }
  return members
}

const membersRead = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0
  let members = Array.isArray(value) ? 0 : Object.keys(value).length
  for (const inner of Object.values(value)) members += membersRead(inner)
  return members
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const parse = (text: string): unknown => {
  const written = membersWritten(text)
  if (written === undefined) return undefined
  const value: unknown = JSON.parse(text)
  return membersRead(value) === written ? value : undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** `undefined` for all but one JSON object whose names, at every depth, differ. */
export const objectOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value = parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The same for UTF-8. */
export const object = (encoded: Uint8Array): Readonly<Record<string, unknown>> | undefined => {
  const text = decoded(encoded)
  return text === undefined ? undefined : objectOf(text)
}

const decoded = (encoded: Uint8Array): string | undefined => {
  try {
    return utf8.decode(encoded)
  } catch {
    return undefined
  }
}
