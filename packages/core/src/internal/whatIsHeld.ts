/** What is known of one session at one moment, with the answers to callers ready made. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import { type AuthError, NotAuthenticated, SessionExpired, type Verdict } from "../AuthError.ts"
import type { Provider } from "../Provider.ts"
import type { Session } from "../Session.ts"
import type { SessionKey } from "../SessionKey.ts"
import type { Entry } from "../SessionStore.ts"
import { Wait } from "./howMuchLonger.ts"
import { type Timeline, timeline } from "./whenIsItDue.ts"

/** A session that was won by a forced renewal is not renewed by force again for this long. */
export const REFUSAL_PAUSE = Duration.seconds(30)

export type NoSession = NotAuthenticated | SessionExpired

export interface Held {
  /** None is held where this is missing; the answers say why. */
  readonly entry: Entry | undefined
  /** Good until `line.dueAt`. */
  readonly session: Exit.Exit<Session, NoSession>
  readonly token: Exit.Exit<Redacted.Redacted<string>, NoSession>
  readonly line: Timeline
  /** The service has refused the token before its time. */
  refused: boolean
  /** While it lasts a refusal forces no renewal, the session having been won by one. */
  readonly calm: Wait | undefined
}

/** How a session came to be held. */
export type Origin = "read or adopted" | "renewed" | "renewed by force"

export const held = (
  clock: Clock.Clock,
  provider: Provider<AuthError, AuthError>,
  entry: Entry,
  origin: Origin
): Held => {
  const { session } = entry
  const line = timeline(clock, provider, session, origin !== "read or adopted")
  return {
    entry,
    session: Exit.succeed(session),
    token:
      session.accessToken === undefined
        ? Exit.fail(
            notAuthenticated(session.key, "the service keeps the token to itself: use the session as a whole")
          )
        : Exit.succeed(session.accessToken),
    line,
    refused: false,
    calm: origin === "renewed by force" ? new Wait(line.seenAt, Duration.toMillis(REFUSAL_PAUSE)) : undefined
  }
}

export const notHeld = (error: NoSession): Held => ({
  entry: undefined,
  session: Exit.fail(error),
  token: Exit.fail(error),
  line: {
    dueAt: Infinity,
    endsAt: Infinity,
    seenAt: -Infinity,
    heldSince: { monotonic: 0n, dueIn: Infinity, endsIn: Infinity }
  },
  refused: false,
  calm: undefined
})

export const notAuthenticated = (key: SessionKey, message: string): NotAuthenticated =>
  new NotAuthenticated({ provider: key.provider, instance: key.instance, message })

export const sessionExpired = (key: SessionKey, verdict: Verdict): SessionExpired =>
  new SessionExpired({
    provider: key.provider,
    instance: key.instance,
    message: `the session of ${key.account} is over: sign in again`,
    verdict: verdict._tag
  })

export const sessionOf = (held: Held): Held["session"] => held.session

export const tokenOf = (held: Held): Held["token"] => held.token
