/**
 * The sessions of a program: one `SessionRef` per key, whoever asks for it, so that two parts of a program that sign in
 * to the same account share one session and one renewal.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { AuthError, InvalidLogin, SessionStoreError, TemporarilyLockedOut } from "./AuthError.ts"
import { LiveSession } from "./internal/liveSession.ts"
import { RefusedSecrets } from "./internal/refusedSecrets.ts"
import { countedLogin } from "./internal/whatIsCounted.ts"
import { type Provider, renewalDue } from "./Provider.ts"
import type { Session } from "./Session.ts"
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

/** Where one session lives. The provider is the one that was named last: an earlier one's connection may be closed. */
interface Drawer<E extends AuthError, LogoutError extends AuthError> {
  provider: Provider<E, LogoutError>
  readonly live: Live<E, LogoutError>
}

type Live<E extends AuthError, LogoutError extends AuthError> = SessionRef<GetError<E>, LogoutError> &
  Pick<LiveSession<E, LogoutError>, "load" | "take">

const make = (context: Context.Context<SessionStore | Scope.Scope>): Sessions["Service"] => {
  const drawers = new Map<string, Drawer<AuthError, AuthError>>()
  const refused = new RefusedSecrets()

  const drawerOf = <E extends AuthError, LogoutError extends AuthError>(
    provider: Provider<E, LogoutError>,
    key: SessionKey
  ): Drawer<E, LogoutError> => {
    const known = drawers.get(key.id)
    if (known !== undefined && isOf(known, provider)) {
      known.provider = provider
      return known
    }
    const drawer = newDrawer(provider, key, context)
    drawers.set(key.id, drawer)
    return drawer
  }

  return {
    open: (provider, key) =>
      Effect.suspend(() => {
        const { live } = drawerOf(provider, key)
        return Effect.as(live.load, live)
      }),
    adopt: (provider, session) =>
      Effect.suspend(() => {
        const { live } = drawerOf(provider, session.key)
        return Effect.as(live.take(session), live)
      }),
    signIn: (provider, { account, again = false, login, secret }) => {
      const id = JSON.stringify([provider.name, provider.instance, account])
      // Once the session is won it is saved, whether or not the caller goes on waiting for it.
      const saved = Effect.uninterruptibleMask((restore) =>
        Effect.tap(countedLogin(restore(login), provider.name), (session) =>
          drawerOf(provider, session.key).live.take(session)
        )
      )
      return refused.guard(id, secret, saved, again).pipe(
        Effect.map((session) => drawerOf(provider, session.key).live),
        Effect.withSpan("Sessions.signIn", { attributes: { provider: provider.name } })
      )
    }
  }
}

/** What a session can fail with is settled by its provider, and providers of one name fail alike. */
const isOf = <E extends AuthError, LogoutError extends AuthError>(
  drawer: Drawer<AuthError, AuthError>,
  provider: Provider<E, LogoutError>
): drawer is Drawer<E, LogoutError> => drawer.provider.name === provider.name

const newDrawer = <E extends AuthError, LogoutError extends AuthError>(
  provider: Provider<E, LogoutError>,
  key: SessionKey,
  context: Context.Context<SessionStore | Scope.Scope>
): Drawer<E, LogoutError> => {
  const latest: Provider<E, LogoutError> = {
    name: provider.name,
    rotates: provider.rotates,
    get instance() {
      return drawer.provider.instance
    },
    refresh: (session) => drawer.provider.refresh(session),
    logout: (session) => drawer.provider.logout(session),
    revoke: (session) =>
      drawer.provider.revoke === undefined
        ? drawer.provider.logout(session)
        : drawer.provider.revoke(session),
    renewAfter: (session) =>
      drawer.provider.renewAfter === undefined ? renewalDue(session) : drawer.provider.renewAfter(session),
    ...(provider.longestPause && { longestPause: provider.longestPause })
  }
  const drawer: Drawer<E, LogoutError> = { provider, live: new LiveSession(latest, key, context) }
  return drawer
}
