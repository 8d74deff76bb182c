/**
 * Signs people in to Synmetrix: to the auth server in front of its GraphQL, over HTTP.
 *
 * Sessions are values that are given in and out: nothing is kept, repeated or scheduled here. A renewal spends the refresh
 * token, so let a `SessionRef` do it.
 *
 * @since 0.1.0
 */
import type {
  FailedPrecondition,
  InvalidRequest,
  InvalidToken,
  NotAuthenticated,
  PermissionDenied
} from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import type { JwtKey } from "@latchkey/jwt/JwtKey"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { AccessToken } from "./AccessToken.ts"
import * as Operations from "./internal/operations.ts"
import type * as SignIn from "./SignIn.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /** Of the whole operation: more than 0, and with an end. Default: that of the client. */
  readonly timeout?: Duration.Input
}

/**
 * @category options
 * @since 0.1.0
 */
export interface LogoutOptions extends CallOptions {
  /** Whether every session of the account ends. Default: `logoutAll` of the client. */
  readonly all?: boolean
}

/**
 * @category options
 * @since 0.1.0
 */
export interface VerifyOptions {
  /** Of the server: a secret for HS256, as Synmetrix comes, or the public key of another algorithm. */
  readonly key: JwtKey
  /** By how much the clocks may differ. Default: 60 s. */
  readonly leeway?: Duration.Input
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The origin of the application, such as `https://app.synmetrix.org`. Slashes at its end do not matter. */
  readonly url: string
  /** Of every operation; more than 0, and with an end. Default: 30 s. */
  readonly timeout?: Duration.Input
  /** Where plain http may lead. Default: `loopback`. */
  readonly plainHttp?: "loopback" | "anywhere"
  /**
   * Leaves refresh tokens in cookies, which the HTTP client keeps: `fetch` does in a browser, `HttpClient.withCookiesRef` makes any
   * client do it. Such a client is of one account. Default: false: no cookie is asked for, sent or kept by `fetch`.
   */
  readonly cookie?: boolean
  /** Whether `logout` ends every session of the account. Default: true, as in the documented client. */
  readonly logoutAll?: boolean
  /** Looked for before `hasura` and `https://hasura.io/jwt/claims`. */
  readonly claimsNamespace?: string
}

/**
 * A Synmetrix server, and a `Provider` of sessions on it. Every operation that takes a session fails with `InvalidRequest` (`session`) for one
 * of another server, and nothing is sent.
 *
 * @category services
 * @since 0.1.0
 */
export class Synmetrix extends Context.Service<
  Synmetrix,
  {
    readonly name: "synmetrix"
    /** The `instance` of its session keys. */
    readonly instance: string
    readonly rotates: true
    readonly login: (
      credentials: SignIn.Credentials,
      options?: CallOptions
    ) => Effect.Effect<SignIn.SignedIn | SignIn.SecondFactorRequired, SignIn.LoginError>
    /** Makes an account, which most servers sign in to at once. No mail is sent there, password or not. */
    readonly register: (
      registration: SignIn.Registration,
      options?: CallOptions
    ) => Effect.Effect<SignIn.SignedIn | SignIn.ActivationPending, SignIn.RegisterError>
    /** The second step of a sign-in. */
    readonly submitTotp: (
      factor: SignIn.SecondFactor,
      options?: CallOptions
    ) => Effect.Effect<Session, SignIn.TotpError>
    /** Has a link mailed to an account that exists. */
    readonly requestMagicLink: (
      email: string,
      options?: CallOptions
    ) => Effect.Effect<SignIn.LinkSent, SignIn.LoginError>
    /**
     * Registers an address without a password, as the documented client does; where it is taken, has a link mailed there. A new
     * address is signed in to at once on most servers, and gets no mail. Fails with `AccountExists` for an account that was never activated.
     */
    readonly sendMagicLink: (
      email: string,
      options?: CallOptions
    ) => Effect.Effect<
      SignIn.SignedIn | SignIn.LinkSent | SignIn.ActivationPending,
      SignIn.RegisterError | SignIn.LoginError
    >
    /** Signs in with where a link has led, and spends the token that lies in the mailbox. */
    readonly completeMagicLink: (
      callback: SignIn.CallbackUrl,
      options?: CallOptions
    ) => Effect.Effect<Session, SignIn.LinkError>
    /** The session of a sign-in. Fails with `TotpRequired` or `AccountNotActivated` where there is none yet. */
    readonly sessionOf: (
      result: SignIn.SignedIn | SignIn.SecondFactorRequired | SignIn.ActivationPending
    ) => Effect.Effect<Session, FailedPrecondition>
    /**
     * Renews a session, and spends its refresh token. After `TimedOut` or `Closed` it may be spent as well: do not send it again
     * blindly.
     */
    readonly refresh: (session: Session, options?: CallOptions) => Effect.Effect<Session, SignIn.RefreshError>
    /** `refresh`, by its documented name. */
    readonly refreshToken: (
      session: Session,
      options?: CallOptions
    ) => Effect.Effect<Session, SignIn.RefreshError>
    /** Ends the refresh token, and perhaps all of the account. The access token stays good until it ends by itself. */
    readonly logout: (
      session: Session,
      options?: LogoutOptions
    ) => Effect.Effect<"Revoked", SignIn.LogoutError>
    /**
     * Ends this very session, whatever `logoutAll` says: what `SessionRef` does to one that was won after its user had signed out.
     * A session in a cookie cannot be named: the one that the cookie is of ends.
     */
    readonly revoke: (session: Session, options?: CallOptions) => Effect.Effect<"Revoked", SignIn.LogoutError>
    /** No session ends by it. */
    readonly changePassword: (
      session: Session,
      change: SignIn.PasswordChange,
      options?: CallOptions
    ) => Effect.Effect<void, SignIn.ChangePasswordError>
    /**
     * The headers of a GraphQL request: the access token and, where it is told, the role. They are masked when printed. Fails with
     * `PermissionDenied` for a role that the session does not have, and with `InvalidToken` for a token that is no JWT, such as an
     * admin secret. Nothing is sent.
     */
    readonly authHeaders: (
      session: Session,
      options?: { readonly role?: string }
    ) => Effect.Effect<Headers.Headers, NotAuthenticated | PermissionDenied | InvalidToken | InvalidRequest>
    /** Reads a token and trusts nothing: neither signature nor times are looked at. Base no decision on it. */
    readonly parseAccessToken: (token: Redacted.Redacted<string>) => Effect.Effect<AccessToken, InvalidToken>
    /** Reads a token that this server has signed, and that has not ended. */
    readonly verifyAccessToken: (
      token: Redacted.Redacted<string>,
      options: VerifyOptions
    ) => Effect.Effect<AccessToken, InvalidToken | InvalidRequest>
  }
>()("@latchkey/synmetrix/Synmetrix") {
  /**
   * Fails with `InvalidRequest` for options that cannot work; sends nothing yet.
   *
   * Any `HttpClient` will do that follows no redirects and, unless `cookie` is on, keeps no cookies: a server believes a cookie
   * before anything else.
   */
  static readonly layer = (options: Options): Layer.Layer<Synmetrix, InvalidRequest, HttpClient.HttpClient> =>
    Layer.effect(Synmetrix, Operations.make(options))

  /** The same options, each a `Config`. */
  static readonly layerConfig = (
    options: Config.Wrap<Options>
  ): Layer.Layer<Synmetrix, InvalidRequest | Config.ConfigError, HttpClient.HttpClient> =>
    Layer.effect(Synmetrix, Effect.flatMap(Config.unwrap(options), Operations.make))
}
