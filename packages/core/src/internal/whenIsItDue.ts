/**
 * One session on the local timeline.
 *
 * The wall clock decides, so that a machine that slept finds out at the next use. Where the wall clock was set back,
 * it cannot be trusted for what is left of the session's life: the monotonic clock tells how long it has been held.
 */
import type * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { type Provider, renewalDue } from "../Provider.ts"
import type { AuthError } from "../AuthError.ts"
import type { Session } from "../Session.ts"

const NANOS_PER_MILLI = 1_000_000n

export interface Timeline {
  /** Wall time in whole ms from which on a renewal is due. */
  dueAt: number
  /** Wall time in ms at which the token ends; infinite where that is not known. */
  endsAt: number
  /** The latest wall time at which the session was looked at: an earlier one means that the clock was set back. */
  seenAt: number
  /** How far `endsAt` lies behind `dueAt`. */
  readonly margin: number
  readonly heldSince: { readonly monotonic: bigint; readonly dueIn: number }
}

export const timeline = (
  clock: Clock.Clock,
  provider: Provider<AuthError, AuthError>,
  session: Session
): Timeline => {
  const now = clock.currentTimeMillisUnsafe()
  const issuedAt = DateTime.toEpochMillis(session.issuedAt)
  const age = Math.max(0, now - issuedAt)
  const due = Option.match((provider.renewAfter ?? renewalDue)(session), {
    onNone: () => Infinity,
    onSome: Duration.toMillis
  })
  const life =
    session.expiresAt === undefined ? Infinity : DateTime.toEpochMillis(session.expiresAt) - issuedAt
  const dueIn = Math.ceil(Math.min(due, life)) - age
  return {
    dueAt: now + dueIn,
    endsAt: now + life - age,
    seenAt: now,
    margin: life === Infinity ? Infinity : life - Math.min(due, life),
    heldSince: { monotonic: clock.monotonicTimeNanosUnsafe(), dueIn }
  }
}

/** Moves the timeline to a wall clock that was set back: neither shortens what is left, nor adds to it. */
export const setBack = (timeline: Timeline, clock: Clock.Clock): void => {
  const now = clock.currentTimeMillisUnsafe()
  const held = Number((clock.monotonicTimeNanosUnsafe() - timeline.heldSince.monotonic) / NANOS_PER_MILLI)
  timeline.dueAt = now + timeline.heldSince.dueIn - held
  timeline.endsAt = timeline.dueAt + timeline.margin
  timeline.seenAt = now
}
