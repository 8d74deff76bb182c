/**
 * Signs people in to a CryoSPARC instance, over its own web API, as the command line of cryosparc-tools does.
 *
 * A session lasts as long as was asked for, and then one signs in again: there is no renewal, and no way to revoke a
 * token. Nothing is repeated, scheduled or kept here. To share a session with cryosparc-tools, put it into a
 * `CryosparcSessionStore`.
 *
 * @since 0.1.0
 */
import type {
  InvalidLogin,
  InvalidRequest,
  PermissionDenied,
  ProviderError,
  SessionExpired
} from "@latchkey/core/AuthError"
import type { Session } from "@latchkey/core/Session"
import type { SessionKey } from "@latchkey/core/SessionKey"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Operations from "./internal/operations.ts"

/**
 * The failures of signing in. `PermissionDenied`: the instance, or something in front of it, does not let this client in.
 *
 * @category errors
 * @since 0.1.0
 */
export type LoginError = ProviderError | InvalidLogin | PermissionDenied

/**
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  /** As it was registered; it is neither trimmed nor put in lower case. */
  readonly email: string
  /** Only its hash is sent. */
  readonly password: Redacted.Redacted<string>
  /** The life of the session: at least 1 second, at most 365 days. Default: 14 days. */
  readonly expiresIn?: Duration.Input
}

/**
 * @category options
 * @since 0.1.0
 */
export interface CallOptions {
  /** Of the whole sign-in: more than 0, and with an end. Default: that of the client. */
  readonly timeout?: Duration.Input
}

/**
 * Where a token comes from, request by request. A `SessionRef` is one. With a `key` of another instance no token is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface TokenSource<out E> {
  readonly key?: SessionKey
  readonly token: Effect.Effect<Redacted.Redacted<string>, E>
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Such as `https://cryosparc.example.com` or `localhost:39000`: `http://` is put in front of what has neither. Sessions
   * are kept under this text, a slash at its end included, as cryosparc-tools looks for them.
   */
  readonly url: string
  /** Of a whole sign-in; more than 0, and with an end. Default: 30 s. */
  readonly timeout?: Duration.Input
  /**
   * Where plain http may lead. `anywhere` is for a laboratory whose network is trusted: whoever listens there can sign in
   * with what is sent. Default: `loopback`.
   */
  readonly plainHttp?: "loopback" | "anywhere"
}

/**
 * A CryoSPARC instance, and a `Provider` of sessions on it, whose renewal always fails: a `SessionRef` hands out a
 * session until it ends, and is `SessionExpired` from then on.
 *
 * @category services
 * @since 0.1.0
 */
export class CryoSparc extends Context.Service<
  CryoSparc,
  {
    readonly name: "cryosparc"
    /** The `instance` of its session keys. */
    readonly instance: string
    readonly rotates: false
    readonly renewAfter: (session: Session) => Option.Option<Duration.Duration>
    /**
     * Signs in: one request for the description of the API, which tells where, and one with the password's hash. The
     * session ends, by the local clock, `expiresIn` after the call began, cut to whole seconds.
     */
    readonly login: (credentials: Credentials, options?: CallOptions) => Effect.Effect<Session, LoginError>
    /** Fails: there is no renewal. */
    readonly refresh: (session: Session) => Effect.Effect<never, SessionExpired>
    /** Does nothing: a token stays good until it ends. Forget the session. */
    readonly logout: (session: Session) => Effect.Effect<"NotRevocable">
    /**
     * The API of the instance, with the token of a session on every request. URLs are paths of the API, such as
     * `/users/me`; one that leads out of it, and a session of another instance, fail with `InvalidUrlError`, and nothing
     * is sent. Any status is an answer, 401 and redirects included. No
     * trace context goes along, and `HttpClient.withScope` around it does not end a body that is not read. `refused` and `use` of a `SessionRef`, told of a 401,
     * remove the session from the store: also from the file that is shared with cryosparc-tools.
     */
    readonly client: <E = never>(
      credential: Session | TokenSource<E>
    ) => HttpClient.HttpClient.With<HttpClientError | E>
  }
>()("@latchkey/cryosparc/CryoSparc") {
  /**
   * Fails with `InvalidRequest` for options that cannot work; sends nothing yet.
   *
   * Any `HttpClient` will do that does not follow redirects by itself: `fetch` is told not to, but nobody can tell one made
   * with `HttpClient.followRedirects`. A `FetchHttpClient.RequestInit` of your own is for this layer, not for the client's.
   */
  static readonly layer = (options: Options): Layer.Layer<CryoSparc, InvalidRequest, HttpClient.HttpClient> =>
    Layer.effect(CryoSparc, Operations.make(options))

  /** The same options, each a `Config`. */
  static readonly layerConfig = (
    options: Config.Wrap<Options>
  ): Layer.Layer<CryoSparc, InvalidRequest | Config.ConfigError, HttpClient.HttpClient> =>
    Layer.effect(CryoSparc, Effect.flatMap(Config.unwrap(options), Operations.make))
}
