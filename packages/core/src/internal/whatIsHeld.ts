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
  /** Wall time in ms; until then a refusal forces no renewal, the session having been won by one. */
  readonly calmUntil: number
}

export const held = (
  clock: Clock.Clock,
  provider: Provider<AuthError, AuthError>,
  entry: Entry,
  wonBy: "refusal" | "anything else"
): Held => {
  const { session } = entry
  const line = timeline(clock, provider, session)
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
    calmUntil: wonBy === "refusal" ? line.seenAt + Duration.toMillis(REFUSAL_PAUSE) : -Infinity
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
    margin: Infinity,
    heldSince: { monotonic: 0n, dueIn: Infinity }
  },
  refused: false,
  calmUntil: -Infinity
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
