/**
 * Signs people in through TrustAuthX: the addresses of its pages, the exchange of the code that they hand back, the check, renewal
 * and end of tokens, and the roles of a user.
 *
 * Every request carries the keys of the application in its query, because the service wants them there: they are masked in spans
 * and failures, and a proxy that logs addresses logs them. Nothing is repeated, scheduled or kept here, except the copy of
 * the roles in `TrustAuthXRoles`, which the same layer makes.
 *
 * @since 0.1.0
 */
import type {
  InvalidRequest,
  InvalidToken,
  PermissionDenied,
  ProviderError,
  SessionExpired
} from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Connect from "./internal/connect.ts"
import type {
  RoleAssignment,
  RoleChange,
  RoleUpdate,
  SignOff,
  SignOffSessionReplace
} from "./RoleAssignment.ts"
import type { TokenCheck, TokenPair, Tokens } from "./Tokens.ts"
import { type RoleError, TrustAuthXRoles } from "./TrustAuthXRoles.ts"
import type { User, UserData } from "./User.ts"

/**
 * The failures of what is asked with a code or an access token. `InvalidToken`: the service refused it, or the keys of the application;
 * or, with a `check`, what it answered was not signed with `secretKey`, or is out of date.
 *
 * @category errors
 * @since 0.1.0
 */
export type TokenError = ProviderError | InvalidToken

/**
 * The failures of a renewal. `PermissionDenied`: the service refused the keys of the application, and has said nothing about the token.
 *
 * A refusal is asked about once more, by the keys alone, before it counts as the end of a session. Without `orgId` in the options
 * that cannot be asked, and wrong keys look like a session that is over.
 *
 * @category errors
 * @since 0.1.0
 */
export type RefreshError = ProviderError | PermissionDenied | SessionExpired

/**
 * The failures of a logout. `PermissionDenied`: the service refused the keys of the application, and a token may still be good.
 *
 * @category errors
 * @since 0.1.0
 */
export type LogoutError = ProviderError | PermissionDenied

/**
 * The failures of a change of roles. An `InvalidRequest` of `uid`: the service knows no such user, role or organization.
 *
 * @category errors
 * @since 0.1.0
 */
export type AssignError = RoleError

/**
 * The same where the session is replaced: the service may refuse its tokens.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReplaceError = ProviderError | InvalidToken

/**
 * @category options
 * @since 0.1.0
 */
export interface LoginPage {
  /** Default: that of the client; without either it is an `InvalidRequest`. */
  readonly orgId?: string
  /** In front of the host, such as `shop`. */
  readonly subDomain?: string
}

/**
 * @category options
 * @since 0.1.0
 */
export interface EditPage {
  readonly accessToken: Redacted.Redacted<string>
  /** Where the browser comes back to: with `code` for `reAuth` and `ac=true`, or `ac=false` and no code where nothing was changed. */
  readonly url: string
}

/**
 * @category options
 * @since 0.1.0
 */
export interface RevokeOptions extends Tokens {
  /** Every session of the user, and not these tokens alone. Default: false. */
  readonly all?: boolean
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly apiKey: string
  /** Signs `signed_key` and verifies what the service signs. It is never sent. */
  readonly secretKey: Redacted.Redacted<string>
  /** For the login page and everything about roles, where none is told there. */
  readonly orgId?: string
  /** Default: `https://api.trustauthx.com`. */
  readonly url?: string
  /** Of the pages for browsers. Default: `https://app.trustauthx.com`. */
  readonly hostedUrl?: string
  /** Where the copy of the roles is: in a `Map`, or in SQLite, which writes nothing to a disk either. Default: true. */
  readonly inMemory?: boolean
  /** Of each request; more than 0, and with an end. Default: 30 s. */
  readonly timeout?: Duration.Input
  /** By how much the clock of the service may differ, for `exp` and `nbf` of what it signs. Default: 0. */
  readonly leeway?: Duration.Input
  /** Where plain http may lead. Default: `loopback`. */
  readonly plainHttp?: "loopback" | "anywhere"
}

/**
 * An application at TrustAuthX, and a `Provider` of its users' sessions. Their account is the `uid`.
 *
 * @category services
 * @since 0.1.0
 */
export class TrustAuthX extends Context.Service<
  TrustAuthX,
  {
    readonly name: "trustauthx"
    /** The address of the service and the `apiKey`: two applications never share a session. */
    readonly instance: string
    readonly rotates: true
    /** Where a browser signs in: it comes back to the application with a `code` for `getUser`. No request is made. */
    readonly generateUrl: (page?: LoginPage) => Effect.Effect<string, InvalidRequest>
    /** Where a browser changes its user's settings. It holds secrets in clear: send it there, and nowhere else. No request is made. */
    readonly generateEditUserUrl: (page: EditPage) => Effect.Effect<Redacted.Redacted<string>, InvalidRequest>
    /** The user and the session that a code of the login page stands for. A code is good once: after a lost answer it may be spent. */
    readonly getUser: (code: Redacted.Redacted<string>) => Effect.Effect<User, TokenError>
    /** The same for a code of the page for settings. */
    readonly reAuth: (code: Redacted.Redacted<string>) => Effect.Effect<User, TokenError>
    readonly getUserData: (accessToken: Redacted.Redacted<string>) => Effect.Effect<UserData, TokenError>
    /**
     * Spends the refresh token: keep the new pair. `refresh` does this for a whole session. After a lost answer the token may be
     * spent, a caller that is interrupted loses the new pair, and two callers at once spend one token twice, which looks like theft. A
     * `SessionRef` takes care of all that; without one, run the call and what keeps the pair in one `Effect.uninterruptible`.
     */
    readonly getAccessTokenFromRefreshToken: (
      refreshToken: Redacted.Redacted<string>
    ) => Effect.Effect<TokenPair, RefreshError>
    /** False is the service's verdict. No answer, or one of a service that fails, is an error and never false. */
    readonly validateAccessToken: (
      accessToken: Redacted.Redacted<string>
    ) => Effect.Effect<boolean, ProviderError>
    /**
     * Whether the access token is good; if not, the refresh token is exchanged: then `state` is false, and the tokens are new and
     * good. `SessionExpired` where neither is. Tokens get lost as they do with `getAccessTokenFromRefreshToken`.
     */
    readonly validateTokenSet: (tokens: Tokens) => Effect.Effect<TokenCheck, RefreshError>
    /** Ends one token: the access token where there are both. False where the service says that it did not. */
    readonly revokeToken: (tokens: RevokeOptions) => Effect.Effect<boolean, TokenError>
    /**
     * The session that goes on with new tokens, such as those of a sign-off or of `getAccessTokenFromRefreshToken`, for `adopt` of a
     * `SessionRef`. Their life is assumed to be that of the session before. No request is made.
     */
    readonly withTokens: (
      session: Session,
      tokens: Pick<TokenPair, "accessToken" | "refreshToken">
    ) => Effect.Effect<Session, InvalidRequest>
    readonly attachRole: ChangeRoles<RoleChange>
    readonly removeRole: ChangeRoles<RoleChange>
    readonly updateRole: ChangeRoles<RoleUpdate>
    /**
     * Exchanges the refresh token. The service does not tell how long the new tokens live: the life of the session before is
     * assumed again. A session of another application is an `InvalidRequest`.
     */
    readonly refresh: (session: Session) => Effect.Effect<Session, RefreshError>
    /**
     * Revokes the refresh token, then the access token, and no other session of the user. Both are tried; it fails where one of them may
     * still be good. A token that the service refuses has ended before.
     */
    readonly logout: (session: Session) => Effect.Effect<"Revoked", LogoutError>
  }
>()("@latchkey/trustauthx/TrustAuthX") {
  /**
   * Both services over one connection, with one copy of the roles. Fails with `InvalidRequest` for options that cannot
   * work; sends nothing yet.
   *
   * Any `HttpClient` will do that does not follow redirects by itself: `fetch` is told not to, but nobody can tell one made
   * with `HttpClient.followRedirects`.
   */
  static readonly layer = (
    options: Options
  ): Layer.Layer<TrustAuthX | TrustAuthXRoles, InvalidRequest, HttpClient.HttpClient> =>
    Layer.effectContext(connect(options))

  /** The same options, each a `Config`. */
  static readonly layerConfig = (
    options: Config.Wrap<Options>
  ): Layer.Layer<TrustAuthX | TrustAuthXRoles, InvalidRequest | Config.ConfigError, HttpClient.HttpClient> =>
    Layer.effectContext(Effect.flatMap(Config.unwrap(options), connect))
}

/**
 * With `signOff` the session is replaced by one that carries the roles: a caller that is interrupted loses it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChangeRoles<in Change> {
  (change: Change & SignOff): Effect.Effect<SignOffSessionReplace, ReplaceError>
  (change: Change & { readonly signOff?: undefined }): Effect.Effect<RoleAssignment, AssignError>
}

const connect = (options: Options) =>
  Effect.map(Connect.make(options), ({ roles, users }) =>
    Context.make(TrustAuthX, users).pipe(Context.add(TrustAuthXRoles, roles))
  )
