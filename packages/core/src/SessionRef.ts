/**
 * A session that stays valid.
 *
 * `get` hands out the session as long as it is fresh, without any I/O; when it is not, one renewal is made for
 * everybody who waits, and it is saved before anybody gets it. Nothing runs in the background unless `keepAlive` is
 * asked for, and nothing at all outlives the scope.
 *
 * It does not sign in: `adopt` takes a session that was won elsewhere, and `Sessions` does both in one step.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type {
  AuthError,
  InvalidRequest,
  NotAuthenticated,
  RefreshUncertain,
  SessionExpired,
  SessionStoreError,
  Verdict
} from "./AuthError.ts"
import { LiveSession } from "./internal/liveSession.ts"
import { REFUSAL_PAUSE as refusalPause } from "./internal/whatIsHeld.ts"
import { Surroundings } from "./internal/whatIsShared.ts"
import type { Provider, Revocation } from "./Provider.ts"
import type { Session } from "./Session.ts"
import type { SessionKey } from "./SessionKey.ts"
import type { SessionStore } from "./SessionStore.ts"

/**
 * How asking for a session can fail, for a provider whose renewal fails with `E`: no session is held, it is over, it
 * could not be saved, its token may have been spent by a renewal whose answer was lost, or it has ended and its renewal keeps
 * failing. The verdict that ended a session is heard by
 * everybody as `SessionExpired`, whose `verdict` names the tag; the failure itself is in the event `Ended`.
 *
 * @category errors
 * @since 0.1.0
 */
export type GetError<E> = E | NotAuthenticated | RefreshUncertain | SessionExpired | SessionStoreError

/**
 * What happened to a session. No event holds a secret.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionEvent = Data.TaggedEnum<{
  /** A session was adopted: from a login, or from another process that renewed it. */
  Adopted: { readonly key: SessionKey }
  Renewed: { readonly key: SessionKey }
  /** Callers get the old session while it is good. The next attempt is made by whoever asks after `pause`. */
  RenewalFailed: {
    readonly key: SessionKey
    readonly cause: Cause.Cause<AuthError>
    readonly pause: Duration.Duration
  }
  /** `removed`: whether the store could be made to forget it. */
  Ended: { readonly key: SessionKey; readonly error: Verdict; readonly removed: boolean }
  LoggedOut: { readonly key: SessionKey }
}>

/**
 * @category constructors
 * @since 0.1.0
 */
export const SessionEvent = Data.taggedEnum<SessionEvent>()

/**
 * What a logout did. `forgotten`: there was a session, here or in the store, and there is none now. `told`: what the
 * service made of it; none where there was nothing to tell.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoggedOut<out LogoutError> {
  readonly forgotten: boolean
  readonly told: Option.Option<Result.Result<Revocation, LogoutError>>
}

/**
 * After a renewal that a refusal has forced, a further refusal forces none for this long: it would not help either.
 *
 * @category constants
 * @since 0.1.0
 */
export const REFUSAL_PAUSE: Duration.Duration = refusalPause

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionRef<out E, out LogoutError = never> {
  readonly key: SessionKey
  /** The session, valid now. Waits for a renewal where one is due; for five seconds, while the old one is still good. */
  readonly get: Effect.Effect<Session, E>
  /** Its access token. Fails with `NotAuthenticated` where the service keeps the token to itself. */
  readonly token: Effect.Effect<Redacted.Redacted<string>, E>
  /**
   * Runs `f` with the session. When it fails with `InvalidToken` of this provider, although the session looked valid, the session is
   * renewed once and `f` is run once more; so `f` must be something that can be sent twice.
   */
  readonly use: <A, E2, R>(f: (session: Session) => Effect.Effect<A, E2, R>) => Effect.Effect<A, E2 | E, R>
  /**
   * Reports that the service refused this session, although it looked valid. Renews it, once per session whoever saw
   * it first; yields the session to try with. It is the same one when the refused session was itself won by such a
   * renewal a moment ago (`REFUSAL_PAUSE`): then a renewal does not help.
   */
  readonly refused: (session: Session) => Effect.Effect<Session, E>
  /**
   * Saves a session that was won elsewhere, then hands it out. Wins over a logout that began before. Fails with `InvalidRequest`
   * for one of another key.
   */
  readonly adopt: (session: Session) => Effect.Effect<void, SessionStoreError | InvalidRequest>
  /**
   * Looks into the store: takes up what another program has put there, and forgets what another program has removed.
   * Not needed for a session that is held: a renewal looks by itself.
   */
  readonly reload: Effect.Effect<void, SessionStoreError>
  /** Forgets first, then tells the service. A renewal in flight does not bring the session back. */
  readonly logout: Effect.Effect<LoggedOut<LogoutError>, SessionStoreError>
  /** What happens from now on, until the scope closes. A slow reader loses the oldest events. */
  readonly changes: Stream.Stream<SessionEvent>
  /**
   * Renews whenever it is due, until the scope closes, so that no caller ever waits. While nothing is held it looks
   * into the store once a minute, for a login of another program.
   */
  readonly keepAlive: Effect.Effect<void, never, Scope.Scope>
}

/**
 * Saves the session and keeps it valid. Lives in the scope it is made in. Dies for a session of another provider, as `open` does:
 * its token would go to the wrong service.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E extends AuthError, LogoutError extends AuthError>(
  provider: Provider<E, LogoutError>,
  session: Session
): Effect.Effect<SessionRef<GetError<E>, LogoutError>, SessionStoreError, SessionStore | Scope.Scope> =>
  Effect.tap(live(provider, session.key), (ref) => ref.take(session))

/**
 * Keeps valid what the store holds for this key. Where it holds nothing, `get` fails with `NotAuthenticated` until a
 * session is adopted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = <E extends AuthError, LogoutError extends AuthError>(
  provider: Provider<E, LogoutError>,
  key: SessionKey
): Effect.Effect<SessionRef<GetError<E>, LogoutError>, SessionStoreError, SessionStore | Scope.Scope> =>
  Effect.tap(live(provider, key), (ref) => ref.load)

const live = <E extends AuthError, LogoutError extends AuthError>(
  provider: Provider<E, LogoutError>,
  key: SessionKey
) =>
  Effect.contextWith((context: Context.Context<SessionStore | Scope.Scope>) =>
    Effect.sync(() => new LiveSession(provider, key, new Surroundings(context)))
  )
