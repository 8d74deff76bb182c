/**
 * When a token ends by the local clock. The server's `exp` is on the server's clock: its life is what counts, from the moment
 * before it was asked for.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

export interface Times {
  /** Of the token. */
  readonly issuedAt: Option.Option<DateTime.Utc>
  readonly expiresAt: Option.Option<DateTime.Utc>
  /** What the answer says about its life, in milliseconds. */
  readonly expiresIn: number | undefined
  /** The `Date` of the answer. */
  readonly date: string | undefined
  /** Wall time before the request, in milliseconds. */
  readonly asked: number
  /** Wall time after the answer, in milliseconds. */
  readonly answered: number
}

const cut = (millis: number): number => Math.floor(millis / 1000) * 1000

/** None where nothing tells. In whole seconds: where the clocks agree it is `exp` itself. */
export const whenItEnds = (times: Times): Option.Option<DateTime.Utc> => {
  const { answered, asked, date, expiresIn } = times
  const after = (life: number) => DateTime.make(cut(asked) + cut(life))
  if (Option.isNone(times.expiresAt)) return expiresIn === undefined ? Option.none() : after(expiresIn)
  const expiresAt = DateTime.toEpochMillis(times.expiresAt.value)
  const served = Option.orElse(times.issuedAt, () =>
    date === undefined ? Option.none() : DateTime.make(date)
  )
  if (Option.isNone(served)) return times.expiresAt
  const issuedAt = DateTime.toEpochMillis(served.value)
  const isAgreed = cut(asked) <= issuedAt && issuedAt <= answered
  return isAgreed ? times.expiresAt : after(expiresAt - issuedAt)
}
