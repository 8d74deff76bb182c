/**
 * Signs a running Resonite IO game client in to its cloud account, over gRPC on the Unix socket of the mod.
 *
 * The game keeps its token, and its session, to itself: it renews both, and what it is signed in as is the same for
 * everybody who may open its socket. Nothing is repeated, scheduled or kept here, but for `changes`, which asks as long as
 * somebody listens.
 *
 * A login that was interrupted, timed out or lost its connection may have succeeded: the game does not hear that nobody
 * waits. Ask `status` before you conclude anything.
 *
 * @since 0.1.0
 */
import type { InvalidRequest } from "@latchkey/core/AuthError"
import type { Provider } from "@latchkey/core/Provider"
import type { Session } from "@latchkey/core/Session"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { AuthStatus } from "./AuthStatus.ts"
import { connected } from "./internal/connected.ts"
import { given } from "./internal/environment.ts"
import { where } from "./internal/where.ts"
import * as ResoniteSocket from "./ResoniteSocket.ts"
import type { CallOptions, ChangesOptions, Credentials, LoginError, StatusError } from "./SignIn.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The path of the socket; an empty one counts as not given. Default: what `ResoniteSocket.find` finds. */
  readonly socket?: string
  /** Of each call; more than 0, and with an end. Default: 30 s for a login or a logout, 10 s for a status. */
  readonly timeout?: Duration.Input
}

/**
 * A game. `login`, `logout` and `status` are those of its own service; the rest is made of them.
 *
 * @category services
 * @since 0.1.0
 */
export class Resonite extends Context.Service<
  Resonite,
  {
    /** Signs in, and answers the status right after it. Each one is a new sign-in: never repeat it by yourself. */
    readonly login: (credentials: Credentials, options?: CallOptions) => Effect.Effect<AuthStatus, LoginError>
    /** Signs out, whoever is signed in. Succeeds where nobody is. */
    readonly logout: (options?: CallOptions) => Effect.Effect<AuthStatus, StatusError>
    /** Asks who is signed in. A game that is still starting says that nobody is. */
    readonly status: (options?: CallOptions) => Effect.Effect<AuthStatus, StatusError>
    /**
     * The status now, and whatever becomes of it. The game announces nothing, so it is asked again and again, as long as the
     * stream is read. A failure is an element like any other, and comes once as long as its tag (with its `reason` or
     * `precondition`) is the same, whatever its message says.
     */
    readonly changes: (options?: ChangesOptions) => Stream.Stream<Result.Result<AuthStatus, StatusError>>
    /**
     * `login`, with the answer as a session. Its account is the user's id, or the name, or `unknown` where the game knows
     * neither yet: a game holds one sign-in at a time.
     */
    readonly signIn: (credentials: Credentials, options?: CallOptions) => Effect.Effect<Session, LoginError>
    /**
     * For a `SessionRef`. Its sessions hold no token and no expiry; `refresh` asks whether the game is still signed in as the
     * same user (`SessionExpired` where it is not), and `logout` signs it out, unless somebody else has signed in since.
     *
     * Users are told apart by id, else by name. Where the session and the game have neither in common, `refresh` keeps the
     * session as it is, and `logout` signs out all the same.
     *
     * A game that is starting says that it is logged out, and nothing on the wire tells the difference: a `refresh` at that
     * moment is `SessionExpired` (a `SessionRef` then forgets the session) although the game will remember its user.
     *
     * All games that are looked for, rather than named by `socket`, are one instance: their sessions share a key per account.
     */
    readonly provider: Provider<StatusError, StatusError>
  }
>()("@latchkey/resonite/Resonite") {
  /**
   * Connects with the first call, and looks for the socket anew with each connection, in the environment as it is then
   * or in the `ConfigProvider` of the layer. Fails with `InvalidRequest` for a timeout that cannot work.
   */
  static readonly layer = (options: Options = {}): Layer.Layer<Resonite, InvalidRequest> =>
    Layer.effect(Resonite, connect(options))

  /** The same options, each a `Config`. */
  static readonly layerConfig = (
    options: Config.Wrap<Options>
  ): Layer.Layer<Resonite, InvalidRequest | Config.ConfigError> =>
    Layer.effect(Resonite, Effect.flatMap(Config.unwrap(options), connect))
}

const connect = Effect.fnUntraced(function* (options: Options) {
  const find = ResoniteSocket.find(options)
  const provider = yield* given
  return yield* connected(
    where(options.socket),
    Option.isSome(provider)
      ? Effect.provideService(find, ConfigProvider.ConfigProvider, provider.value)
      : find,
    options
  )
})
