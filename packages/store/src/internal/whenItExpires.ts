/**
 * The point in time of `expires` in the file of cryosparc-tools (store contract, section 1.4): read in every form that the
 * contract names, and written in the one form that the Python code writes. Exact to the microsecond, but for numbers of
 * more digits than a float has.
 */

export interface Expires {
  /** Milliseconds since 1970, rounded down: as much of it as a `Date` holds. */
  readonly millis: number
  /** What is left of a millisecond, 0 to 999. */
  readonly micros: number
  /** As it is written. */
  readonly text: string
}

const DATE_TIME =
  /^(\d{4}-\d\d)-(\d\d)[Tt _]((?:[01]\d|2[0-3]):[0-5]\d)(?::([0-5]\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])([01]\d|2[0-3]):?([0-5]\d))$/

/** Whole seconds of UTC: nearly all there is, and so read without taking it apart. */
const USUAL = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/

/** Beyond this, in size, a number counts milliseconds. */
const MAX_SECONDS = 2e10

const FIRST = Date.parse("0001-01-01T00:00:00Z")
const LAST = Date.parse("9999-12-31T23:59:59.999Z")

const MINUTE = 60_000

/** None for what is not a point in time with a zone. */
export const parse = (expires: string | number): Expires | undefined => {
  if (typeof expires === "number") return ofEpoch(expires)
  return (
    parseText(expires) ?? (/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(expires) ? ofEpoch(Number(expires)) : undefined)
  )
}

/** The same of a date and a time. */
export const parseText = (expires: string): Expires | undefined => {
  if (USUAL.test(expires)) {
    const millis = Date.parse(expires)
    return isDay(millis, expires.slice(8, 10)) ? { millis, micros: 0, text: expires } : undefined
  }
  const [whole, month = "", day = "", minute, second = "00", fraction = "", sign, hours, minutes] =
    DATE_TIME.exec(expires) ?? []
  if (whole === undefined) return undefined
  const local = `${month}-${day}T${minute}:${second}`
  const clock = Date.parse(`${local}Z`)
  if (!isDay(clock, day)) return undefined
  const offset = (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0))
  const digits = fraction.slice(0, 6).padEnd(6, "0")
  return {
    millis: clock - offset * MINUTE + Number(digits.slice(0, 3)),
    micros: Number(digits.slice(3)),
    text: written(local, digits, offset === 0 ? "Z" : `${sign}${hours}:${minutes}`)
  }
}

/** A day that its month does not have becomes one of the next month. */
const isDay = (millis: number, day: string): boolean =>
  millis >= FIRST && (day <= "28" || new Date(millis).getUTCDate() === Number(day))

/** None outside of the years 1 to 9999. */
export const ofMillis = (millis: number): Expires | undefined => ofInstant(millis, 0)

/** Rounded to the microsecond, as the Python code rounds. */
const ofEpoch = (epoch: number): Expires | undefined => {
  const unit = Math.abs(epoch) > MAX_SECONDS ? 1 : 1_000
  const whole = Math.floor(epoch)
  const micros = Math.round((epoch - whole) * unit * 1_000)
  return ofInstant(whole * unit + Math.floor(micros / 1_000), micros % 1_000)
}

const ofInstant = (millis: number, micros: number): Expires | undefined => {
  if (!(millis >= FIRST && millis <= LAST)) return undefined
  const iso = new Date(millis).toISOString()
  return {
    millis,
    micros,
    text: written(iso.slice(0, 19), `${iso.slice(20, 23)}${String(micros).padStart(3, "0")}`, "Z")
  }
}

const written = (local: string, digits: string, zone: string): string =>
  digits === "000000" ? `${local}${zone}` : `${local}.${digits}${zone}`

/** An instant that has come is over. */
export const isOver = ({ micros, millis }: Expires, now: number): boolean =>
  millis < now || (millis === now && micros === 0)
