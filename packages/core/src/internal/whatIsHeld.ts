/** What is known of one session at one moment. Small: a program may hold very many. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Random } from "effect/Random"
import type * as Redacted from "effect/Redacted"
import { type AuthError, NotAuthenticated, SessionExpired } from "../AuthError.ts"
import type { Provider } from "../Provider.ts"
import type { Session } from "../Session.ts"
import type { SessionKey } from "../SessionKey.ts"
import type { Entry } from "../SessionStore.ts"
import { Wait } from "./howMuchLonger.ts"
import { type Timeline, timeline } from "./whenIsItDue.ts"

/** A session that was won by a forced renewal is not renewed by force again for this long. */
export const REFUSAL_PAUSE = Duration.seconds(30)

export type NoSession = NotAuthenticated | SessionExpired

export interface Held extends Timeline {
  /** None is held where this is why. */
  readonly what: Entry | NoSession
  /** The service has refused the token before its time. */
  refused: boolean
  /** While it lasts a refusal forces no renewal, the session having been won by one. */
  readonly calm: Wait | undefined
}

/** How a session came to be held. */
export type Origin = "read or adopted" | "renewed" | "renewed by force"

export const held = (
  clock: Clock.Clock,
  random: (typeof Random)["Service"],
  provider: Provider<AuthError, AuthError>,
  entry: Entry,
  origin: Origin
): Held => {
  const { ahead, dueAt, endsAt, seenAt } = timeline(
    clock,
    random,
    provider,
    entry.session,
    origin !== "read or adopted"
  )
  const calm = origin === "renewed by force" ? new Wait(seenAt, Duration.toMillis(REFUSAL_PAUSE)) : undefined
  return { what: entry, dueAt, endsAt, seenAt, ahead, refused: false, calm }
}

export const notHeld = (why: NoSession): Held => ({
  what: why,
  dueAt: Infinity,
  endsAt: Infinity,
  seenAt: -Infinity,
  ahead: 0,
  refused: false,
  calm: undefined
})

/** None where none is held. */
export const entryOf = ({ what }: Held): Entry | undefined => ("_tag" in what ? undefined : what)

export const sessionOf = ({ what }: Held): Effect.Effect<Session, NoSession> =>
  "_tag" in what ? Effect.fail(what) : Effect.succeed(what.session)

export const tokenOf = ({ what }: Held): Effect.Effect<Redacted.Redacted<string>, NoSession> => {
  if ("_tag" in what) return Effect.fail(what)
  const { accessToken, key } = what.session
  return accessToken === undefined
    ? Effect.fail(notAuthenticated(key, "the service keeps the token to itself: use the session as a whole"))
    : Effect.succeed(accessToken)
}

export const notAuthenticated = (key: SessionKey, message: string): NotAuthenticated =>
  new NotAuthenticated({ provider: key.provider, instance: key.instance, message })

/** `verdict`: none where the session has come to the end that was set when it began. */
export const sessionExpired = (key: SessionKey, verdict: AuthError["_tag"] | undefined): SessionExpired =>
  new SessionExpired({
    provider: key.provider,
    instance: key.instance,
    message: `the session of ${key.account} is over: sign in again`,
    ...(verdict !== undefined && { verdict })
  })
