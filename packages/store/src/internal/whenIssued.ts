/** How a file's modification time tells when its session was issued. */
import type { Session } from "@latchkey/core/Session"
import * as DateTime from "effect/DateTime"
import { randomInt } from "node:crypto"

/** The last instant of a `Date`; a file can be younger. */
const MAX_TIME = 8.64e15

export const issuedAt = (mtimeNs: bigint): DateTime.Utc =>
  DateTime.makeUnsafe(Math.min(Number(mtimeNs / 1_000_000n), MAX_TIME))

/** File systems keep times to two seconds or better; what they cannot hold at all they change by years. */
const MAX_ROUNDING_MILLIS = 2_000

export const isWhenIssued = (session: Session, mtimeNs: bigint): boolean =>
  Math.abs(Number(mtimeNs / 1_000_000n) - DateTime.toEpochMillis(session.issuedAt)) <= MAX_ROUNDING_MILLIS

/**
 * In seconds, as `futimes` takes it. The microseconds are random, so that the same session written twice differs, and
 * stay away from the edges of the millisecond, where the conversion to and from a float rounds.
 */
export const modifiedOf = (session: Session): number =>
  DateTime.toEpochMillis(session.issuedAt) / 1_000 + randomInt(100, 900) / 1e6
