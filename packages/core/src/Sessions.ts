/**
 * The sessions of a program: one `SessionRef` per key, whoever asks for it, so that two parts of a program that sign in
 * to the same account share one session and one renewal.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { AuthError, InvalidLogin, SessionStoreError, TemporarilyLockedOut } from "./AuthError.ts"
import { LiveSession } from "./internal/liveSession.ts"
import { RefusedSecrets } from "./internal/refusedSecrets.ts"
import { countedLogin } from "./internal/whatIsCounted.ts"
import { Surroundings } from "./internal/whatIsShared.ts"
import type { Provider } from "./Provider.ts"
import { Session } from "./Session.ts"
import type { SessionKey } from "./SessionKey.ts"
import type { GetError, SessionRef } from "./SessionRef.ts"
import type { SessionStore } from "./SessionStore.ts"

/**
 * One sign-in.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignIn<out E, out R> {
  /** Whose secret it is: refusals and lock-outs are remembered by provider, instance and account. */
  readonly account: string
  /** Recognises a secret that was refused before. It is not sent anywhere and not kept. */
  readonly secret: Redacted.Redacted<string>
  /** The call itself, such as `robot.auth({ username, password })`. */
  readonly login: Effect.Effect<Session, E, R>
  /** However often the session is renewed, it ends this long after it was won. Default: never. */
  readonly endsAfter?: Duration.Input
  /** Try although this very secret was refused, or the account is locked out: somebody says it is right now. */
  readonly again?: boolean
}

/**
 * @category services
 * @since 0.1.0
 */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** What the store holds for this key; see `SessionRef.open`. */
    readonly open: <E extends AuthError, LogoutError extends AuthError>(
      provider: Provider<E, LogoutError>,
      key: SessionKey
    ) => Effect.Effect<SessionRef<GetError<E>, LogoutError>, SessionStoreError>
    /** Saves a session that was won by a code or a link, and keeps it valid; see `adopt` of a `SessionRef`. */
    readonly adopt: <E extends AuthError, LogoutError extends AuthError>(
      provider: Provider<E, LogoutError>,
      session: Session
    ) => Effect.Effect<SessionRef<GetError<E>, LogoutError>, SessionStoreError>
    /**
     * Signs in, saves the session, and keeps it valid. Callers that come with the same secret at the same time share
     * one login. A password that was refused, or any password of an account that is locked out, is not sent again: the
     * earlier failure is returned at once, with what is left of `retryAfter`.
     */
    readonly signIn: <E extends AuthError, LogoutError extends AuthError, E2, R>(
      provider: Provider<E, LogoutError>,
      signIn: SignIn<E2, R>
    ) => Effect.Effect<
      SessionRef<GetError<E>, LogoutError>,
      E2 | InvalidLogin | TemporarilyLockedOut | SessionStoreError,
      R
    >
  }
>()("@latchkey/core/Sessions") {
  /**
   * The sessions live as long as this layer does. Each mention is a layer of its own, so that one program can have two, each
   * on a store of its own; to share one, name the layer that is composed of it once, and provide that.
   *
   * @since 0.1.0
   */
  static get layer(): Layer.Layer<Sessions, never, SessionStore> {
    return Layer.effect(
      Sessions,
      Effect.contextWith((context: Context.Context<SessionStore | Scope.Scope>) =>
        Effect.sync(() => make(context))
      )
    )
  }
}

type Live<E extends AuthError, LogoutError extends AuthError> = SessionRef<GetError<E>, LogoutError> &
  Pick<LiveSession<E, LogoutError>, "load" | "provider" | "take">

/** Where one session lives. */
interface Drawer<E extends AuthError, LogoutError extends AuthError> {
  readonly live: Live<E, LogoutError>
}

const make = (context: Context.Context<SessionStore | Scope.Scope>): Sessions["Service"] => {
  const around = new Surroundings(context)
  const drawers = new Map<string, Drawer<AuthError, AuthError>>()
  const refused = new RefusedSecrets()

  const sessionOf = <E extends AuthError, LogoutError extends AuthError>(
    provider: Provider<E, LogoutError>,
    key: SessionKey
  ): Live<E, LogoutError> => {
    const known = drawers.get(key.id)
    if (known !== undefined && isOf(known, provider)) {
      known.live.provider = provider
      return known.live
    }
    const live = new LiveSession(provider, key, around)
    drawers.set(key.id, { live })
    return live
  }

  return {
    open: (provider, key) =>
      Effect.suspend(() => {
        const live = sessionOf(provider, key)
        return Effect.as(live.load, live)
      }),
    adopt: (provider, session) =>
      Effect.suspend(() => {
        const live = sessionOf(provider, session.key)
        return Effect.as(live.take(session), live)
      }),
    signIn: (provider, { account, again = false, endsAfter, login, secret }) => {
      const id = JSON.stringify([provider.name, provider.instance, account])
      const won = Effect.map(login, (session) => endingAfter(session, endsAfter))
      // Once the session is won it is saved, whether or not the caller goes on waiting for it.
      const saved = Effect.uninterruptibleMask((restore) =>
        Effect.tap(countedLogin(restore(won), provider.name), (session) =>
          sessionOf(provider, session.key).take(session)
        )
      )
      return refused.guard(id, secret, saved, again).pipe(
        Effect.map((session) => sessionOf(provider, session.key)),
        Effect.withSpan("Sessions.signIn", { attributes: { provider: provider.name } })
      )
    }
  }
}

/** What a session can fail with is settled by its provider, and providers of one name fail alike. */
const isOf = <E extends AuthError, LogoutError extends AuthError>(
  drawer: Drawer<AuthError, AuthError>,
  provider: Provider<E, LogoutError>
): drawer is Drawer<E, LogoutError> => drawer.live.provider.name === provider.name

const endingAfter = (session: Session, life: Duration.Input | undefined): Session =>
  life === undefined
    ? session
    : new Session({ ...session, endsAt: DateTime.addDuration(session.issuedAt, life) })
