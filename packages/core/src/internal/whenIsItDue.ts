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
import type { AuthError } from "../AuthError.ts"
import { FIRST_PAUSE, type Provider, renewalDue } from "../Provider.ts"
import type { Session } from "../Session.ts"

const NANOS_PER_MILLI = 1_000_000n

export interface Timeline {
  /** Wall time in whole ms from which on a renewal is due. */
  dueAt: number
  /** Wall time in ms at which the token ends; infinite where that is not known. */
  endsAt: number
  /** The latest wall time at which the session was looked at: an earlier one means that the clock was set back. */
  seenAt: number
  readonly heldSince: { readonly monotonic: bigint; readonly dueIn: number; readonly endsIn: number }
}

/** `isFresh`: it was won this very moment by a renewal. Then it is not due at once, however short its life. */
export const timeline = (
  clock: Clock.Clock,
  provider: Provider<AuthError, AuthError>,
  session: Session,
  isFresh: boolean
): Timeline => {
  const now = clock.currentTimeMillisUnsafe()
  const issuedAt = DateTime.toEpochMillis(session.issuedAt)
  const age = Math.max(0, now - issuedAt)
  const life =
    session.expiresAt === undefined ? Infinity : DateTime.toEpochMillis(session.expiresAt) - issuedAt
  const rule = provider.renewAfter === undefined ? renewalDue(session) : provider.renewAfter(session)
  const due = Option.match(rule, { onNone: () => Infinity, onSome: Duration.toMillis })
  const dueIn = Math.ceil(Math.min(due, life)) - age
  const heldSince = {
    monotonic: clock.monotonicTimeNanosUnsafe(),
    dueIn: isFresh ? Math.max(dueIn, Duration.toMillis(FIRST_PAUSE)) : dueIn,
    endsIn: life - age
  }
  return { dueAt: now + heldSince.dueIn, endsAt: now + heldSince.endsIn, seenAt: now, heldSince }
}

/** Moves the timeline to a wall clock that was set back: neither shortens what is left, nor adds to it. */
export const setBack = (line: Timeline, now: number, clock: Clock.Clock): void => {
  const { dueIn, endsIn, monotonic } = line.heldSince
  const held = Number((clock.monotonicTimeNanosUnsafe() - monotonic) / NANOS_PER_MILLI)
  // The monotonic clock may have stood still while the machine slept; what was left when last looked at is the most.
  line.dueAt = now + Math.min(dueIn - held, line.dueAt - line.seenAt)
  line.endsAt = now + Math.min(endsIn - held, line.endsAt - line.seenAt)
  line.seenAt = now
}
