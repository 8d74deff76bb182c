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
import type { Random } from "effect/Random"
import type { AuthError } from "../AuthError.ts"
import { FIRST_PAUSE, type Provider, RENEWAL_SPREAD, renewalDue } from "../Provider.ts"
import type { Session } from "../Session.ts"

const NANOS_PER_MILLI = 1e6

export interface Timeline {
  /** Wall time in ms from which on a renewal is due. */
  dueAt: number
  /** Wall time in ms at which the token, or the session itself, ends; infinite where that is not known. */
  endsAt: number
  /** The latest wall time at which the session was looked at: an earlier one means that the clock was set back. */
  seenAt: number
  /** How far the monotonic clock was ahead of the wall clock when these times were made. */
  ahead: number
}

/** `isFresh`: it was won this very moment by a renewal. Then it is not due at once, however short its life. */
export const timeline = (
  clock: Clock.Clock,
  random: (typeof Random)["Service"],
  provider: Provider<AuthError, AuthError>,
  session: Session,
  isFresh: boolean
): Timeline => {
  const now = clock.currentTimeMillisUnsafe()
  const issuedAt = DateTime.toEpochMillis(session.issuedAt)
  const age = Math.max(0, now - issuedAt)
  const life =
    session.expiresAt === undefined ? Infinity : DateTime.toEpochMillis(session.expiresAt) - issuedAt
  const dueIn = Math.ceil(Math.min(dueAfter(random, provider, session, life), life)) - age
  const toItsEnd = session.endsAt === undefined ? Infinity : DateTime.toEpochMillis(session.endsAt) - now
  return {
    dueAt: now + Math.min(isFresh ? Math.max(dueIn, Duration.toMillis(FIRST_PAUSE)) : dueIn, toItsEnd),
    endsAt: now + Math.min(life - age, toItsEnd),
    seenAt: now,
    ahead: monotonic(clock) - now
  }
}

const dueAfter = (
  random: (typeof Random)["Service"],
  provider: Provider<AuthError, AuthError>,
  session: Session,
  life: number
): number => {
  if (provider.renewAfter !== undefined) return millis(provider.renewAfter(session))
  const latest = millis(renewalDue(session))
  return latest === Infinity ? latest : latest - random.nextDoubleUnsafe() * RENEWAL_SPREAD * (life - latest)
}

const millis = Option.match({ onNone: () => Infinity, onSome: Duration.toMillis })

const monotonic = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / NANOS_PER_MILLI

/** Moves the timeline to a wall clock that was set back: neither shortens what is left, nor adds to it. */
export const setBack = (line: Timeline, now: number, clock: Clock.Clock): void => {
  const ticks = monotonic(clock)
  // The monotonic clock may have stood still while the machine slept; what was left when last looked at is the most.
  const moved = (at: number) => now + Math.min(at + line.ahead - ticks, at - line.seenAt)
  line.dueAt = moved(line.dueAt)
  line.endsAt = moved(line.endsAt)
  line.seenAt = now
  line.ahead = ticks - now
}
